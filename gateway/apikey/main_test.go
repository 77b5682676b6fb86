package apikey_test

import (
	"context"
	"errors"
	"hash/crc32"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errDown is what the stores of these tests fail with.
var errDown = errors.New("connection refused")

// somewhere is where the requests of most tests come from.
const somewhere = "192.0.2.7"

// settings are the installation's, which can be told to fail.
type settings struct {
	mu    sync.Mutex
	now   apikey.Installation
	fault error
	calls int
}

func (s *settings) set(now apikey.Installation, fault error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.fault = now, fault
}

func (s *settings) Installation(context.Context) (apikey.Installation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	return s.now, s.fault
}

// world is a replica with all that it depends on, and a clock for all of them.
type world struct {
	*apikey.Door
	*apikey.Keeper
	clock    *storetest.Clock
	store    *storetest.APIKeys
	cache    *storetest.APIKeyCache
	settings *settings
	limits   *limit.Local
	metrics  *prometheus.Registry
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: storetest.NewClock(), store: storetest.NewAPIKeys(), settings: new(settings), metrics: prometheus.NewRegistry()}
	w.cache = storetest.NewAPIKeyCache(w.clock.Now)
	w.limits = limit.NewLocal(limit.LocalOptions{Now: w.clock.Now})
	w.Door = apikey.NewDoor(w.options(t))
	w.Keeper = w.keeper(t, w.Door)
	t.Cleanup(w.cache.Watch(w.Drop))
	return w
}

// aPepper is the one of most tests.
const aPepper = "a pepper of more than 32 characters"

func pepper(t testing.TB, text string) apikey.Pepper {
	t.Helper()
	p, err := apikey.ParsePepper(text)
	if err != nil {
		t.Fatalf("ParsePepper: %v", err)
	}
	return p
}

func (w *world) options(t testing.TB) apikey.Options {
	return apikey.Options{
		Store: w.store, Cache: w.cache, Settings: w.settings, Limits: w.limits, Pepper: pepper(t, aPepper),
		Config: apikey.DefaultConfig(), Now: w.clock.Now, Registerer: w.metrics,
	}
}

// replica returns a further Door in the same world, which hears no news.
func (w *world) replica(t *testing.T) *apikey.Door {
	o := w.options(t)
	o.Registerer = nil
	return apikey.NewDoor(o)
}

func (w *world) keeper(t *testing.T, d *apikey.Door) *apikey.Keeper {
	return apikey.NewKeeper(apikey.KeeperOptions{
		Store: w.store, Cache: w.cache, Pepper: pepper(t, aPepper), Drop: d.Drop, Now: w.clock.Now,
		CheckScope: func(scope string) error {
			if scope != "staff" {
				return errors.New("unknown class")
			}
			return nil
		},
	})
}

// wish is what most keys are made of.
func wish() apikey.Wish { return apikey.Wish{Name: "monitoring", Scopes: []string{"staff"}} }

func (w *world) create(t *testing.T, wished apikey.Wish) (apikey.Record, string) {
	t.Helper()
	r, text, err := w.Create(t.Context(), wished)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	return r, text
}

func (w *world) rotate(t *testing.T, id string, overlap time.Duration) (apikey.Record, string) {
	t.Helper()
	r, text, err := w.Rotate(t.Context(), id, overlap)
	if err != nil {
		t.Fatalf("Rotate: %v", err)
	}
	return r, text
}

func (w *world) revoke(t *testing.T, id string) {
	t.Helper()
	if r, err := w.Revoke(t.Context(), id); err != nil || r.RevokedAt.IsZero() {
		t.Fatalf("Revoke = %+v, %v", r, err)
	}
}

// calls runs do and returns how many calls of the store it made.
func (w *world) calls(do func()) int {
	before := w.store.Calls()
	do()
	return w.store.Calls() - before
}

// counted runs do and returns how much the counter grew with that label.
func (w *world) counted(t *testing.T, result string, do func()) float64 {
	t.Helper()
	count := func() float64 {
		families, err := w.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "faveo_gateway_apikey_checks_total" && m.GetLabel()[0].GetValue() == result {
					return m.GetCounter().GetValue()
				}
			}
		}
		t.Fatalf("no result %q is counted", result)
		return 0
	}
	before := count()
	do()
	return count() - before
}

func wantKey(t *testing.T, d *apikey.Door, text string, want apikey.Record) {
	t.Helper()
	wantKeyFrom(t, d, text, somewhere, want)
}

func wantKeyFrom(t *testing.T, d *apikey.Door, text, address string, want apikey.Record) {
	t.Helper()
	key, err := d.Admit(t.Context(), text, address)
	if err != nil || key == nil || key.ID != want.ID || key.Name != want.Name || key.UserID != want.UserID ||
		key.Rate != want.Rate || strings.Join(key.Scopes, ",") != strings.Join(want.Scopes, ",") {
		t.Errorf("Admit = %+v, %v, want the key %+v", key, err, want)
	}
}

// wantRefused wants the error and nothing that says more than it.
func wantRefused(t *testing.T, d *apikey.Door, text string, want error) {
	t.Helper()
	key, err := d.Admit(t.Context(), text, somewhere)
	wantError(t, key, err, want)
}

func wantError(t *testing.T, key *identity.Key, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || key != nil {
		t.Errorf("Admit = %+v, %v, want %v", key, err, want)
	}
	for _, other := range []error{
		apikey.ErrInvalid, apikey.ErrRevoked, apikey.ErrExpired, apikey.ErrNetwork,
		apikey.ErrWrongKey, apikey.ErrNotEnabled, apikey.ErrUnavailable, apikey.ErrNotFound,
	} {
		if errors.Is(err, other) && !errors.Is(want, other) {
			t.Errorf("Admit: %v says %v, too", err, other)
		}
	}
}

// wantPassed wants a request to go on without a managed key.
func wantPassed(t *testing.T, d *apikey.Door, text string) {
	t.Helper()
	if key, err := d.Admit(t.Context(), text, somewhere); key != nil || err != nil {
		t.Errorf("Admit = %+v, %v, want neither", key, err)
	}
}

// withSum gives the first 60 characters of a key the checksum that anybody can give them.
func withSum(body string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := make([]byte, 6)
	crc := crc32.ChecksumIEEE([]byte(body))
	for i := 5; i >= 0; i-- {
		sum[i] = digits[crc%62]
		crc /= 62
	}
	return body + string(sum)
}

// forged returns a key of that id with that secret.
func forged(id, secret string) string { return withSum("fgw_" + id + "_" + secret) }

// aSecret is one that nobody has.
var aSecret = strings.Repeat("7", 43)

// hooked is a Store whose Find calls a function in between, after the answer is known
// and before it is given.
type hooked struct {
	*storetest.APIKeys
	onFind func(context.Context) error
}

func (h *hooked) Find(ctx context.Context, id string) (apikey.Record, error) {
	r, err := h.APIKeys.Find(ctx, id)
	if h.onFind != nil {
		if err := h.onFind(ctx); err != nil {
			return apikey.Record{}, err
		}
	}
	return r, err
}

// TestMetricsAreWellFormed: names, labels and help.
func TestMetricsAreWellFormed(t *testing.T) {
	if problems, err := testutil.GatherAndLint(newWorld(t).metrics); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
