package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
)

// adminToken opens the admin API of the tests.
const adminToken = "an-admin-token-of-the-tests-0000000000001"

// manage calls the admin API.
func (w *world) manage(method, path, body string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, "http://"+w.gateway.AdminAddress()+"/admin/v1/"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return w.do(r)
}

// keyDocument is what the tests read of GET keys.
type keyDocument struct {
	Keys []struct {
		ID        string `json:"kid"`
		Algorithm string `json:"algorithm"`
		State     string `json:"state"`
	} `json:"keys"`
	Rotation struct {
		Waiting string `json:"waiting"`
		Fault   string `json:"fault"`
	} `json:"rotation"`
	Replicas []struct {
		ID      string   `json:"id"`
		Keys    []string `json:"keys"`
		Signing string   `json:"signing"`
	} `json:"replicas"`
}

// keys reads the key ring through the admin API.
func (w *world) keys() (d keyDocument) {
	w.t.Helper()
	got := w.manage(http.MethodGet, "keys", "")
	if err := json.Unmarshal([]byte(got.body), &d); err != nil || got.status != http.StatusOK {
		w.t.Fatalf("keys: %d %s", got.status, got.body)
	}
	return d
}

// in returns the ids of the keys in a state.
func (d keyDocument) in(state string) (ids []string) {
	for _, k := range d.Keys {
		if k.State == state {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

// rotate starts a rotation and returns the id of the new key.
func (w *world) rotate(algorithm string) string {
	w.t.Helper()
	got := w.manage(http.MethodPost, "keys/rotate", `{"algorithm":"`+algorithm+`"}`)
	var key struct {
		ID string `json:"kid"`
	}
	if err := json.Unmarshal([]byte(got.body), &key); err != nil || got.status != http.StatusAccepted || key.ID == "" {
		w.t.Fatalf("rotate: %d %s", got.status, got.body)
	}
	return key.ID
}

// awaitActive waits until that key signs. A replica takes part in rotations only when
// it has watched the others for the time of a lease, 15 s.
func (w *world) awaitActive(kid string) {
	w.t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		d := w.keys()
		if slices.Equal(d.in("active"), []string{kid}) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the key %s still waits: %+v", kid, d.Rotation)
		}
		<-tick.C
	}
}

// managed are settings for tests of several replicas: an admin API, and keys that
// sign as soon as all replicas hold them.
func managed(stores settings) settings {
	return merge(stores, settings{"admin.token": adminToken, "keys.publish_ahead": "0s"})
}

// TestRotationsUnderLoad rotates twenty times, through all algorithms, while three
// replicas serve two hundred requests a second: logins, refreshes, and old and new
// tokens at whichever replica comes next. None of them may fail.
func TestRotationsUnderLoad(t *testing.T) {
	stores, db := onMariaDB(t)
	cheapPasswords(t, db)
	stores = managed(stores)
	replicas := []*world{start(t, stores), start(t, stores), start(t, stores)}
	load := newLoad(replicas)
	defer load.stop()

	rotations := 20
	if testing.Short() {
		rotations = 4 // Once through all algorithms.
	}
	algorithms := []string{"EdDSA", "RS256", "HS256", "ES256"}
	var began time.Time
	var before int64
	for n := range rotations {
		algorithm := algorithms[n%len(algorithms)]
		// Two replicas are told to at once: that is one rotation.
		var first, second string
		var both sync.WaitGroup
		both.Go(func() { first = replicas[n%3].rotate(algorithm) })
		both.Go(func() { second = replicas[(n+1)%3].rotate(algorithm) })
		both.Wait()
		if first != second {
			t.Fatalf("two rotations at once made the keys %s and %s", first, second)
		}
		replicas[n%3].awaitActive(first)
		if n == 0 {
			// Only now the replicas know one another; from here on it is measured.
			began, before = time.Now(), load.served.Load()
		}
		load.await(t, 50)
	}
	took := time.Since(began)
	served, faults := load.stop()
	served -= before
	for _, fault := range faults {
		t.Error(fault)
	}
	d := replicas[0].keys()
	if len(d.Keys) != rotations+1 || len(d.in("retiring")) != rotations || len(d.in("pending")) != 0 || len(d.Replicas) != 3 {
		t.Errorf("the ring is %+v", d)
	}
	completed := 0
	for _, w := range replicas {
		completed += counter(t, w.metrics(), `faveo_gateway_signing_key_rotations_total{result="completed"}`)
	}
	if completed != rotations {
		t.Errorf("%d rotations were completed, want %d", completed, rotations)
	}
	rate := float64(served) / took.Seconds()
	t.Logf("%d requests in %v, %.0f a second, %d failed; %d rotations", served, took.Round(time.Millisecond), rate, len(faults), rotations)
	if rate < 150 {
		t.Errorf("only %.0f requests a second were sent", rate)
	}
}

// load sends requests to replicas until it is stopped.
type load struct {
	replicas []*world
	client   *http.Client
	cancel   context.CancelFunc
	wait     sync.WaitGroup
	served   atomic.Int64

	mu     sync.Mutex
	faults []string
}

// newLoad starts ten clients, each of which sends a request every 50 ms.
func newLoad(replicas []*world) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{replicas: replicas, cancel: cancel, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	for i := range 10 {
		l.wait.Go(func() { l.run(ctx, i) })
	}
	return l
}

// run is one client: it logs in, uses its token everywhere, now and then refreshes
// it on one replica and uses the successor on another at once.
func (l *load) run(ctx context.Context, n int) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	token := ""
	for step := n; ; step++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		here := l.replicas[step%len(l.replicas)]
		switch {
		case token == "" || step%40 == 0:
			token = l.token(here, "/api/v1/authenticate?username=alice&password=cheap", "")
		case step%7 == 0:
			token = l.token(here, "/api/v1/authenticate/refresh", token)
		default:
			l.send(here, http.MethodGet, priority, token)
		}
	}
}

