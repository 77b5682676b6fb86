package gateway_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
)

// wantKeyServed makes sure that a key opens a route in its user's place.
func (w *world) wantKeyServed(name string, key managedKey) {
	w.t.Helper()
	if got := w.send(http.MethodGet, priority, "", key.header()); got.status != http.StatusOK {
		w.t.Errorf("%s: %d %s", name, got.status, got.body)
	}
}

// TestRevokedAPIKeyIsRefusedEverywhere revokes keys on one replica, and measures until
// two others refuse what they have just served.
func TestRevokedAPIKeyIsRefusedEverywhere(t *testing.T) {
	stores, _ := onMariaDBCheaply(t)
	stores = managed(stores)
	here, others := start(t, stores), []*world{start(t, stores), start(t, stores)}
	var took []time.Duration
	for range 50 {
		key := here.newKey(settings{"user": "4", "scopes": "customer"})
		for _, w := range others {
			w.wantKeyServed("before", key)
		}
		began := time.Now()
		here.revokeKey(key)
		for _, w := range others {
			for w.send(http.MethodGet, priority, "", key.header()).status == http.StatusOK {
				if time.Since(began) > 10*time.Second {
					t.Fatal("a replica serves a key that was revoked")
				}
			}
		}
		took = append(took, time.Since(began))
		for _, w := range append(others, here) {
			w.wantProblem("afterwards", w.send(http.MethodGet, priority, "", key.header()), 401, "token_revoked")
		}
	}
	slices.Sort(took)
	t.Logf("from the order to revoke an API key to the refusal by two other replicas, %d keys: p50 %v, p90 %v, p99 %v, max %v",
		len(took), took[len(took)/2], took[len(took)*9/10], took[len(took)*99/100], took[len(took)-1])
	if slowest := took[len(took)-1]; slowest > time.Second {
		t.Errorf("the slowest took %v, want less than 1s", slowest)
	}
}

