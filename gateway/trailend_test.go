package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo/faveotest"
	"faveo-gateway/upstream/standin"
)

// prepared is a world whose gateway is not made yet, before a stand-in.
func prepared(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, faveo: standin.New(standin.Options{Secret: secret}), log: &safeBuffer{}}
	upstream := httptest.NewServer(w.faveo)
	t.Cleanup(upstream.Close)
	w.upstream = upstream.URL
	return w
}

// knock sends a request and returns the status of the answer, 0 for none.
func (w *world) knock(method, path string) int {
	r, err := http.NewRequestWithContext(context.Background(), method, w.url(path), nil)
	if err != nil {
		return 0
	}
	response, err := w.client.Do(r)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

// told counts the events in the database by what happened.
func told(t testing.TB, db *faveotest.Database) map[string]int {
	t.Helper()
	rows, err := service.MariaDB(t).QueryContext(t.Context(), `SELECT CONCAT_WS(' ', kind, outcome, NULLIF(reason, '')), SUM(events)
		FROM `+db.Name+`.faveo_gateway_audit GROUP BY kind, outcome, reason`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var what string
		var n int
		if err := rows.Scan(&what, &n); err != nil {
			t.Fatal(err)
		}
		all[what] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// loggedIn are the users whose logins the trail tells of, in its order.
func (w *world) loggedIn() (users []uint64) {
	w.t.Helper()
	for _, e := range w.entries(0) {
		if e.Kind == "login" && e.Outcome == "success" {
			users = append(users, e.UserID)
		}
	}
	return users
}

// TestTrailLosesNothingAtTheEnd stops a gateway while many log in, rightly and wrongly,
// and ask without a token: each of them that got an answer is in the trail, once.
func TestTrailLosesNothingAtTheEnd(t *testing.T) {
	t.Parallel()
	stores, db := onMariaDB(t)
	passwords(t, db, "cheap")
	var (
		w           = prepared(t)
		mu          sync.Mutex
		answered    = map[string]int{}
		clients     sync.WaitGroup
		ctx, cancel = context.WithCancel(t.Context())
	)
	w.open(stores, settings{"faveo.urls": w.upstream, "login.max_concurrent_hashes": "4"})
	ended := make(chan error, 1)
	go func() { ended <- w.gateway.Run(ctx) }()
	for n := range 30 {
		clients.Go(func() {
			for i := n; ; i++ {
				what, method, path := "login refused wrong_password", http.MethodPost, "/api/v1/authenticate?username=alice&password=wrong"
				switch i % 4 {
				case 0:
					what, path = "login success", "/api/v1/authenticate?username=bob&password=cheap"
				case 1:
					what, path = "login refused unknown_name", fmt.Sprintf("/api/v1/authenticate?username=nobody%d&password=x", i)
				case 2:
					what, method, path = "request refused unauthenticated", http.MethodGet, priority
				}
				status := w.knock(method, path)
				if status == 0 {
					return // It is gone.
				}
				if want := map[bool]int{true: 200, false: 401}[i%4 == 0]; status != want {
					what = fmt.Sprint("an answer ", status)
				}
				mu.Lock()
				answered[what]++
				mu.Unlock()
			}
		})
	}
	time.Sleep(1500 * time.Millisecond) // For some hundred of each.
	cancel()
	stopping := time.Now()
	if err := <-ended; err != nil {
		t.Errorf("stop: %v", err)
	}
	took := time.Since(stopping)
	clients.Wait()
	trail := told(t, db)
	delete(trail, "configuration success")
	delete(trail, "key_activated success")
	if fmt.Sprint(trail) != fmt.Sprint(answered) {
		t.Errorf("the trail tells %v, the clients %v", trail, answered)
	}
	if spilled := strings.Count(w.log.String(), "is not in the audit trail"); spilled > 0 {
		t.Errorf("%d events are in the log", spilled)
	}
	t.Logf("%v, stopped in %v", answered, took.Round(time.Millisecond))
	reader := &world{t: t, log: &safeBuffer{}}
	reader.run(managed(stores), settings{"faveo.urls": w.upstream})
	reader.wantProved(0)
}

// TestTrailIsWrittenAfterTheGrace has a request that outlasts the grace of the shutdown:
// what happened before is in the trail all the same.
func TestTrailIsWrittenAfterTheGrace(t *testing.T) {
	t.Parallel()
	stores, db := onMariaDB(t)
	passwords(t, db, "cheap")
	w := prepared(t)
	w.open(stores, settings{"faveo.urls": w.upstream, "server.shutdown_grace": "200ms"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.gateway.Run(ctx) }()
	hanging, err := w.client.Get(w.url("/stream?chunks=2&pause=20000"))
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Body.Close()
	for range 3 {
		w.knock(http.MethodPost, "/api/v1/authenticate?username=alice&password=wrong")
		w.login("alice", "cheap")
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("the request in flight did not outlast the grace")
	}
	if trail := told(t, db); trail["login success"] != 3 || trail["login refused wrong_password"] != 3 {
		t.Errorf("the trail tells %v", trail)
	}
}

// cutOffState are settings by which the state database, and no other store, is behind a
// switch.
func cutOffState(t testing.TB, stores settings) (settings, *switchboard) {
	state := newSwitch(t, service.MariaDBAddress)
	return merge(stores, settings{
		"state.database": strings.Replace(stores["faveo.database"], service.MariaDBAddress, state.address(), 1),
	}), state
}

// TestTrailOutlivesItsDatabase cuts the state database off while logins go on: they are
// answered as ever, and are in the trail when it is mended, in their order and whole.
func TestTrailOutlivesItsDatabase(t *testing.T) {
	t.Parallel()
	stores, db := onMariaDB(t)
	passwords(t, db, "cheap")
	cutOff, state := cutOffState(t, managed(stores))
	w := prepared(t)
	w.open(cutOff, settings{"faveo.urls": w.upstream})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.gateway.Run(ctx) }()
	var (
		want  []uint64 // who has logged in
		wrong int
	)
	logins := func(n int) {
		for i := range n {
			name, id := "alice", uint64(4)
			if i%3 == 0 {
				name, id = "bob", 5
			}
			w.login(name, "cheap")
			want = append(want, id)
			if i%10 != 0 {
				continue
			}
			wrong++
			if status := w.knock(http.MethodPost, "/api/v1/authenticate?password=x&username=nobody"); status != http.StatusUnauthorized {
				t.Errorf("a wrong login is answered %d", status)
			}
		}
	}
	logins(5)
	for range 2 {
		eventually(t, "the trail has all so far", func() bool { return len(w.loggedIn()) >= len(want) })
		mend := state.cut()
		logins(270) // More than one batch.
		eventually(t, "the log tells of the outage", func() bool { return strings.Contains(w.log.String(), "the audit trail cannot be written") })
		logins(10)
		mend()
		logins(5)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("stop: %v", err)
	}
	if trail := told(t, db); trail["login success"] != len(want) || trail["login refused unknown_name"] != wrong {
		t.Errorf("the trail tells %v, want %d right logins and %d wrong ones", trail, len(want), wrong)
	}
	if strings.Contains(w.log.String(), "is not in the audit trail") {
		t.Error("events are in the log")
	}
	reader := start(t, managed(stores))
	if got := reader.loggedIn(); !slices.Equal(got, want) {
		t.Errorf("the logins are %v, want %v", got, want)
	}
	reader.wantProved(0)
}

// TestStopWithoutTheTrailsDatabase stops a gateway that cannot write its last events. It
// ends in time, and they are in its log, whole.
func TestStopWithoutTheTrailsDatabase(t *testing.T) {
	t.Parallel()
	stores, db := onMariaDB(t)
	passwords(t, db, "cheap")
	stores, state := cutOffState(t, managed(stores))
	w := prepared(t)
	w.open(stores, settings{"faveo.urls": w.upstream})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.gateway.Run(ctx) }()
	w.login("alice", "cheap")
	w.awaitEntries(3)
	state.cut()
	for range 20 {
		w.login("bob", "cheap")
		w.knock(http.MethodPost, "/api/v1/authenticate?username=alice&password=wrong")
	}
	cancel()
	stopping := time.Now()
	if err := <-ended; err != nil {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(stopping); took > 7*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	log := w.log.String()
	if n := strings.Count(log, `"kind":"login","outcome":"success","reason":"","actor":"user","user_id":5`); n != 20 {
		t.Errorf("%d right logins are in the log, want 20", n)
	}
	// Of equal refusals the first is told by itself, and those after it together.
	if !strings.Contains(log, `"reason":"wrong_password"`) || !strings.Contains(log, `"count":19`) {
		t.Error("the wrong logins are not in the log")
	}
}
