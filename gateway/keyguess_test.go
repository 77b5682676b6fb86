package gateway_test

import (
	"crypto/rand"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// makeKey makes an API key of the members of a JSON object.
func (w *world) makeKey(wish string) (id, secret string) {
	w.t.Helper()
	var made struct {
		APIKey struct{ ID string } `json:"apikey"`
		Secret string
	}
	got := w.manage(http.MethodPost, "apikeys", wish)
	if err := json.Unmarshal([]byte(got.body), &made); err != nil || got.status != http.StatusCreated {
		w.t.Fatalf("create an API key: %d %s", got.status, got.body)
	}
	return made.APIKey.ID, made.Secret
}

// guessedKey is a key that nobody has made, with an id that nobody has. Anybody can compute
// the checksum.
func guessedKey() string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body := "fgw_" + rand.Text()[:12] + "_" + (rand.Text() + rand.Text())[:43]
	crc, sum := crc32.ChecksumIEEE([]byte(body)), [6]byte{}
	for i := range sum {
		sum[5-i], crc = digits[crc%62], crc/62
	}
	return body + string(sum[:])
}

// TestGuessedKeysCostNoDatabase floods the gateway from one address with keys that are
// well formed and none, at an API route and at the login: a few are looked up, the others
// are answered 429, and a key that is known is served meanwhile.
func TestGuessedKeysCostNoDatabase(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, managed(stores))
	_, secret := w.makeKey(`{"name":"real","scopes":"staff","user":"2"}`)
	use := func() answer { return w.send("GET", "/api/v1/helpdesk/priority", "", "X-API-Key: "+secret) }
	if got := use(); got.status != http.StatusOK {
		t.Fatalf("the real key: %d %s", got.status, got.body)
	}
	const lookups = `faveo_gateway_dependency_duration_seconds_count{dependency="state",operation="apikey_find"}`
	before := counter(t, w.metrics(), lookups)
	var (
		all           sync.WaitGroup
		limited, none atomic.Int64
	)
	for i := range 8 {
		path := "/api/v1/helpdesk/check-url"
		if i%2 == 1 {
			path = "/api/v1/authenticate?username=alice&password=x"
		}
		all.Go(func() {
			for range 100 {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url(path), nil)
				r.Header.Set("X-API-Key", guessedKey())
				response, err := w.client.Do(r)
				if err != nil {
					t.Errorf("%v", err)
					return
				}
				response.Body.Close()
				switch {
				case response.StatusCode == http.StatusTooManyRequests && response.Header.Get("Retry-After") != "":
					limited.Add(1)
				case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusOK:
					none.Add(1)
				default:
					t.Errorf("a guess: %s", response.Status)
				}
			}
		})
	}
	for range 20 {
		if got := use(); got.status != http.StatusOK {
			t.Errorf("the real key meanwhile: %d %s", got.status, got.body)
		}
	}
	all.Wait()
	metrics := w.metrics()
	asked := counter(t, metrics, lookups) - before
	// The real key is looked up again when it has been believed for long enough.
	if asked < 60 || asked > 110 || limited.Load() < 700 || int(none.Load()) > asked || int(none.Load()) < asked-10 {
		t.Errorf("800 guesses: %d were limited, %d were none, %d looked up", limited.Load(), none.Load(), asked)
	}
	if n := counter(t, metrics, `faveo_gateway_rate_limited_total{limit="bad_key"}`); int64(n) != limited.Load() {
		t.Errorf("%d are counted, want %d", n, limited.Load())
	}
	w.wantProblem("a guess", w.send("GET", "/api/v1/helpdesk/priority", "", "X-API-Key: "+guessedKey()), http.StatusTooManyRequests, "rate_limited")
	eventually(t, "the trail tells of it", func() bool {
		return strings.Contains(w.manage(http.MethodGet, "audit?limit=1000", "").body, `"subject":"bad_key"`)
	})
}