// TestRevocationOvertakesReads revokes a key while three replicas read it all the time,
// from a Redis that keeps losing it and so from the database: no read that began before
// the end of the key brings it back.
func TestRevocationOvertakesReads(t *testing.T) {
	stores, _ := onMariaDBCheaply(t)
	over := merge(managed(stores), settings{"api_keys.cache_ttl": "0s"})
	replicas := []*world{start(t, over), start(t, over), start(t, over)}
	var slowest time.Duration
	for range 3 {
		key := replicas[0].newKey(settings{"user": "4", "scopes": "authenticated"})
		use := newKeyUse(replicas, key)
		stop := make(chan struct{})
		var wait sync.WaitGroup
		wait.Go(func() {
			for name := stores["redis.key_prefix"] + "{k:key-" + key.id + "}"; ; redisAsk(t, "DEL", name) {
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		eventually(t, "the key is in use", func() bool { return use.served.Load() > 50 })
		replicas[0].revokeKey(key)
		revoked := time.Now()
		eventually(t, "the key is refused", func() bool { return use.refused.Load() > 300 })
		close(stop)
		wait.Wait()
		slowest = max(slowest, use.stop().Sub(revoked))
	}
	t.Logf("the last request that was served began at most %v after the answer that the key is revoked", slowest)
	if slowest > time.Second {
		t.Errorf("a key was served %v after it was revoked", slowest)
	}
}

// keyUse sends requests with a key until it is stopped.
type keyUse struct {
	served, refused atomic.Int64
	done            chan struct{}
	wait            sync.WaitGroup

	mu   sync.Mutex
	last time.Time // when the last one began that was served
}

// newKeyUse starts two clients at each replica.
func newKeyUse(replicas []*world, key managedKey) *keyUse {
	u := &keyUse{done: make(chan struct{})}
	for _, w := range slices.Concat(replicas, replicas) {
		u.wait.Go(func() { u.run(w, key) })
	}
	return u
}

func (u *keyUse) run(w *world, key managedKey) {
	for {
		select {
		case <-u.done:
			return
		default:
		}
		began := time.Now()
		switch got := w.send(http.MethodGet, "/api/v1/authenticate/user", "", key.header()); got.status {
		case http.StatusOK:
			u.served.Add(1)
			u.mu.Lock()
			if began.After(u.last) {
				u.last = began
			}
			u.mu.Unlock()
		case http.StatusUnauthorized:
			u.refused.Add(1)
		default:
			w.t.Errorf("answer is %d %s", got.status, got.body)
		}
	}
}

// stop ends all clients and returns when the last request began that was served.
func (u *keyUse) stop() time.Time {
	close(u.done)
	u.wait.Wait()
	return u.last
}

// TestRotatedAPIKeyHasTwoSecrets on every replica, until the old one ends by itself.
func TestRotatedAPIKeyHasTwoSecrets(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	stores = managed(stores)
	replicas := []*world{start(t, stores), start(t, stores), start(t, stores)}
	first := replicas[0].newKey(settings{"user": "4", "scopes": "customer"})
	for _, w := range replicas {
		w.wantKeyServed("before the rotation", first)
	}
	rotate := func(w *world, overlap string) managedKey {
		t.Helper()
		return w.wantKey("rotate", w.manage(http.MethodPost, "apikeys/"+first.id+"/rotate", `{"overlap":"`+overlap+`"}`), http.StatusOK)
	}
	began := time.Now()
	second := rotate(replicas[1], "2s")
	if second.id != first.id || second.secret == first.secret {
		t.Fatalf("the rotation of %s made %s", first.id, second.id)
	}
	for _, w := range replicas {
		eventually(t, "the new secret", func() bool { return w.send(http.MethodGet, priority, "", second.header()).status == http.StatusOK })
		if took := time.Since(began); took > time.Second {
			t.Errorf("the new secret is good after %v", took)
		}
		w.wantKeyServed("the old secret", first)
	}
	for _, w := range replicas {
		eventually(t, "the end of the overlap", func() bool { return w.send(http.MethodGet, priority, "", first.header()).status != http.StatusOK })
		w.wantProblem("the old secret after its end", w.send(http.MethodGet, priority, "", first.header()), 401, "token_invalid")
		w.wantKeyServed("the new secret alone", second)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the old secret ended after %v, want 2s", took)
	}
	// A leaked secret is ended at once by another rotation, without an overlap.
	third := rotate(replicas[2], "0s")
	began = time.Now()
	for _, w := range replicas {
		eventually(t, "the end of the leaked secret", func() bool { return w.send(http.MethodGet, priority, "", second.header()).status != http.StatusOK })
		eventually(t, "the third secret", func() bool { return w.send(http.MethodGet, priority, "", third.header()).status == http.StatusOK })
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the leaked secret ended everywhere after %v", took)
	}
	replicas[0].revokeKey(third)
	replicas[1].wantProblem("rotate a revoked key", replicas[1].manage(http.MethodPost, "apikeys/"+first.id+"/rotate", ""), 400, "bad_request")
}

// TestAPIKeysWithoutRedis cuts the replicas off from Redis: what they know of keys comes
// from the state database then, and a revocation says that it could not be told.
func TestAPIKeysWithoutRedis(t *testing.T) {
	stores, _ := onMariaDBCheaply(t)
	redis := newSwitch(t, redisAddress)
	const ttl = time.Second
	over := merge(managed(stores), settings{"redis.url": "redis://" + redis.address() + "/0", "api_keys.cache_ttl": ttl.String()})
	replicas := []*world{start(t, over), start(t, over), start(t, over)}
	here := replicas[0]
	bound := func() managedKey { return here.newKey(settings{"user": "4", "scopes": "customer"}) }
	warm, cold, gone := bound(), bound(), bound()
	here.revokeKey(gone)
	for _, w := range replicas {
		w.wantKeyServed("before", warm)
	}
	mend := redis.cut()
	for _, w := range replicas {
		w.wantKeyServed("a cold key", cold)
		w.wantProblem("another secret of a cold key", w.send(http.MethodGet, priority, "", "X-API-Key: "+withOtherSecret(cold.secret)), 401, "token_invalid")
		w.wantProblem("a cold key that was revoked", w.send(http.MethodGet, priority, "", gone.header()), 401, "token_revoked")
		w.wantProblem("an unknown key", w.send(http.MethodGet, priority, "", "X-API-Key: "+wellFormedKey("fgw_000000000000"+cold.secret[16:60])), 401, "token_invalid")
	}
	for _, w := range replicas {
		w.wantKeyServed("the warm one", warm)
	}
	got := here.manage(http.MethodPost, "apikeys/"+warm.id+"/revoke", "")
	here.wantAdminProblem("revoke", got, http.StatusServiceUnavailable, "unavailable", "is stored")
	began := time.Now()
	here.wantProblem("where it was revoked", here.send(http.MethodGet, priority, "", warm.header()), 401, "token_revoked")
	for _, w := range replicas[1:] {
		eventually(t, "the end of the key", func() bool { return w.send(http.MethodGet, priority, "", warm.header()).status != http.StatusOK })
		w.wantProblem("the key that was revoked", w.send(http.MethodGet, priority, "", warm.header()), 401, "token_revoked")
	}
	if took := time.Since(began); took > ttl+time.Second {
		t.Errorf("the others refuse after %v, want within cache_ttl, %v", took, ttl)
	} else {
		t.Logf("told by nobody, the others refuse after %v", took)
	}
	here.wantAdminProblem("revoke again", here.manage(http.MethodPost, "apikeys/"+warm.id+"/revoke", ""), http.StatusServiceUnavailable, "unavailable", "is stored")
	mend()
	eventually(t, "the news can be told", func() bool {
		return here.manage(http.MethodPost, "apikeys/"+warm.id+"/revoke", "").status == http.StatusOK
	})
	for _, w := range replicas {
		w.wantProblem("with Redis", w.send(http.MethodGet, priority, "", warm.header()), 401, "token_revoked")
		w.wantKeyServed("another key, with Redis", cold)
	}
}

// wantAdminProblem checks a refusal of the admin API, and that its sentence says so.
func (w *world) wantAdminProblem(name string, got answer, status int, code, says string) {
	w.t.Helper()
	var refusal struct{ Error, Message string }
	if err := json.Unmarshal([]byte(got.body), &refusal); err != nil || got.status != status || refusal.Error != code || !strings.Contains(refusal.Message, says) {
		w.t.Errorf("%s: %d %s, want %d %s that says %q", name, got.status, got.body, status, code, says)
	}
}

// TestAPIKeysWithoutStateDatabase cuts one replica off from where the keys are: it serves
// what it has just known, and says of the rest that it cannot know. Nobody is refused for
// it, and nobody gets in.
func TestAPIKeysWithoutStateDatabase(t *testing.T) {
	stores, _ := onMariaDBCheaply(t)
	state := newSwitch(t, service.MariaDBAddress)
	const ttl = time.Second
	over := merge(managed(stores), settings{"api_keys.cache_ttl": ttl.String()})
	here := start(t, over)
	cutOff := start(t, merge(over, settings{
		"state.database": strings.Replace(stores["faveo.database"], service.MariaDBAddress, state.address(), 1),
	}))
	bound := func() managedKey { return here.newKey(settings{"user": "4", "scopes": "customer"}) }
	warm, shared, cold := bound(), bound(), bound()
	token := here.login("alice", "AlicePass1!")
	cutOff.wantKeyServed("before", warm)
	here.wantKeyServed("on the other replica", shared)
	mend := state.cut()
	// What is in Redis is as good as the database for half a minute.
	redisSays(t, redisAddress, "DEL "+stores["redis.key_prefix"]+"{k:key-"+warm.id+"}")
	began, served := time.Now(), 0
	eventually(t, "the end of cache_ttl", func() bool {
		got := cutOff.send(http.MethodGet, priority, "", warm.header())
		switch got.status {
		case http.StatusOK:
			served++
		case http.StatusServiceUnavailable:
			cutOff.wantProblem("a key that nobody knows any more", got, http.StatusServiceUnavailable, "unavailable")
			if got.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			return true
		default:
			t.Errorf("a fault is answered %d %s", got.status, got.body)
		}
		return false
	})
	if took := time.Since(began); took > ttl+time.Second || served == 0 {
		t.Errorf("the warm key was served %d times for %v, want %v", served, took, ttl)
	}
	for name, key := range map[string]string{
		"a cold one": cold.secret, "another secret": withOtherSecret(cold.secret), "an unknown one": wellFormedKey("fgw_000000000000" + cold.secret[16:60]),
	} {
		for where, got := range map[string]answer{
			"alone":          cutOff.send(http.MethodGet, priority, "", "X-API-Key: "+key),
			"beside a token": cutOff.send(http.MethodGet, priority, "", "X-API-Key: "+key, bearer(token)),
			"at a login":     cutOff.keyed(http.MethodPost, "/api/v1/authenticate", bobAtLogin, inForm, key),
		} {
			cutOff.wantProblem(name+", "+where, got, http.StatusServiceUnavailable, "unavailable")
		}
	}
	cutOff.wantProblem("what is no key at all", cutOff.send(http.MethodGet, priority, "", "X-API-Key: fgw_"), 401, "token_invalid")
	cutOff.wantKeyServed("a key that Redis has of the other replica", shared)
	cutOff.wantServed("a token without a key", token)
	here.wantKeyServed("where the database is", warm)
	if n := counter(t, cutOff.metrics(), `faveo_gateway_apikey_checks_total{result="error"}`); n < 9 {
		t.Errorf("%d checks that failed were counted", n)
	}
	mend()
	eventually(t, "it is back", func() bool { return cutOff.send(http.MethodGet, priority, "", cold.header()).status == http.StatusOK })
	cutOff.wantKeyServed("the warm one", warm)
}