// token posts and returns the token of the answer.
func (l *load) token(w *world, path, token string) string {
	_, rest, _ := strings.Cut(l.send(w, http.MethodPost, path, token), `"token":"`)
	token, _, _ = strings.Cut(rest, `"`)
	return token
}

// send sends one request and notes a fault unless it is served.
func (l *load) send(w *world, method, path, token string) string {
	status, body, err := l.try(w, method, path, token)
	if err == nil && status == http.StatusOK {
		l.served.Add(1)
		return body
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf("%s %s: %d %.200s %v", method, path, status, body, err))
	return ""
}

func (l *load) try(w *world, method, path, token string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(context.Background(), method, w.url(path), nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := l.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// await waits until so many more requests were served.
func (l *load) await(t *testing.T, more int64) {
	t.Helper()
	want := l.served.Load() + more
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); l.served.Load() < want; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the clients are not served")
		}
	}
}

// stop ends all clients and returns what they met.
func (l *load) stop() (served int64, faults []string) {
	l.cancel()
	l.wait.Wait()
	l.client.CloseIdleConnections()
	return l.served.Load(), l.faults
}

// TestRevokedKeyIsRefusedEverywhere revokes the key that signs, by hand: its
// tokens and sessions end on every replica within a second, and logging in goes on
// with another key.
func TestRevokedKeyIsRefusedEverywhere(t *testing.T) {
	stores, db := onMariaDB(t)
	cheapPasswords(t, db)
	stores = managed(stores)
	replicas := []*world{start(t, stores), start(t, stores), start(t, stores)}
	old := replicas[0].login("alice", "cheap")
	for _, w := range replicas {
		w.wantServed("before", old)
	}
	leaked := replicas[0].keys().in("active")[0]
	began := time.Now()
	got := replicas[1].manage(http.MethodPost, "keys/"+leaked+"/revoke", "")
	if got.status != http.StatusOK || !strings.Contains(got.body, `"sessions_ended":1`) {
		t.Fatalf("revoke: %d %s", got.status, got.body)
	}
	for _, w := range replicas {
		eventually(t, "the key is refused", func() bool {
			got := w.send(http.MethodGet, priority, "", bearer(old))
			return got.status == http.StatusUnauthorized && strings.Contains(got.body, "token_revoked")
		})
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
	d := replicas[2].keys()
	if active := d.in("active"); len(active) != 1 || active[0] == leaked || !slices.Equal(d.in("revoked"), []string{leaked}) {
		t.Errorf("the ring is %+v", d)
	}
	fresh := replicas[2].login("alice", "cheap")
	for _, w := range replicas {
		eventually(t, "the new key is known", func() bool { return w.send(http.MethodGet, priority, "", bearer(fresh)).status == http.StatusOK })
		if strings.Contains(w.send(http.MethodGet, "/.well-known/jwks.json", "").body, leaked) {
			t.Error("the key set still has the revoked key")
		}
	}
	if got := replicas[0].manage(http.MethodPost, "keys/"+leaked+"/revoke", ""); got.status != http.StatusOK || !strings.Contains(got.body, `"sessions_ended":0`) {
		t.Errorf("revoke again: %d %s", got.status, got.body)
	}
	replicas[0].wantProblem("revoke a key that is none", replicas[0].manage(http.MethodPost, "keys/nothing/revoke", ""), 404, "not_found")
}

// TestReplicaWithoutStateDatabase cuts one replica off from the signing keys while
// the one that signs is revoked. It refuses what was revoked, and says of what it
// cannot know that it does not know: 503, never 401.
func TestReplicaWithoutStateDatabase(t *testing.T) {
	stores, db := onMariaDB(t)
	cheapPasswords(t, db)
	stores = managed(stores)
	state := newSwitch(t, service.MariaDBAddress)
	here := start(t, stores)
	cutOff := start(t, merge(stores, settings{
		"state.database": strings.Replace(stores["faveo.database"], service.MariaDBAddress, state.address(), 1),
	}))
	old := here.login("alice", "cheap")
	cutOff.wantServed("before", old)
	mend := state.cut()
	got := here.manage(http.MethodPost, "keys/"+here.keys().in("active")[0]+"/revoke", "")
	if got.status != http.StatusOK {
		t.Fatalf("revoke: %d %s", got.status, got.body)
	}
	eventually(t, "the news of the revocation", func() bool {
		return cutOff.send(http.MethodGet, priority, "", bearer(old)).status == http.StatusUnauthorized
	})
	fresh := here.login("alice", "cheap")
	for name, got := range map[string]answer{
		"a token of a key that it cannot know": cutOff.send(http.MethodGet, priority, "", bearer(fresh)),
		"a login without a key":                cutOff.send(http.MethodPost, "/api/v1/authenticate?username=alice&password=cheap", ""),
	} {
		cutOff.wantProblem(name, got, http.StatusServiceUnavailable, "unavailable")
		if got.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
	mend()
	eventually(t, "it knows the new key", func() bool {
		return cutOff.send(http.MethodGet, priority, "", bearer(fresh)).status == http.StatusOK
	})
}

// TestManageSessions lists and ends sessions through the admin API of another
// replica.
func TestManageSessions(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	stores = managed(stores)
	here, there := start(t, stores), start(t, stores)
	one, two, bob := here.login("alice", "AlicePass1!"), here.login("alice", "AlicePass1!"), here.login("bob", "BobPass1!")
	id := here.sessions(one)[0].ID
	var list struct {
		Sessions []struct {
			ID     string `json:"id"`
			UserID uint64 `json:"user_id"`
		} `json:"sessions"`
	}
	got := there.manage(http.MethodGet, "sessions", "")
	if err := json.Unmarshal([]byte(got.body), &list); err != nil || len(list.Sessions) != 3 {
		t.Fatalf("sessions: %d %s", got.status, got.body)
	}
	refused := func(w *world, name, token string) {
		t.Helper()
		eventually(t, name, func() bool {
			return w.send(http.MethodGet, priority, "", bearer(token)).status == http.StatusUnauthorized
		})
		w.wantRefused(name, token)
	}
	here.wantServed("before", one)
	if got := there.manage(http.MethodDelete, "sessions/"+id, ""); got.status != http.StatusOK || !strings.Contains(got.body, `"ended":1`) {
		t.Errorf("end one: %d %s", got.status, got.body)
	}
	refused(here, "the one", one)
	here.wantServed("the other of the user", two)
	there.wantProblem("end it again", there.manage(http.MethodDelete, "sessions/"+id, ""), 404, "not_found")
	if got := there.manage(http.MethodDelete, "sessions?user=4", ""); got.status != http.StatusOK || !strings.Contains(got.body, `"ended":1`) {
		t.Errorf("end a user's: %d %s", got.status, got.body)
	}
	refused(here, "the other", two)
	here.wantServed("somebody else", bob)
	if got := there.manage(http.MethodDelete, "sessions?all=true", ""); got.status != http.StatusOK || !strings.Contains(got.body, `"ended":1`) {
		t.Errorf("end all: %d %s", got.status, got.body)
	}
	refused(here, "everybody", bob)
}

// TestResealing exchanges the encryption key: with the old one still in the list,
// all keys are sealed anew, and the old one can go.
func TestResealing(t *testing.T) {
	stores, _ := onMariaDB(t)
	stores = managed(stores)
	old := start(t, merge(stores, settings{"state.encryption_keys": aKey}))
	token := old.login("alice", "AlicePass1!")
	both := start(t, merge(stores, settings{"state.encryption_keys": anotherKey + "," + aKey}))
	if got := both.manage(http.MethodPost, "keys/reseal", ""); got.status != http.StatusOK || got.body != `{"resealed":1}`+"\n" && got.body != `{"resealed":1}` {
		t.Errorf("reseal: %d %s", got.status, got.body)
	}
	start(t, merge(stores, settings{"state.encryption_keys": anotherKey})).wantServed("with the new key alone", token)
}
