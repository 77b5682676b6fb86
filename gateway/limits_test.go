package gateway_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// wantLimited makes sure that an answer is the refusal of who asks too often, and says
// when to come again: after that many seconds, less the few that the test has taken
// since what it counts from. TestRetryAfterIsTheTruth is exact.
func (w *world) wantLimited(name string, got answer, retryAfter int) {
	w.t.Helper()
	w.wantProblem(name, got, http.StatusTooManyRequests, "rate_limited")
	seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
	if err != nil || seconds > retryAfter || seconds < retryAfter-20 {
		w.t.Errorf("%s: Retry-After is %q, want %d", name, got.header.Get("Retry-After"), retryAfter)
	}
}

// wantCount sends the same request until it is refused, and makes sure that this many
// were let through and that the refusal says when to come again.
func (w *world) wantCount(name string, count, retryAfter int, send func() answer) {
	w.t.Helper()
	for n := range count {
		if got := send(); got.status == http.StatusTooManyRequests {
			w.t.Fatalf("%s: only %d were let through, want %d", name, n, count)
		}
	}
	w.wantLimited(name, send(), retryAfter)
}

// limited is how often a limit has refused.
func (w *world) limited(limit string) int {
	w.t.Helper()
	return counter(w.t, w.metrics(), `faveo_gateway_rate_limited_total{limit="`+limit+`"}`)
}

// get sends a request with a token, "" for none.
func (w *world) get(path, token string, headers ...string) answer {
	w.t.Helper()
	if token != "" {
		headers = append(headers, bearer(token))
	}
	return w.send(http.MethodGet, path, "", headers...)
}

// public is a route that strangers may ask.
const public = "/api/v1/helpdesk/check-url"

// TestLimitPerIP counts whatever one address asks of the API, whoever asks and whatever
// becomes of it. Pages and the public keys do not count.
func TestLimitPerIP(t *testing.T) {
	t.Parallel()
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"limits.per_ip": "8/16m"}))
	alice, bob := w.login("alice", "AlicePass1!"), w.login("bob", "BobPass1!")
	w.get(priority, alice)
	w.send(http.MethodHead, priority, "", bearer(bob))
	w.get(priority, "")
	w.get(priority, "no.such.token")
	w.get("/api/v1/authenticate/user", alice)
	w.send(http.MethodPost, "/api/v1/authenticate?username=alice&password=wrong", "")
	for name, got := range map[string]answer{
		"a served request": w.get(priority, bob), "without a token": w.get(priority, ""), "a bad token": w.get(priority, "no.such.token"),
		"who I am": w.get("/api/v1/authenticate/user", alice), "a route that is none": w.get("/api/v1/nothing", alice),
		"a login":   w.send(http.MethodPost, "/api/v1/authenticate?username=alice&password=AlicePass1!", ""),
		"a refresh": w.send(http.MethodPost, "/api/v1/authenticate/refresh", "", bearer(alice)),
		"a logout":  w.send(http.MethodPost, "/api/v1/authenticate/logout", "", bearer(alice)),
		"sessions":  w.get("/api/v1/authenticate/sessions", alice), "the check of an address": w.get("/api/v1/helpdesk/url?url=http://faveo.test", ""),
	} {
		w.wantLimited(name, got, 120)
	}
	for _, path := range []string{"/", "/auth/login", "/.well-known/jwks.json"} {
		if got := w.get(path, ""); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := w.send(http.MethodHead, priority, ""); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("HEAD: %d, %v", got.status, got.header)
	}
	if n := w.limited("ip"); n != 11 {
		t.Errorf("%d refusals are counted, want 11", n)
	}
}

