package gateway_test

import (
	"net/http"
	"testing"
)

// TestLimitsWithoutRedis cuts a replica off from Redis. It goes on to limit by what it
// has seen and sees itself: a flood ends at the same count, nothing fails because of
// limits, and when Redis is back all count together again.
func TestLimitsWithoutRedis(t *testing.T) {
	t.Parallel()
	stores, _ := onMariaDB(t)
	stores = merge(stores, settings{
		"sessions.cache_ttl": "1m", "sessions.refresh_overlap": "1m", "sessions.account_ttl": "1m",
		"limits.per_ip": "60/1h", "limits.per_user": "10/1h",
		"limits.per_route": `["GET ` + public + ` 6/1h"]`,
	})
	redis := newSwitch(t, redisAddress)
	w := start(t, merge(stores, settings{"redis.url": "redis://" + redis.address() + "/0"}))
	alice, bob, carol := w.login("alice", "AlicePass1!"), w.login("bob", "BobPass1!"), w.login("agent_support", "AgentSupport1!")
	for _, token := range []string{alice, bob, carol} {
		w.wantServed("warm up", token)
	}
	for range 3 {
		w.wantServed("before", alice)
	}
	w.get(public, "")
	if n := fallbacks(t, w); n != 0 {
		t.Errorf("%d decisions without Redis while it works", n)
	}

	mend := redis.cut()
	// Four of alice's ten are spent, one of bob's, and one of the strangers' six.
	for _, try := range []struct {
		name string
		want string
		send func(*world) answer
	}{
		{"alice", "map[200:6 429:6]", func(w *world) answer { return w.get(priority, alice) }},
		{"bob", "map[200:9 429:3]", func(w *world) answer { return w.get(priority, bob) }},
		{"a stranger", "map[200:5 429:7]", func(w *world) answer { return w.get(public, "") }},
		// Of the 60 of the address 10 were spent before, and 36 since.
		{"the address", "map[401:12]", func(w *world) answer { return w.get(priority, "") }},
		{"the address again", "map[401:2 429:10]", func(w *world) answer { return w.get(priority, "") }},
	} {
		if got := atOnce([]*world{w}, 12, try.send); got != try.want {
			t.Errorf("without Redis, %s: the answers are %s, want %s", try.name, got, try.want)
		}
	}
	w.wantLimited("whoever comes from there", w.get(priority, alice), 60)
	if n := fallbacks(t, w); n == 0 {
		t.Error("decisions without Redis are not counted")
	}

	mend()
	// Redis knows of none of that: this one asks it again when it gives more.
	eventually(t, "Redis is asked again", func() bool { return w.get(priority, carol).status == http.StatusOK })
	before := fallbacks(t, w)
	there := start(t, stores)
	there.wantServed("the other replica", carol)
	there.wantCount("what both have counted", 7, 360, func() answer { return there.get(priority, carol) })
	w.wantLimited("here too", w.get(priority, carol), 360)
	if n := fallbacks(t, w); n != before {
		t.Errorf("%d decisions without Redis, which works again", n-before)
	}
}

// fallbacks is how many decisions about limits were made without Redis.
func fallbacks(t *testing.T, w *world) int {
	t.Helper()
	return counter(t, w.metrics(), "faveo_gateway_rate_limit_fallbacks_total")
}
