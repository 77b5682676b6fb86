package redisstore_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest/service"
)

// The tests of what is lost without a sign.

// soon is how long it may take until a loss is noticed.
const soon = time.Second

// wantSoon waits for the news that anything may have ended.
func (n news) wantSoon(t *testing.T, since time.Time) time.Duration {
	t.Helper()
	n.want(t, anySession, anyKey, anyAPIKey)
	took := time.Since(since)
	if took > soon {
		t.Errorf("noticed after %v, want within %v", took, soon)
	}
	return took
}

// latencies are what a Handler is told of them.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// take returns those that came since the last take, in their order.
func (l *latencies) take() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.all
	l.all = nil
	return all
}

// TestLostMessage has the way to a replica lose one message, and nothing else.
func TestLostMessage(t *testing.T) {
	_, prefix := realRedis(t)
	here := open(t, redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix})
	between := newRelay(t, service.RedisAddress)
	there := open(t, redisstore.Options{URL: between.url(), KeyPrefix: prefix})
	var measured latencies
	told := make(news, 1000)
	h := told.handler()
	h.Latency = measured.add
	start(t, there, h)
	told.await(t, anyKey)
	settle(t, here, told)

	id := session.NewID()
	remove := func() {
		t.Helper()
		if err := here.Delete(t.Context(), 7, id); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("noticed by the poll", func(t *testing.T) {
		for range 3 {
			measured.take()
			between.lose(1)
			began := time.Now()
			remove()
			took := told.wantSoon(t, began)
			remove() // And from then on everything is heard again.
			told.want(t, ended(7, id))
			got := measured.take()
			// The quick ones are those that were heard, of the time before as well: their
			// measure may come after their news.
			if lost := slices.Max(append(got, 0)); lost > took+50*time.Millisecond || lost < took-500*time.Millisecond {
				t.Errorf("measured %v of a message that was noticed after %v", got, took)
			}
		}
	})
	t.Run("noticed by the next message", func(t *testing.T) {
		measured.take()
		between.lose(1)
		remove()
		remove()
		told.want(t, anySession, anyKey, anyAPIKey)
		settle(t, here, told)
		if got := measured.take(); len(got) < 2 {
			t.Errorf("measured %v, want both", got)
		}
	})
	t.Run("several at once", func(t *testing.T) {
		between.lose(3)
		began := time.Now()
		for range 3 {
			remove()
		}
		told.wantSoon(t, began)
		for deadline := time.Now().Add(5 * time.Second); between.left() > 0; {
			if time.Now().After(deadline) {
				t.Fatal("they were not lost")
			}
			time.Sleep(time.Millisecond)
		}
		settle(t, here, told)
		remove()
		told.want(t, ended(7, id))
	})
}

// TestEmptiedRedis: whatever happens to the epoch, a replica notices, again and again,
// also when nothing was announced in between.
func TestEmptiedRedis(t *testing.T) {
	address, restart := service.RestartableRedis(t)
	client := dial(t, address)
	store := open(t, redisstore.Options{URL: "redis://" + address})
	other := open(t, redisstore.Options{URL: "redis://" + address})
	told, too := watch(t, store), watch(t, other)
	settle(t, store, told, too)
	const epoch = "fgw:{news}:epoch"
	do := func(command ...any) {
		t.Helper()
		if err := client.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"emptied", func() { do("FLUSHALL") }},
		{"emptied again", func() { do("FLUSHALL") }},
		{"the epoch expires", func() { do("DEL", epoch) }},
		{"an older state comes back", func() { do("SET", epoch, "5", "PX", "100000") }},
		{"restarted", restart},
	} {
		t.Run(step.name, func(t *testing.T) {
			step.do()
			began := time.Now()
			told.wantSoon(t, began)
			too.wantSoon(t, began)
			// Two ways lead there, and the second one may come now.
			settle(t, store, told, too)
			id := session.NewID()
			if err := store.Delete(t.Context(), 7, id); err != nil {
				t.Fatal(err)
			}
			told.await(t, ended(7, id))
			too.await(t, ended(7, id))
		})
	}
	t.Run("the epoch is of another type", func(t *testing.T) {
		do("DEL", epoch)
		do("LPUSH", epoch, "x")
		if err := store.Delete(t.Context(), 7, session.NewID()); err == nil {
			t.Error("Delete said done though nobody was told")
		}
	})
}