// TestLimitPerUser counts a user's requests over all sessions, and over two gateways
// that share Redis. A wrong token counts for nobody, and a login has no user yet.
func TestLimitPerUser(t *testing.T) {
	t.Parallel()
	stores, _ := onMariaDB(t)
	stores = merge(stores, settings{"limits.per_user": "6/1h"})
	here, there := start(t, stores), start(t, stores)
	one, two := here.login("alice", "AlicePass1!"), there.login("alice", "AlicePass1!")
	bob := here.login("bob", "BobPass1!")
	forged := one[:len(one)-8] + "AAAAAAAA"
	for range 10 {
		here.wantProblem("a forged token", here.get(priority, forged), http.StatusUnauthorized, "token_invalid")
	}
	for n, w := range []*world{here, there, here, there} {
		w.wantServed("in turn", []string{one, two}[n/2])
	}
	here.get("/api/v1/authenticate/user", two)
	successor := there.refresh(one)
	for _, w := range []*world{here, there} {
		for _, token := range []string{one, two, successor} {
			w.wantLimited("over the count", w.get(priority, token), 600)
		}
		w.wantServed("somebody else", bob)
		if n := w.limited("user"); n != 3 {
			t.Errorf("%d refusals are counted, want 3", n)
		}
	}
	here.wantCount("what bob may not see, who was served twice", 4, 600, func() answer { return here.get("/api/v1/helpdesk/tickets", bob) })
	// A new session is no new allowance, and one that is given up none back.
	third := here.login("alice", "AlicePass1!")
	here.wantLimited("a new session", here.get(priority, third), 600)
	here.wantLimited("its end", here.send(http.MethodPost, "/api/v1/authenticate/logout", "", bearer(third)), 600)
}

// TestLimitPerRoute has a limit for some routes, which each user has for himself and
// strangers have by their address.
func TestLimitPerRoute(t *testing.T) {
	t.Parallel()
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{
		"server.trusted_proxies": "127.0.0.0/8",
		"limits.per_route": `["GET ` + priority + ` 2/1h", "GET ` + public + ` 2/2h", "POST /api/v1/authenticate 5/5h",
			"GET /api/v1/helpdesk/** 4/2h"]`,
	}))
	from := func(address string) string { return "X-Forwarded-For: " + address }
	login := func(address string) func() answer {
		return func() answer {
			return w.send(http.MethodPost, "/api/v1/authenticate?username=alice&password=AlicePass1!", "", from(address))
		}
	}
	alice, bob := w.login("alice", "AlicePass1!"), w.login("bob", "BobPass1!")

	w.wantCount("alice", 2, 1800, func() answer { return w.get(priority, alice, from("192.0.2.1")) })
	w.wantLimited("alice from elsewhere", w.get(priority, alice, from("192.0.2.2")), 1800)
	if got := w.send(http.MethodHead, priority, "", bearer(alice)); got.status != http.StatusTooManyRequests {
		t.Errorf("HEAD: %d, which GET covers", got.status)
	}
	w.wantCount("bob from where alice was", 2, 1800, func() answer { return w.get(priority, bob, from("192.0.2.1")) })
	if got := w.send(http.MethodPost, priority, "", bearer(alice)); got.status == http.StatusTooManyRequests {
		t.Error("POST is refused, which the limit does not name")
	}
	w.wantCount("what is below", 2, 1800, func() answer { return w.get("/api/v1/helpdesk/help-topic", alice) })
	w.wantCount("a stranger", 2, 3600, func() answer { return w.get(public, "", from("192.0.2.1")) })
	w.wantCount("another", 2, 3600, func() answer { return w.get(public, "", from("192.0.2.2")) })
	w.wantCount("logins from one address", 5, 3600, login("192.0.2.1"))
	w.wantCount("logins from another", 5, 3600, login("192.0.2.2"))
	if n := w.limited("route"); n != 9 {
		t.Errorf("%d refusals are counted, want 9", n)
	}
}

