package gateway_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/login"
	"faveo-gateway/upstream/standin"
)

// BenchmarkLoginWithoutHash measures a login from the credentials to the answer
// with its token, stored session included, on MariaDB and Redis: everything but
// the password's hash, which is slow on purpose.
func BenchmarkLoginWithoutHash(b *testing.B) {
	stores, _ := onMariaDB(b)
	upstream := httptest.NewServer(standin.New(standin.Options{Secret: secret}))
	defer upstream.Close()
	c, err := config.Load(config.Sources{Overrides: merge(stores, settings{
		"faveo.jwt_secret": secret, "faveo.urls": upstream.URL, "login.min_failure_time": "0s",
	})})
	if err != nil {
		b.Fatal(err)
	}
	service, stop, err := gateway.OpenLoginWithoutHash(context.Background(), gateway.Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	defer func() {
		if err := stop(); err != nil {
			b.Error(err)
		}
	}()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := service.Login(b.Context(), login.Credentials{Username: "alice", Password: "any", Client: identity.Client{Address: "192.0.2.1", Agent: "bench"}}); err != nil {
			b.Fatal(err)
		}
	}
}
