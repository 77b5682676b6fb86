package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/storetest/service"
)

func TestLimitsMiniredis(t *testing.T) {
	storetest.TestLimitStore(t, func(t *testing.T) (limit.Store, func(time.Duration)) {
		store, server, clock := openMini(t)
		return store.Limits(), func(d time.Duration) { pass(server, clock, d) }
	})
}

func TestLimitsRedis(t *testing.T) {
	testLimits(t, "redis://"+service.RedisAddress)
}

// testLimits runs the suite on real servers. Each test has a prefix of its own.
func testLimits(t *testing.T, url string) {
	storetest.TestLimitStore(t, func(t *testing.T) (limit.Store, func(time.Duration)) {
		return open(t, redisstore.Options{URL: url, KeyPrefix: prefixOf(t, url), Timeout: 5 * time.Second}).Limits(), nil
	})
	t.Run("two stores", func(t *testing.T) {
		o := redisstore.Options{URL: url, KeyPrefix: prefixOf(t, url)}
		testTwoLimits(t, open(t, o).Limits(), open(t, o).Limits())
	})
}

// testTwoLimits has two replicas draw from the same buckets.
func testTwoLimits(t *testing.T, here, there limit.Store) {
	stranger := bucket(7, 10)
	owner := stranger
	owner.Unless = limit.Member{Set: "account/7", Of: "192.0.2.1"}
	for i := range 10 {
		wantTake(t, []limit.Store{here, there}[i%2], true, stranger)
	}
	wantTake(t, here, false, stranger)
	wantTake(t, there, false, owner)
	if err := here.Remember(t.Context(), "login", owner.Unless, time.Hour); err != nil {
		t.Fatal(err)
	}
	wantTake(t, there, true, owner)
	if err := there.Return(t.Context(), "login", stranger); err != nil {
		t.Fatal(err)
	}
	wantTake(t, here, true, stranger)
	if n, err := there.Clear(t.Context(), "login", func(limit.Lockout) bool { return true }); n != 1 || err != nil {
		t.Errorf("Clear = %d, %v", n, err)
	}
	wantTake(t, here, true, stranger)
}

// bucket holds count, of which none comes back during a test.
func bucket(of any, count int) limit.Bucket {
	return limit.Bucket{
		Name: limit.NameAccount, Of: fmt.Sprint(of), Listed: true,
		Rate: limit.Rate{Count: count, Per: time.Duration(count) * time.Hour},
	}
}

func wantTake(t *testing.T, store limit.Source, want bool, buckets ...limit.Bucket) {
	t.Helper()
	if v, err := store.Take(t.Context(), "login", buckets...); err != nil || v.Allowed != want {
		t.Fatalf("Take = %+v, %v, want allowed %v", v, err, want)
	}
}

