package gateway_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/config"
)

// TestStoresDown provokes what deploy/docs/http.md promises for stores that are
// down: faults are 503, never 401, and what needs no store goes on.
func TestStoresDown(t *testing.T) {
	stores, _ := onMariaDB(t)
	database, redis := newSwitch(t, "127.0.0.1:3306"), newSwitch(t, redisAddress)
	stores["faveo.database"] = strings.Replace(stores["faveo.database"], "127.0.0.1:3306", database.address(), 1)
	stores["redis.url"] = "redis://" + redis.address() + "/0"
	w := start(t, merge(stores, settings{"sessions.cache_ttl": "1m", "sessions.refresh_overlap": "1m", "sessions.account_ttl": "5m"}))
	warm, cold := w.login("alice", "AlicePass1!"), w.login("bob", "BobPass1!")
	const route = "/api/v1/helpdesk/priority"
	login := func() answer {
		return w.send("POST", "/api/v1/authenticate?username=alice&password=AlicePass1%21", "")
	}
	logout := func(token string) answer {
		return w.send("POST", "/api/v1/authenticate/logout", "", "Authorization: Bearer "+token)
	}

	for _, down := range []struct {
		name                  string
		cut                   func() func()
		warm, refresh, logout int
	}{
		{"redis", redis.cut, http.StatusOK, http.StatusServiceUnavailable, http.StatusServiceUnavailable},
		{"database", database.cut, http.StatusOK, http.StatusOK, http.StatusOK},
	} {
		if got := w.send("GET", route, "", "Authorization: Bearer "+warm); got.status != http.StatusOK {
			t.Fatalf("warm up: %d %s", got.status, got.body)
		}
		mend := down.cut()
		w.wantProblem(down.name+" down: login", login(), 503, "unavailable")
		if got := w.send("GET", route, "", "Authorization: Bearer "+warm); got.status != down.warm {
			t.Errorf("%s down: a warm session: %d %s, want %d", down.name, got.status, got.body, down.warm)
		}
		if got := w.send("POST", "/api/v1/authenticate/refresh", "", "Authorization: Bearer "+warm); got.status != down.refresh {
			t.Errorf("%s down: refresh: %d %s, want %d", down.name, got.status, got.body, down.refresh)
		}
		w.wantProblem(down.name+" down: a cold session", w.send("GET", route, "", "Authorization: Bearer "+cold), 503, "unavailable")
		if got := w.send("GET", "/", ""); got.status != http.StatusOK {
			t.Errorf("%s down: web UI: %d", down.name, got.status)
		}
		if got := w.admin("/readyz"); got.status != 503 || !strings.Contains(got.body, `"`+down.name+`":"down"`) {
			t.Errorf("%s down: readyz: %d %s", down.name, got.status, got.body)
		}
		if got := w.admin("/livez"); got.status != 200 {
			t.Errorf("%s down: livez: %d", down.name, got.status)
		}
		if got := logout(cold); got.status != down.logout {
			t.Errorf("%s down: logout: %d %s, want %d", down.name, got.status, got.body, down.logout)
		}
		mend()
		eventually(t, down.name+" is back", func() bool { return login().status == http.StatusOK })
	}
}

// TestPHPDown tells a PHP that is not there from one that is slow.
func TestPHPDown(t *testing.T) {
	stores, _ := onMariaDB(t)
	hung, err := net.Listen("tcp", "127.0.0.1:0") // It accepts, and never answers.
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	for _, down := range []struct {
		name, url string
		status    int
		code      string
	}{
		{"refused", "http://127.0.0.1:1", 502, "upstream_unavailable"},
		{"hung", "http://" + hung.Addr().String(), 504, "upstream_timeout"},
	} {
		w := &world{t: t, log: &safeBuffer{}}
		w.run(stores, settings{"faveo.urls": down.url, "proxy.timeouts.response_header": "100ms"})
		token := w.login("alice", "AlicePass1!")
		w.wantProblem(down.name, w.send("GET", "/api/v1/helpdesk/priority", "", "Authorization: Bearer "+token), down.status, down.code)
		w.wantProblem(down.name+", web", w.send("GET", "/", ""), down.status, down.code)
	}
}

// TestStartFaults are settings that cannot work: one error that names the key
// and shows no secret.
func TestStartFaults(t *testing.T) {
	stores, db := onMariaDB(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	running := start(t, merge(stores, settings{"state.encryption_keys": aKey}))

	for _, fault := range []struct {
		name string
		over settings
		want []string
	}{
		{"no database", settings{"faveo.database": "mysql://root:hidden@127.0.0.1:1/faveo"}, []string{"faveo.database", "127.0.0.1:1"}},
		{"wrong password", settings{"faveo.database": "mysql://nobody:hidden@127.0.0.1:3306/" + db.Name}, []string{"faveo.database", "nobody"}},
		{"unknown database", settings{"faveo.database": "mysql://root@127.0.0.1:3306/no_such_database"}, []string{"faveo.database", "no_such_database"}},
		{"no Redis", settings{"redis.url": "redis://:hidden@127.0.0.1:1/0"}, []string{"redis.url", "127.0.0.1:1"}},
		{"wrong JWT secret", settings{"faveo.jwt_secret": "hidden-0000000000000000000000000000000000000000", "state.encryption_keys": aKey}, []string{"faveo.jwt_secret"}},
		{"wrong encryption key", settings{"state.encryption_keys": anotherKey}, []string{"state.encryption_keys"}},
		{"public port taken", settings{"server.listen": taken.Addr().String(), "state.encryption_keys": aKey}, []string{"server.listen", "in use"}},
		{"admin port taken", settings{"admin.listen": taken.Addr().String(), "state.encryption_keys": aKey}, []string{"admin.listen", "in use"}},
	} {
		all := merge(merge(stores, settings{
			"server.listen": "127.0.0.1:0", "admin.listen": "127.0.0.1:0", "faveo.jwt_secret": secret,
			"faveo.urls": running.upstream,
		}), fault.over)
		c, err := config.Load(config.Sources{Overrides: all})
		if err != nil {
			t.Fatalf("%s: %v", fault.name, err)
		}
		g, err := gateway.New(context.Background(), gateway.Options{Config: c, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			t.Errorf("%s: the gateway %s started", fault.name, g.Address())
			continue
		}
		for _, part := range fault.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error is %q, want it to name %q", fault.name, err, part)
			}
		}
		if strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error shows a secret or has several lines: %q", fault.name, err)
		}
	}
}

// Two encryption keys.
const (
	aKey       = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	anotherKey = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"
)

// eventually waits for what happens on the network's own time.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}