// TestRevocationLatency measures from the end of a session on one replica to the news
// of it on another, and that both ways of measuring agree.
func TestRevocationLatency(t *testing.T) {
	const tries = 1000
	_, prefix := realRedis(t)
	o := redisstore.Options{URL: "redis://" + service.RedisAddress, KeyPrefix: prefix}
	here, there := open(t, o), open(t, o)
	var measured latencies
	told := make(news, 1000)
	h := told.handler()
	h.Latency = measured.add
	start(t, there, h)
	told.await(t, anyKey)
	settle(t, here, told)
	measured.take()
	took := make([]time.Duration, tries)
	for i := range took {
		id := session.NewID()
		began := time.Now()
		if err := here.Delete(t.Context(), 7, id); err != nil {
			t.Fatal(err)
		}
		told.want(t, ended(7, id))
		took[i] = time.Since(began)
	}
	settle(t, here, told) // Then the last one has been measured, too.
	got := measured.take()
	if len(got) < tries {
		t.Fatalf("%d latencies were measured, want %d", len(got), tries)
	}
	slices.Sort(took)
	slices.Sort(got)
	at := func(list []time.Duration, percent int) time.Duration { return list[(len(list)-1)*percent/100] }
	t.Logf("ended here to heard there: p50 %v, p99 %v; announced to heard: p50 %v, p99 %v",
		at(took, 50), at(took, 99), at(got, 50), at(got, 99))
	if p99 := at(got, 99); p99 > time.Second {
		t.Errorf("p99 is %v, want less than 1s", p99)
	}
	if at(got, 50) > at(took, 50)+5*time.Millisecond {
		t.Errorf("the median measured is %v, and from the outside %v", at(got, 50), at(took, 50))
	}
}

// TestFullRedis: who has no place for another session must still be able to end one.
func TestFullRedis(t *testing.T) {
	address := service.Redis(t)
	client := dial(t, address)
	store := open(t, redisstore.Options{URL: "redis://" + address})
	told := watch(t, store)
	var live []session.Session
	for range 4 {
		live = append(live, create(t, store, newSession(time.Now(), 7)))
	}
	create(t, store, newSession(time.Now(), 8))
	if err := client.ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(t.Context(), newSession(time.Now(), 7), 10); err == nil {
		t.Fatal("Redis is not full")
	}
	if _, err := store.Find(t.Context(), 7, live[0].ID); err != nil {
		t.Errorf("Find: %v", err)
	}
	if err := store.Delete(t.Context(), 7, live[0].ID); err != nil {
		t.Errorf("Delete: %v", err)
	}
	told.want(t, ended(7, live[0].ID))
	if err := store.APIKeys().Put(t.Context(), "key-a", 2, []byte("revoked"), time.Minute); err != nil {
		t.Errorf("Put: %v", err)
	}
	if err := store.APIKeys().Announce(t.Context(), "Abcdefghij01"); err != nil {
		t.Errorf("Announce: %v", err)
	}
	told.want(t, `apikey "Abcdefghij01"`)
	n, err := store.DeleteWhere(t.Context(), func(s session.Session) bool { return s.ID == live[1].ID })
	if n != 1 || err != nil {
		t.Errorf("DeleteWhere = %d, %v", n, err)
	}
	told.want(t, anySession, anyKey, anyAPIKey)
	for _, want := range []int{2, 0} {
		if n, err := store.DeleteAll(t.Context(), 7); n != want || err != nil {
			t.Errorf("DeleteAll = %d, %v, want %d", n, err, want)
		}
		told.want(t, ended(7, ""))
	}
	if n, err := store.DeleteEverything(t.Context()); n != 1 || err != nil {
		t.Errorf("DeleteEverything = %d, %v, want the one that is left", n, err)
	}
	told.want(t, anySession, anyKey, anyAPIKey)
	id := session.NewID()
	if err := store.Bar(t.Context(), 9, id, time.Now().Add(time.Hour)); err != nil {
		t.Errorf("Bar: %v", err)
	}
	told.want(t, ended(9, id))
	began := time.Now()
	if err := client.Del(t.Context(), "fgw:{news}:epoch").Err(); err != nil {
		t.Fatal(err)
	}
	told.wantSoon(t, began)
}