// TestLimitsAgree does the same at random with Redis and with limit.Local, by one
// clock: they say the same, to the microsecond.
func TestLimitsAgree(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	store, server, clock := openMini(t)
	redis, local := store.Limits(), limit.NewLocal(limit.LocalOptions{Now: clock.Now})
	rates := []limit.Rate{
		{Count: 1, Per: time.Second}, {Count: 3, Per: time.Second}, {Count: 7, Per: 10 * time.Second}, {Count: 15, Per: time.Minute}, {Off: true}, {},
	}
	member := func() limit.Member { return limit.Member{Set: "s", Of: fmt.Sprint(random.IntN(3))} }
	draw := func() (buckets []limit.Bucket) {
		for _, name := range limit.Names()[:1+random.IntN(4)] {
			b := limit.Bucket{Name: name, Of: fmt.Sprint(random.IntN(3)), Rate: rates[random.IntN(len(rates))], Listed: name != limit.NameAddress}
			if random.IntN(3) == 0 {
				b.Unless = member()
			}
			buckets = append(buckets, b)
		}
		return buckets
	}
	step := map[int]func(s limit.Store) any{}
	for range 1500 {
		pass(server, clock, time.Duration(random.IntN(400_000))*time.Microsecond)
		buckets, who, odd := draw(), member(), random.IntN(2)
		life := time.Duration(1+random.IntN(3000)) * time.Millisecond
		step[0] = func(s limit.Store) any { return answer(s.Take(t.Context(), "g", buckets...)) }
		step[1] = func(s limit.Store) any { return s.Return(t.Context(), "g", buckets...) }
		step[2] = func(s limit.Store) any { return s.Remember(t.Context(), "g", who, life) }
		step[3] = func(s limit.Store) any {
			found, _, err := s.Locked(t.Context(), "g", 100)
			slices.SortFunc(found, func(a, b limit.Lockout) int {
				return strings.Compare(string(a.Name)+a.Of, string(b.Name)+b.Of)
			})
			return answer(found, err)
		}
		step[4] = func(s limit.Store) any {
			return answer(s.Clear(t.Context(), "g", func(o limit.Lockout) bool { return len(o.Name)%2 == odd }))
		}
		which := []int{0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 3, 4}[random.IntN(12)]
		if got, want := step[which](redis), step[which](local); !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d of %+v:\nRedis says %+v,\nmemory     %+v", which, buckets, got, want)
		}
	}
}

// answer is both values as one.
func answer[T any](value T, err error) any { return []any{value, err} }

// TestLimitKeys pins the names and the lives of all keys, on the real Redis.
func TestLimitKeys(t *testing.T) {
	client, prefix := realRedis(t)
	limits := open(t, redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix}).Limits()
	address := limit.Bucket{Name: limit.NameAddress, Of: "2001:db8::/64", Rate: limit.Rate{Count: 10, Per: 10 * time.Minute}}
	owner := bucket(7, 1)
	owner.Unless = limit.Member{Set: "account/7", Of: "192.0.2.1"}
	wantTake(t, limits, true, owner, address)
	returned := bucket(8, 2)
	wantTake(t, limits, true, returned)
	if err := errors.Join(
		limits.Return(t.Context(), "login", returned),
		limits.Remember(t.Context(), "login", owner.Unless, 2*time.Hour),
		limits.Remember(t.Context(), "login", limit.Member{Set: "account/7", Of: "192.0.2.2"}, time.Minute),
	); err != nil {
		t.Fatal(err)
	}
	want := map[string]time.Duration{
		prefix + "{l:login}:b:account:7":             time.Hour,
		prefix + "{l:login}:b:address:2001:db8::/64": time.Minute,
		prefix + "{l:login}:m:account/7":             2 * time.Hour,
		prefix + "{l:login}:locked":                  time.Hour,
	}
	keys, err := client.Keys(t.Context(), prefix+"*").Result()
	if err != nil || len(keys) != len(want) {
		t.Errorf("keys = %q, %v, want %d", keys, err, len(want))
	}
	for _, key := range keys {
		ttl, err := client.PTTL(t.Context(), key).Result()
		if life, known := want[key]; !known || err != nil || ttl > life+2*time.Millisecond || ttl < life-10*time.Second {
			t.Errorf("%s expires in %v (%v), want %v", key, ttl, err, life)
		}
	}
	// A time is a whole number, whatever Lua makes of it.
	fullAt, err := client.Get(t.Context(), prefix+"{l:login}:b:account:7").Int64()
	if at := time.UnixMicro(fullAt); err != nil || time.Until(at) > time.Hour+time.Minute || time.Until(at) < 50*time.Minute {
		t.Errorf("full at %v, %v, want in an hour", at, err)
	}
}

