package redisstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest/service"
)

// testEverything holds a kind of Redis to all that a Store is for.
func testEverything(t *testing.T, url string) {
	pair := func(t *testing.T) (here, there *redisstore.Store) {
		o := redisstore.Options{URL: url, KeyPrefix: newPrefix()}
		return open(t, o), open(t, o)
	}
	t.Run("sessions", func(t *testing.T) { testSessionStore(t, url) })
	t.Run("news", func(t *testing.T) {
		here, there := pair(t)
		testWatch(t, here, there, time.Now)
	})
	t.Run("registry", func(t *testing.T) { testRegistry(t, url) })
	t.Run("API keys", func(t *testing.T) { testAPIKeyCache(t, url) })
	t.Run("limits", func(t *testing.T) { testLimits(t, url) })
	t.Run("walk", func(t *testing.T) {
		here, there := pair(t)
		testWalk(t, here, there)
	})
}

// testWalk walks through more users than fit into one round, on all nodes.
func testWalk(t *testing.T, here, there *redisstore.Store) {
	const users = 500
	for user := range uint64(users) {
		create(t, here, newSession(time.Now(), user+1))
	}
	if n, err := there.Count(t.Context()); n != users || err != nil {
		t.Errorf("Count = %d, %v, want %d", n, err, users)
	}
	seen := make(map[uint64]int)
	if err := there.Each(t.Context(), func(s session.Session) bool { seen[s.UserID]++; return true }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != users {
		t.Errorf("Each has seen %d users, want %d", len(seen), users)
	}
	for user, n := range seen {
		if n != 1 {
			t.Errorf("Each has seen user %d %d times", user, n)
		}
	}
	isEven := func(s session.Session) bool { return s.UserID%2 == 0 }
	for _, want := range []int{users / 2, 0} {
		if n, err := there.DeleteWhere(t.Context(), isEven); n != want || err != nil {
			t.Errorf("DeleteWhere = %d, %v, want %d", n, err, want)
		}
	}
	// Another replica's count is at most a minute old.
	if n, err := here.Count(t.Context()); n != users || err != nil {
		t.Errorf("Count of another replica = %d, %v, want %d", n, err, users)
	}
	left := 0
	if err := here.Each(t.Context(), func(session.Session) bool { left++; return left < 100 }); err != nil || left != 100 {
		t.Errorf("Each did not end when told: %d sessions, %v", left, err)
	}
}

func TestStandalone(t *testing.T) {
	testEverything(t, "redis://"+service.Redis(t))
}

func TestCluster(t *testing.T) {
	nodes := service.RedisCluster(t)
	url := "redis-cluster://" + strings.Join(nodes, ",")
	testEverything(t, url)
	t.Run("a slot moves to another node", func(t *testing.T) { testSlotMoves(t, url, nodes) })
	t.Run("one address is enough", func(t *testing.T) {
		store := open(t, redisstore.Options{URL: "redis-cluster://" + nodes[0], KeyPrefix: newPrefix()})
		testWalk(t, store, store)
	})
}

// testSlotMoves moves the slot of a user to another node, in the steps in which an
// operator does, and finds the user's session after each of them.
func testSlotMoves(t *testing.T, url string, nodes []string) {
	store := open(t, redisstore.Options{URL: url, KeyPrefix: newPrefix()})
	s := create(t, store, newSession(time.Now(), 7))
	wantWorks := func(when string) {
		t.Helper()
		if got, err := store.Find(t.Context(), 7, s.ID); err != nil || got != s {
			t.Fatalf("Find %s = %+v, %v", when, got, err)
		}
		other := create(t, store, newSession(time.Now(), 7))
		if err := store.Delete(t.Context(), 7, other.ID); err != nil {
			t.Fatalf("Delete %s: %v", when, err)
		}
	}
	wantWorks("before")

	clients := make([]*redis.Client, len(nodes))
	ids := make([]string, len(nodes))
	for i, node := range nodes {
		clients[i] = dial(t, node)
		ids[i] = clients[i].Do(t.Context(), "CLUSTER", "MYID").Val().(string)
	}
	slot := clients[0].ClusterKeySlot(t.Context(), "{u:7}").Val()
	from := int(slot) * len(nodes) / 16384
	to := (from + 1) % len(nodes)
	do := func(client *redis.Client, command ...any) {
		t.Helper()
		if err := client.Do(t.Context(), command...).Err(); err != nil {
			t.Fatalf("%v: %v", command, err)
		}
	}
	do(clients[to], "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from])
	do(clients[from], "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
	keys, err := clients[from].ClusterGetKeysInSlot(t.Context(), int(slot), 1000).Result()
	if err != nil || len(keys) < 2 {
		t.Fatalf("keys to move: %q, %v", keys, err)
	}
	host, port, _ := strings.Cut(nodes[to], ":")
	migrate := []any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}
	for _, key := range keys {
		migrate = append(migrate, key)
	}
	do(clients[from], migrate...)
	// The old node asks for the new one.
	if got, err := store.Find(t.Context(), 7, s.ID); err != nil || got != s {
		t.Fatalf("Find while it moves = %+v, %v", got, err)
	}
	if list, err := store.List(t.Context(), 7); err != nil || !slices.Contains(list, s) {
		t.Fatalf("List while it moves = %+v, %v", list, err)
	}
	for _, node := range []int{to, from, 3 - to - from} {
		do(clients[node], "CLUSTER", "SETSLOT", slot, "NODE", ids[to])
	}
	wantWorks("afterwards")
	wantWorks("once it is known")
}

func TestSentinel(t *testing.T) {
	sentinels, master, kill := service.RedisSentinel(t)
	url := fmt.Sprintf("redis-sentinel://%s/0?master=%s", strings.Join(sentinels, ","), master)
	testEverything(t, url)
	t.Run("failover", func(t *testing.T) { testFailover(t, url, sentinels[0], master, kill) })
}

// testFailover kills the master while sessions are made, found and ended.
func testFailover(t *testing.T, url, sentinel, master string, kill func()) {
	o := redisstore.Options{URL: url, KeyPrefix: newPrefix(), Timeout: 500 * time.Millisecond}
	store := open(t, o)
	told := watch(t, open(t, o))
	var live, gone []session.Session
	for user := range uint64(50) {
		live = append(live, create(t, store, newSession(time.Now(), user+1)))
		over := create(t, store, newSession(time.Now(), user+1))
		if err := store.Delete(t.Context(), over.UserID, over.ID); err != nil {
			t.Fatal(err)
		}
		gone = append(gone, over)
	}
	wantReplicated(t, sentinel, master)
	settle(t, store, told)

	kill()
	deadline := time.Now().Add(30 * time.Second)
	faults, answers := 0, 0
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for created := false; !created; <-pace.C {
		if time.Now().After(deadline) {
			t.Fatalf("no recovery; %d faults", faults)
		}
		for i := range live {
			got, err := store.Find(t.Context(), live[i].UserID, live[i].ID)
			switch {
			case err == nil && got == live[i]:
				answers++
			case err == nil:
				t.Fatalf("Find = %+v, want %+v", got, live[i])
			case errors.Is(err, session.ErrNotFound):
				t.Fatalf("a live session was not found: %v", err)
			default:
				faults++
			}
			if got, err := store.Find(t.Context(), gone[i].UserID, gone[i].ID); err == nil {
				t.Fatalf("a session came back: %+v", got)
			}
			if err != nil {
				break // Each fault takes its time.
			}
		}
		_, err := store.Create(t.Context(), newSession(time.Now(), 99), 10)
		created = err == nil
	}
	if faults == 0 {
		t.Error("there was no fault: the master was not killed")
	}
	for _, s := range live {
		if got, err := store.Find(t.Context(), s.UserID, s.ID); err != nil || got != s {
			t.Errorf("Find after the failover = %+v, %v", got, err)
		}
	}
	// Watch has told everything, and tells single things again.
	told.await(t, anySession)
	settle(t, store, told)
	id := session.NewID()
	if err := store.Delete(t.Context(), 7, id); err != nil {
		t.Fatal(err)
	}
	told.want(t, ended(7, id))
	t.Logf("%d answers and %d faults while failing over", answers, faults)
}

// wantReplicated waits until the replica has everything that the master has.
func wantReplicated(t *testing.T, sentinel, master string) {
	t.Helper()
	watcher := redis.NewSentinelClient(&redis.Options{Addr: sentinel})
	defer watcher.Close()
	address, err := watcher.GetMasterAddrByName(t.Context(), master).Result()
	if err != nil {
		t.Fatal(err)
	}
	client := dial(t, strings.Join(address, ":"))
	if n, err := client.Wait(t.Context(), 1, 10*time.Second).Result(); n != 1 || err != nil {
		t.Fatalf("%d replicas have everything, %v", n, err)
	}
}
