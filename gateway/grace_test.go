package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The requests of the table in deploy/docs/http.md, what works while something is down, that a grace is about.
const (
	newInstallationKey = "/api/v1/helpdesk/api_key"
	createTicket       = "/api/v1/helpdesk/create" // PHP answers an empty one with 422.
)

// behindSwitches are the settings of real stores that a test can cut, with which each
// request asks both, and with that grace.
func behindSwitches(t *testing.T, grace string) (over settings, database, redis *switchboard) {
	t.Helper()
	stores, _ := onMariaDB(t)
	database, redis = newSwitch(t, "127.0.0.1:3306"), newSwitch(t, redisAddress)
	stores["faveo.database"] = strings.Replace(stores["faveo.database"], "127.0.0.1:3306", database.address(), 1)
	return merge(stores, settings{
		"redis.url": "redis://" + redis.address() + "/0", "sessions.cache_ttl": "0s", "sessions.account_ttl": "0s", "failure.grace": grace,
	}), database, redis
}

// TestGrace provokes each cell of a store that is down with a grace: who is served, who is
// not, and that nothing but the grace is to be seen of it.
func TestGrace(t *testing.T) {
	t.Parallel()
	over, database, redis := behindSwitches(t, "5m")
	w := start(t, over)
	const served, sent, down = http.StatusOK, http.StatusUnprocessableEntity, http.StatusServiceUnavailable
	for _, cell := range []struct {
		name          string
		cut           func() func()
		grace         string
		change, ended int // What a POST gets, and a read after the logout.
		logout        int
	}{
		{"redis", redis.cut, "session", down, down, down},
		{"redis hangs", redis.hang, "session", down, down, down},
		{"database", database.cut, "account", sent, http.StatusUnauthorized, served},
		{"both", func() func() {
			a, b := redis.cut(), database.cut()
			return func() { a(); b() }
		}, "session,account", down, down, down},
	} {
		admin, cold := w.login("demo_admin", "AdminPass1!"), w.login("bob", "BobPass1!")
		w.wantServed(cell.name+": warm up", admin)
		before := len(w.log.String())
		mend := cell.cut()
		for _, try := range []struct {
			name, method, path, token string
			want                      int
			headers                   []string
		}{
			{"a read", "GET", priority, admin, served, nil},
			{"a HEAD", "HEAD", priority, admin, served, nil},
			{"a change", "POST", createTicket, admin, cell.change, nil},
			{"a change that says it is a read", "POST", createTicket + "?_method=GET", admin, 400, nil},
			{"a change that says so in a header", "POST", createTicket, admin, 400, []string{"X-HTTP-Method-Override: GET"}},
			{"a read that is a change", "GET", createTicket, admin, 400, []string{"X-HTTP-Method-Override: POST"}},
			{"a new key of the installation", "GET", newInstallationKey, admin, down, nil},
			{"a stranger to this replica", "GET", priority, cold, down, nil},
			{"a refresh", "POST", "/api/v1/authenticate/refresh", admin, down, nil},
			{"a login", "POST", "/api/v1/authenticate?username=bob&password=BobPass1%21", "", down, nil},
			{"no token", "GET", priority, "", 401, nil},
			{"a web page", "GET", "/", "", served, nil},
			{"a logout", "POST", "/api/v1/authenticate/logout", admin, cell.logout, nil},
			{"a read after the logout", "GET", priority, admin, cell.ended, nil},
		} {
			headers := try.headers
			if try.token != "" {
				headers = append(headers, bearer(try.token))
			}
			if got := w.send(try.method, try.path, "", headers...); got.status != try.want {
				t.Errorf("%s down: %s: %d %s, want %d", cell.name, try.name, got.status, got.body, try.want)
			}
		}
		if told := `"grace":"` + cell.grace + `"`; !strings.Contains(w.log.String()[before:], told) {
			t.Errorf("%s down: no event says %s", cell.name, told)
		}
		if got := w.admin("/readyz"); got.status != down {
			t.Errorf("%s down: readyz: %d %s", cell.name, got.status, got.body)
		}
		mend()
		eventually(t, cell.name+" is back", func() bool { return w.get(priority, cold).status == served })
		before = len(w.log.String())
		if got := w.get(priority, cold); got.status != served || strings.Contains(w.log.String()[before:], `"grace"`) {
			t.Errorf("%s is back: %d %s", cell.name, got.status, w.log.String()[before:])
		}
	}
	for _, believed := range []string{"session", "account"} {
		if n := counter(t, w.metrics(), `faveo_gateway_failure_grace_total{believed="`+believed+`"}`); n < 4 {
			t.Errorf("grace by %s is counted %d times, want each", believed, n)
		}
	}
}

// TestGraceEnds by the clock, and without one nothing is served longer.
func TestGraceEnds(t *testing.T) {
	t.Parallel()
	for _, grace := range []time.Duration{0, time.Second} {
		over, database, redis := behindSwitches(t, grace.String())
		w := start(t, over)
		token := w.login("alice", "AlicePass1!")
		for name, cut := range map[string]func() func(){"redis": redis.cut, "database": database.cut} {
			began := time.Now()
			w.wantServed("warm up", token)
			mend := cut()
			switch got := w.get(priority, token); {
			case grace == 0 && got.status != http.StatusServiceUnavailable:
				t.Errorf("no grace, %s down: %d %s, want 503", name, got.status, got.body)
			case got.status != http.StatusOK && time.Since(began) < grace: // On a busy machine it may be over.
				t.Errorf("grace %v, %s down: %d %s, want 200", grace, name, got.status, got.body)
			}
			eventually(t, "the grace ends", func() bool { return w.get(priority, token).status == http.StatusServiceUnavailable })
			mend()
			eventually(t, name+" is back", func() bool { return w.get(priority, token).status == http.StatusOK })
		}
	}
}

// TestHangingStores: a store that takes everything and answers nothing costs the first
// requests their deadline and the others nothing, and is used again when it is back.
func TestHangingStores(t *testing.T) {
	over, database, redis := behindSwitches(t, "0s")
	w := start(t, over)
	token := w.login("alice", "AlicePass1!")
	for name, hang := range map[string]func() func(){"redis": redis.hang, "database": database.hang} {
		w.wantServed("warm up", token)
		mend := hang()
		const requests, last = 1000, 200
		var slow, quick []time.Duration
		for i := range requests {
			began := time.Now()
			if got := w.get(priority, token); got.status != http.StatusServiceUnavailable {
				t.Fatalf("%s hangs: %d %s", name, got.status, got.body)
			}
			switch took := time.Since(began); {
			case took > 100*time.Millisecond:
				slow = append(slow, took)
			case i >= requests-last && took < 5*time.Millisecond:
				quick = append(quick, took)
			}
		}
		t.Logf("%s hangs: of %d requests %d waited (%v), and of the last %d were %d answered within 5 ms", name, requests, len(slow), slow, last, len(quick))
		if len(slow) > 5 || len(quick) < last/2 {
			t.Errorf("%s hangs: %d requests waited, %d of the last %d were answered within 5 ms", name, len(slow), len(quick), last)
		}
		mend()
		back := time.Now()
		eventually(t, name+" is back", func() bool { return w.get(priority, token).status == http.StatusOK })
		t.Logf("%s is used again after %v", name, time.Since(back))
		for range 100 {
			w.wantServed(name+" is back", token)
		}
	}
}