// TestLimitsInAFullRedis: nobody gets in for it, and nobody fills it further; what
// gives something back works.
func TestLimitsInAFullRedis(t *testing.T) {
	address := service.Redis(t)
	client := dial(t, address)
	limits := open(t, redisstore.Options{URL: "redis://" + address}).Limits()
	wantTake(t, limits, true, bucket(7, 1), bucket(8, 3))
	wantTake(t, limits, true, bucket(8, 3), bucket(9, 1))
	if err := client.ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	before := client.DBSize(t.Context()).Val()
	if v, err := limits.Take(t.Context(), "login", bucket(10, 1), bucket(8, 3)); err == nil || v.Allowed {
		t.Errorf("Take = %+v, %v, want a fault", v, err)
	}
	if err := limits.Remember(t.Context(), "login", limit.Member{Set: "a", Of: "b"}, time.Hour); err == nil {
		t.Error("Remember is no fault")
	}
	wantTake(t, limits, false, bucket(7, 1)) // It is known without writing anything.
	if now := client.DBSize(t.Context()).Val(); now != before {
		t.Errorf("%d keys, before %d", now, before)
	}
	if err := limits.Return(t.Context(), "login", bucket(7, 1), bucket(8, 3)); err != nil {
		t.Errorf("Return: %v", err)
	}
	if found, more, err := limits.Locked(t.Context(), "login", 5); err != nil || len(found) != 1 || found[0].Of != "9" || more {
		t.Errorf("Locked = %+v, %v, %v, want that of 9", found, more, err)
	}
	if n, err := limits.Clear(t.Context(), "login", func(limit.Lockout) bool { return true }); n != 1 || err != nil {
		t.Errorf("Clear = %d, %v", n, err)
	}
	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	// The take that failed has taken nothing: of 3 one was returned.
	wantTake(t, limits, true, bucket(7, 1), bucket(8, 3), bucket(9, 1))
	wantTake(t, limits, true, bucket(8, 3))
	wantTake(t, limits, false, bucket(8, 3))
}

// TestEvictedBucket: a bucket that Redis has dropped is no lockout any more.
func TestEvictedBucket(t *testing.T) {
	store, server, _ := openMini(t)
	limits := store.Limits()
	for of := range 3 {
		wantTake(t, limits, true, bucket(of, 1))
	}
	server.Del("fgw:{l:login}:b:account:1")
	if n, err := limits.Clear(t.Context(), "login", func(o limit.Lockout) bool { return o.Of == "1" }); n != 0 || err != nil {
		t.Errorf("Clear = %d, %v, want none", n, err)
	}
	server.Del("fgw:{l:login}:b:account:2")
	found, more, err := limits.Locked(t.Context(), "login", 10)
	if err != nil || len(found) != 1 || found[0].Of != "0" || more {
		t.Errorf("Locked = %+v, %v, %v, want that of 0", found, more, err)
	}
	if members, _ := server.ZMembers("fgw:{l:login}:locked"); len(members) != 1 {
		t.Errorf("the lockouts are %q", members)
	}
}

// TestBrokenBucket: what cannot be read is a fault, and no full bucket.
func TestBrokenBucket(t *testing.T) {
	store, server, _ := openMini(t)
	limits := store.Limits()
	const key = "fgw:{l:login}:b:account:7"
	for name, spoil := range map[string]func() error{
		"text":   func() error { return server.Set(key, "text") },
		"empty":  func() error { return server.Set(key, "") },
		"nan":    func() error { return server.Set(key, "nan") },
		"hex":    func() error { return server.Set(key, "0x10") },
		"minus":  func() error { return server.Set(key, "-1") },
		"a list": func() error { _, err := server.Push(key, "1"); return err },
	} {
		server.FlushAll()
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		v, err := limits.Take(t.Context(), "login", bucket(8, 1), bucket(7, 1))
		if err == nil || v.Allowed {
			t.Errorf("%s: %+v, %v, want a fault", name, v, err)
		}
		if err := limits.Return(t.Context(), "login", bucket(7, 1)); err == nil {
			t.Errorf("%s: Return is no fault", name)
		}
		if server.Exists("fgw:{l:login}:b:account:8") {
			t.Errorf("%s: one was taken from the other bucket", name)
		}
	}
}

