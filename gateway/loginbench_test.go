package gateway_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

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

// BenchmarkLoginThroughput compares logins with right passwords, at the door and with
// everything on, with bcrypt alone on the same cores in the same run. Client, MariaDB
// and Redis take their part of these cores, too. One iteration is a turn of each.
//
//	go test ./gateway -run '^$' -bench LoginThroughput -benchtime 10x
func BenchmarkLoginThroughput(b *testing.B) {
	const (
		people = 40
		turn   = 4 * time.Second
	)
	stores, db := onMariaDB(b)
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), 10)
	if err != nil {
		b.Fatal(err)
	}
	for i := range people {
		db.Exec(b, "INSERT INTO users (user_name, password, active) VALUES (?, ?, 1)", fmt.Sprint("bench", i), string(hash))
	}
	defaults := config.Default().Login.Lockout
	w := start(b, merge(stores, settings{
		"login.lockout.per_account": "15/15m",
		"login.lockout.per_pair":    defaults.PerPair.String(), "login.lockout.per_address": defaults.PerAddress.String(),
	}))
	cores := runtime.GOMAXPROCS(0)
	var next atomic.Int64
	login := func() {
		form := url.Values{"username": {fmt.Sprint("bench", next.Add(1)%people)}, "password": {"right"}}
		response, err := w.client.PostForm(w.url("/api/v1/authenticate"), form)
		if err != nil {
			b.Error(err)
			return
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			b.Errorf("login: %d, %v", response.StatusCode, err)
		}
	}
	verify := func() {
		if err := bcrypt.CompareHashAndPassword(hash, []byte("right")); err != nil {
			b.Error(err)
		}
	}
	perSecond(turn/4, 2*cores, login) // Connections, prepared plans, known addresses.
	var alone, logins float64
	for b.Loop() {
		alone += perSecond(turn, cores, verify)
		logins += perSecond(turn, 2*cores, login)
	}
	b.ReportMetric(alone/float64(b.N), "bcrypt/s")
	b.ReportMetric(logins/float64(b.N), "logins/s")
	b.ReportMetric(logins/alone, "ratio")
}

// perSecond does something in so many goroutines for a time, and returns how often in
// a second it was done.
func perSecond(during time.Duration, goroutines int, do func()) float64 {
	var (
		done  atomic.Int64
		group sync.WaitGroup
		began = time.Now()
	)
	for range goroutines {
		group.Go(func() {
			for time.Since(began) < during {
				do()
				done.Add(1)
			}
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}