// TestLimitedRouteHasNoOtherSpelling spends the limit of a route, and then asks for it
// in every way in which PHP, or a web server before it, may take something for it.
func TestLimitedRouteHasNoOtherSpelling(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "/community/public"} {
		a := newArena(t, settings{"server.base_path": base, "limits.per_route": `["* ` + priority + ` 1/1h"]`})
		ask := func(method, path, head string) exchange {
			return a.attack(method+" "+path+" HTTP/1.1\r\n"+host+"Authorization: Bearer {alice}\r\n"+head+"\r\n", false)
		}
		if got := ask("GET", base+priority, ""); got.status != http.StatusOK || len(got.php) != 1 {
			t.Fatalf("the one request: %d %s", got.status, got.body)
		}
		for _, try := range []struct{ method, path, head string }{
			{"GET", base + priority, ""},
			{"HEAD", base + priority, ""},
			{"GET", base + priority + "?", ""},
			{"GET", base + priority + "?x=1", ""},
			{"GET", "http://faveo.test" + base + priority, ""},
			{"GET", "http://elsewhere.test" + base + priority, ""},
			{"GET", base + priority + "/", ""},
			{"GET", base + "//api/v1/helpdesk/priority", ""},
			{"GET", base + "/api/v1//helpdesk/priority", ""},
			{"GET", base + "/api/v1/./helpdesk/priority", ""},
			{"GET", base + "/api/v1/x/../helpdesk/priority", ""},
			{"GET", base + "/api/v1/helpdesk/%70riority", ""},
			{"GET", base + "/api/v1/helpdesk%2fpriority", ""},
			{"GET", base + "/%61pi/v1/helpdesk/priority", ""},
			{"GET", base + "/index.php/api/v1/helpdesk/priority", ""},
			{"GET", base + "/API/v1/helpdesk/priority", ""},
			{"GET", base + "/api/v1/helpdesk/Priority", ""},
			{"GET", base + "/api/v1/helpdesk/priority;x", ""},
			{"GET", base + "/api/v1/helpdesk/priority.", ""},
			{"GET", base + "/api/v1/helpdesk/priority%20", ""},
			{"GET", base + "/api\\v1\\helpdesk\\priority", ""},
			{"GET", base + "/x", "X-Original-URL: " + priority + "\r\nX-Rewrite-URL: " + priority + "\r\n"},
			{"POST", base + priority, "X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n"},
			{"POST", base + priority + "?_method=GET", "Content-Length: 0\r\n"},
			{"get", base + priority, ""},
			{"QUERY", base + priority, ""},
		} {
			got := ask(try.method, try.path, try.head)
			if got.status == 0 || got.status == http.StatusOK && !strings.HasSuffix(try.path, "/x") {
				t.Errorf("%s %s: %d %s", try.method, try.path, got.status, got.body)
			}
			for _, request := range got.php {
				if strings.Contains(strings.ToLower(request), "priority") {
					t.Errorf("%s %s: PHP got %q", try.method, try.path, request)
				}
			}
		}
	}
}

// TestLimitPerAPIKey counts the requests with a managed key: its own rate, or the one
// that is configured. Whoever is refused for the key has spent nothing of the user's.
func TestLimitPerAPIKey(t *testing.T) {
	t.Parallel()
	stores, _ := onMariaDB(t)
	w := start(t, merge(managed(stores), settings{
		"limits.per_api_key": "2/1h", "limits.per_user": "5/5h", "limits.per_route": `["GET /api/v1/helpdesk/help-topic 2/2h"]`,
	}))
	free, tight := w.createKey(`{"name":"free","scopes":"customer"}`), w.createKey(`{"name":"tight","scopes":"customer","rate":"1/30m"}`)
	off := w.createKey(`{"name":"off","scopes":"customer","rate":"off","user":"5"}`)
	alice := w.login("alice", "AlicePass1!")
	with := func(key string) func() answer {
		return func() answer { return w.get(priority, alice, "X-API-Key: "+key) }
	}
	w.wantCount("its own rate", 1, 1800, with(tight))
	w.wantCount("the configured rate", 2, 1800, with(free))
	for range 7 {
		w.wantLimited("again", with(tight)(), 1800)
		w.wantLimited("again", with(free)(), 1800)
	}
	// Three of the user's five are spent, one for each request that was served.
	w.wantCount("what is left of the user's", 2, 3600, func() answer { return w.get(priority, alice) })
	w.wantCount("a key without a rate has its user's", 5, 3600, func() answer { return w.get(priority, "", "X-API-Key: "+off) })
	if n := w.limited("api_key"); n != 16 {
		t.Errorf("%d refusals by keys are counted, want 16", n)
	}
	if n := w.limited("user"); n != 2 {
		t.Errorf("%d refusals by users are counted, want 2", n)
	}
}

// createKey makes a managed API key and returns it.
func (w *world) createKey(wish string) string {
	w.t.Helper()
	return w.keySecret(w.manage(http.MethodPost, "apikeys", wish))
}

