package gateway_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
)

// TestEveryKindOfRedis walks through a session on two replicas behind a Redis
// Cluster of three nodes, and behind sentinels.
func TestEveryKindOfRedis(t *testing.T) {
	for _, kind := range []struct {
		name string
		url  func(t *testing.T) string
	}{
		{"cluster", func(t *testing.T) string {
			return "redis-cluster://" + strings.Join(service.RedisCluster(t), ",")
		}},
		{"sentinel", func(t *testing.T) string {
			sentinels, master, _ := service.RedisSentinel(t)
			return "redis-sentinel://" + strings.Join(sentinels, ",") + "/0?master=" + master
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel() // It waits for the replicas to know one another.
			stores, _ := onMariaDB(t)
			stores = merge(managed(stores), settings{"redis.url": kind.url(t)})
			here, there := start(t, stores), start(t, stores)
			token := here.login("alice", "AlicePass1!")
			there.wantServed("a login on the other replica", token)
			successor := there.refresh(token)
			here.wantServed("a refresh on the other replica", successor)
			if again := here.refresh(token); again != successor {
				t.Error("two replicas gave two successors")
			}
			other := here.login("alice", "AlicePass1!")
			there.wantServed("a second session", other)
			if n := len(there.sessions(other)); n != 2 {
				t.Errorf("%d sessions are listed, want 2", n)
			}
			kid := there.rotate("EdDSA")
			here.awaitActive(kid)
			there.wantServed("a token of before the rotation", successor)
			there.wantServed("a token of after it", here.login("bob", "BobPass1!"))
			here.send(http.MethodPost, "/api/v1/authenticate/logout", `{"all":true}`, bearer(other), "Content-Type: application/json")
			for _, gone := range []string{successor, other} {
				eventually(t, "the end of all sessions", func() bool {
					return there.send(http.MethodGet, priority, "", bearer(gone)).status == http.StatusUnauthorized
				})
			}
			if got := there.manage(http.MethodDelete, "sessions?all=true", ""); got.status != http.StatusOK || !strings.Contains(got.body, `"ended":1`) {
				t.Errorf("end what is left, on every node: %d %s", got.status, got.body)
			}
		})
	}
}

// TestRedisEmptiedUnderLoad empties Redis five times while people work: each gets
// token_revoked and logs in again, and nobody ever meets somebody else's session.
func TestRedisEmptiedUnderLoad(t *testing.T) {
	stores, db := onMariaDB(t)
	cheapPasswords(t, db)
	address := service.Redis(t)
	stores["redis.url"] = "redis://" + address
	replicas := []*world{start(t, stores), start(t, stores)}
	people := map[string]string{"alice": `"id":4,`, "bob": `"id":5,`, "agent_support": `"id":2,`, "demo_admin": `"id":1,`}

	stop := make(chan struct{})
	var wait sync.WaitGroup
	var mu sync.Mutex
	served, revoked := map[string]int{}, map[string]int{}
	for name, self := range people {
		wait.Go(func() {
			token := ""
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				w := replicas[n%len(replicas)]
				if token == "" {
					token = w.login(name, "cheap")
				}
				got := w.send(http.MethodGet, "/api/v1/authenticate/user", "", bearer(token))
				mu.Lock()
				switch {
				case got.status == http.StatusOK && strings.Contains(got.body, self):
					served[name]++
				case got.status == http.StatusUnauthorized && strings.Contains(got.body, `"token_revoked"`):
					token = ""
					revoked[name]++
				default:
					t.Errorf("%s got %d %s", name, got.status, got.body)
				}
				mu.Unlock()
			}
		})
	}
	// everybody waits until each of them was counted so many times more.
	everybody := func(what string, counts map[string]int, more int) {
		before := map[string]int{}
		mu.Lock()
		maps.Copy(before, counts)
		mu.Unlock()
		eventually(t, what, func() bool {
			mu.Lock()
			defer mu.Unlock()
			for name := range people {
				if counts[name] < before[name]+more {
					return false
				}
			}
			return true
		})
	}
	for range 5 {
		everybody("everybody is served", served, 10)
		redisSays(t, address, "FLUSHALL")
		everybody("everybody is told to log in again", revoked, 1)
	}
	close(stop)
	wait.Wait()
	t.Logf("served: %v; refused because their session was gone: %v", served, revoked)
}

// redisSays sends one command and returns the first line of the answer.
func redisSays(t testing.TB, address, command string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(c, "%s\r\n", command)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || strings.HasPrefix(line, "-") {
		t.Fatalf("%s: %q, %v", command, line, err)
	}
	return line
}

// TestKidFloodCausesNoStoreTraffic sends ten thousand tokens that name keys which
// do not exist, and counts what the stores are asked meanwhile: only what the
// gateway asks anyway now and then.
func TestKidFloodCausesNoStoreTraffic(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	token := w.login("alice", "AlicePass1!")
	_, rest, _ := strings.Cut(token, ".")
	w.wantServed("before", token)

	flood := 10_000
	if testing.Short() {
		flood = 500
	}
	before, began := w.storeCalls(), time.Now()
	for n := range flood {
		header, err := json.Marshal(map[string]string{"alg": "ES256", "typ": "at+jwt", "kid": fmt.Sprintf("%043d", n)})
		if err != nil {
			t.Fatal(err)
		}
		forged := base64.RawURLEncoding.EncodeToString(header) + "." + rest
		if got := w.send(http.MethodGet, priority, "", bearer(forged)); got.status != http.StatusUnauthorized {
			t.Fatalf("a forged token: %d %s", got.status, got.body)
		}
	}
	calls, took := w.storeCalls()-before, time.Since(began)
	// The loop of the key ring makes at most six calls in a second, the poll of the
	// news three or four, the census one in a minute.
	if most := 20 + int(took.Seconds()*12); calls > most {
		t.Errorf("%d calls of the stores in %v, want at most %d", calls, took, most)
	}
	t.Logf("%d tokens in %v, %d calls of the stores", flood, took.Round(time.Millisecond), calls)
	w.wantServed("afterwards", token)
}

var storeCount = regexp.MustCompile(`(?m)^faveo_gateway_dependency_duration_seconds_count\{[^}]*\} (\d+)$`)

// storeCalls counts the calls of all stores so far.
func (w *world) storeCalls() (n int) {
	for _, found := range storeCount.FindAllStringSubmatch(w.metrics(), -1) {
		count, _ := strconv.Atoi(found[1])
		n += count
	}
	return n
}