// limitOperations calls every method of limit.Store.
func limitOperations(ctx context.Context, s limit.Store) map[string]error {
	b := bucket(7, 5)
	_, take := s.Take(ctx, "login", b)
	_, _, locked := s.Locked(ctx, "login", 5)
	_, clearing := s.Clear(ctx, "login", func(limit.Lockout) bool { return true })
	return map[string]error{
		"Take": take, "Return": s.Return(ctx, "login", b), "Locked": locked, "Clear": clearing,
		"Remember": s.Remember(ctx, "login", limit.Member{Set: "a", Of: "b"}, time.Hour),
	}
}

func TestLimitFaults(t *testing.T) {
	for _, answer := range []string{
		"LOADING Redis is loading the dataset in memory", "OOM command not allowed", "READONLY You can't write against a read only replica.",
		"NOSCRIPT No matching script. Please use EVAL.", "CLUSTERDOWN The cluster is down",
	} {
		store, server, _ := openMini(t)
		server.SetError(answer)
		wantFaults(t, limitOperations(t.Context(), store.Limits()))
		server.SetError("")
		for name, err := range limitOperations(t.Context(), store.Limits()) {
			if err != nil {
				t.Errorf("%s after %q: %v", name, answer, err)
			}
		}
	}
}

// TestLimitsObserved: each call is told of by its name, but not what was never sent.
func TestLimitsObserved(t *testing.T) {
	server := miniredis.RunT(t)
	seen := make(map[string]int)
	limits := open(t, redisstore.Options{
		URL: "redis://" + server.Addr(),
		Observe: func(_ context.Context, operation string, _ time.Duration, failure error) {
			if failure != nil {
				t.Errorf("%s: %v", operation, failure)
			}
			seen[operation]++
		},
	}).Limits()
	clear(seen)
	if err := limits.Return(t.Context(), "login", limit.Bucket{Name: limit.NameIP, Of: "a"}); err != nil {
		t.Fatal(err)
	}
	wantTake(t, limits, true)
	wantTake(t, limits, true, bucket(9, 1))
	limitOperations(t.Context(), limits)
	want := map[string]int{"limit_take": 2, "limit_return": 1, "limit_remember": 1, "lockouts": 1, "lockouts_clear": 2}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("observed %v, want %v", seen, want)
	}
}

// TestGatewayClockDoesNotCount: a gateway that is a day behind counts as Redis does.
func TestGatewayClockDoesNotCount(t *testing.T) {
	right, behind, _, pass := skewed(t, -24*time.Hour)
	b := bucket(7, 1)
	wantTake(t, behind.Limits(), true, b)
	wantTake(t, right.Limits(), false, b)
	pass(time.Hour - time.Microsecond)
	wantTake(t, behind.Limits(), false, b)
	pass(time.Microsecond)
	wantTake(t, behind.Limits(), true, b)
}

// BenchmarkTake is a login's take of three buckets of which one has members.
func BenchmarkTake(b *testing.B) {
	store, err := redisstore.Open(b.Context(), options(redisstore.Options{URL: "redis://" + service.Redis(b)}))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	limits := store.Limits()
	rate := limit.Rate{Count: 1_000_000, Per: time.Minute}
	account := limit.Bucket{Name: limit.NameAccount, Of: "7", Rate: rate, Listed: true, Unless: limit.Member{Set: "7", Of: "192.0.2.1"}}
	address := limit.Bucket{Name: limit.NameAddress, Of: "192.0.2.1", Rate: rate, Listed: true}
	pair := limit.Bucket{Name: limit.NamePair, Of: "7|192.0.2.1", Rate: rate, Listed: true}
	for name, buckets := range map[string][]limit.Bucket{"one": {address}, "three": {account, address, pair}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := limits.Take(b.Context(), "login", buckets...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