// TestRetryAfterIsTheTruth comes again when it was told to, and is served; until then
// it is refused and told the rest, rounded up.
func TestRetryAfterIsTheTruth(t *testing.T) {
	inOrder(t)
	t.Parallel()
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"limits.per_user": "2/5s"}))
	token := w.login("alice", "AlicePass1!")
	const every = 2500 * time.Millisecond
	began := time.Now()
	w.wantServed("first", token)
	taken := time.Now()
	w.wantServed("second", token)
	for first := true; ; first = false {
		asked := time.Now()
		got := w.get(priority, token)
		if got.status == http.StatusOK {
			if waited := time.Since(began); waited < every {
				t.Errorf("it was served again after %v, want %v", waited, every)
			}
			break
		}
		told, err := strconv.Atoi(got.header.Get("Retry-After"))
		// It was decided between asked and now, of a take between began and taken.
		least, most := every-time.Since(began), every-asked.Sub(taken)
		if err != nil || told < seconds(least) || told > seconds(most) {
			t.Errorf("Retry-After is %q, want %d to %d for %v to %v", got.header.Get("Retry-After"), seconds(least), seconds(most), least, most)
		}
		if first && told != 3 {
			t.Errorf("Retry-After is %d at first, want 3", told)
		}
		if time.Since(taken) > every+time.Second {
			t.Fatal("it is never served again")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// seconds rounds up, and never to nothing.
func seconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }

// TestWarmRequestsAskRedisNothing counts what requests of a session that is known ask
// Redis: nothing at all without limits, one take before the caller is known and one
// after it with them.
func TestWarmRequestsAskRedisNothing(t *testing.T) {
	t.Parallel()
	stores, _ := onMariaDB(t)
	stores = merge(stores, settings{"sessions.cache_ttl": "1m", "sessions.refresh_overlap": "1m", "sessions.account_ttl": "1m"})
	for _, try := range []struct {
		name string
		over settings
		want string
	}{
		{"no limits", nil, "map[]"},
		{"off", settings{"limits.per_ip": "off", "limits.per_user": "off", "limits.per_api_key": "off"}, "map[]"},
		{"a limit of another route", settings{"limits.per_route": `["POST ` + priority + ` 1/1h"]`}, "map[]"},
		{"a limit by address and one by user", settings{"limits.per_ip": "1000000/1h", "limits.per_user": "1000000/1h"}, "map[limit_take:200]"},
		{"by user and route", settings{"limits.per_user": "1000000/1h", "limits.per_route": `["* /api/** 1000000/1h"]`}, "map[limit_take:100]"},
	} {
		w := start(t, merge(stores, try.over))
		token := w.login("alice", "AlicePass1!")
		w.wantServed("warm up", token)
		before := w.askedRedis()
		for range 100 {
			w.wantServed(try.name, token)
		}
		asked := w.askedRedis()
		for operation, n := range before {
			if asked[operation] -= n; asked[operation] == 0 {
				delete(asked, operation)
			}
		}
		if got := fmt.Sprint(asked); got != try.want {
			t.Errorf("%s: 100 requests asked Redis %s, want %s", try.name, got, try.want)
		}
	}
}

var redisCount = regexp.MustCompile(`(?m)^faveo_gateway_dependency_duration_seconds_count\{dependency="redis",operation="(\w+)"\} (\d+)$`)

// askedRedis is how often each operation was asked of Redis, but for those by which a
// gateway keeps up with the others, and with Faveo's own API key, every few seconds.
func (w *world) askedRedis() map[string]int {
	w.t.Helper()
	asked := map[string]int{}
	for _, found := range redisCount.FindAllStringSubmatch(w.metrics(), -1) {
		switch operation := found[1]; operation {
		case "ping", "census", "epoch", "subscribe", "register", "replicas", "apikey_get", "apikey_put":
		default:
			asked[operation], _ = strconv.Atoi(found[2])
		}
	}
	return asked
}

// atOnce sends a request many times at once, each to all of the replicas, and counts the
// answers by their status.
func atOnce(replicas []*world, each int, send func(*world) answer) string {
	var (
		mu     sync.Mutex
		counts = map[int]int{}
		wait   sync.WaitGroup
	)
	for _, w := range replicas {
		for range each {
			wait.Go(func() {
				got := send(w)
				mu.Lock()
				defer mu.Unlock()
				counts[got.status]++
			})
		}
	}
	wait.Wait()
	return fmt.Sprint(counts)
}

// TestLimitHoldsInAFlood lets exactly as many through as the limit says, however many
// ask at once and wherever.
func TestLimitHoldsInAFlood(t *testing.T) {
	t.Parallel()
	stores, _ := onMariaDB(t)
	stores = merge(stores, settings{"limits.per_user": "20/1h"})
	replicas := []*world{start(t, stores), start(t, stores)}
	token := replicas[0].login("alice", "AlicePass1!")
	got := atOnce(replicas, 100, func(w *world) answer { return w.get(priority, token) })
	if got != "map[200:20 429:180]" {
		t.Errorf("the answers are %s", got)
	}
}
