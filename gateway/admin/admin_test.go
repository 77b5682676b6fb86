package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/admin"
)

func good(context.Context) error { return nil }

func bad(context.Context) error { return errors.New("SECRET of the inside") }

// hung answers when its context ends.
func hung(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func handler(checks ...admin.Check) *admin.Handler {
	return admin.New(admin.Options{Gatherer: prometheus.NewRegistry(), Checks: checks, CheckTimeout: time.Second})
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// TestReady names the part that is down, within the bound, and not why.
func TestReady(t *testing.T) {
	for _, try := range []struct {
		name   string
		checks []admin.Check
		status int
		parts  map[string]string
	}{
		{"all well", []admin.Check{{"redis", good}, {"database", good}}, 200, map[string]string{"redis": "ok", "database": "ok"}},
		{"one down", []admin.Check{{"redis", bad}, {"database", good}}, 503, map[string]string{"redis": "down", "database": "ok"}},
		{"one hangs", []admin.Check{{"redis", good}, {"database", hung}}, 503, map[string]string{"redis": "ok", "database": "down"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			w := get(handler(try.checks...), "/readyz")
			var got admin.Readiness
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%s: %v", try.name, err)
			}
			if w.Code != try.status || got.Ready != (try.status == 200) || len(got.Parts) != len(try.parts) {
				t.Errorf("%s: %d %s", try.name, w.Code, w.Body)
			}
			for part, want := range try.parts {
				if got.Parts[part] != want {
					t.Errorf("%s: %s is %q, want %q", try.name, part, got.Parts[part], want)
				}
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s: took %v", try.name, took)
			}
		})
	}
}

// TestDrain is not ready any more, whatever the parts say, and still alive.
func TestDrain(t *testing.T) {
	h := handler(admin.Check{Name: "redis", Probe: good})
	h.Drain()
	if w := get(h, "/readyz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d %s", w.Code, w.Body)
	}
	if w := get(h, "/livez"); w.Code != http.StatusOK {
		t.Errorf("livez: %d", w.Code)
	}
}

// TestNothingElse serves no other path.
func TestNothingElse(t *testing.T) {
	h := handler()
	for path, want := range map[string]int{"/metrics": 200, "/": 404, "/debug/pprof/": 404, "/admin/v1/keys": 404, "/api/v1/authenticate": 404} {
		if w := get(h, path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
