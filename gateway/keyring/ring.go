package keyring

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/token"
)

var _ token.Keys = (*Ring)(nil)

// Options is what a Ring is made of.
type Options struct {
	// Store keeps the records. Required; its tables must exist.
	Store Store
	// Registry is where the replicas see one another. Required.
	Registry Registry
	// EncryptionKeys is state.encryption_keys, at least one, each as
	// ParseEncryptionKey reads it. The first seals, all unseal.
	EncryptionKeys []string
	// Algorithm is tokens.algorithm: that of the next key. A stored key that was
	// made under another one is due for rotation.
	Algorithm token.Algorithm
	// Config is the validated section "keys".
	Config Config
	// MaxTTL is tokens.max_ttl, above zero.
	MaxTTL time.Duration
	// Self is how other replicas, and people, see this one.
	Self Self
	// Now is this replica's own clock, which measures ages and outages. It decides
	// nothing, but that a secret is deleted only when it agrees; nil means time.Now.
	Now func() time.Time
	// Registerer takes the metrics; nil means none.
	Registerer prometheus.Registerer
	// Log is told of steps and outages; nil means nobody is.
	Log *slog.Logger
	// Observe is told of every change that this replica has stored; nil means nobody is.
	// It is called from several goroutines and must not block. The context is that of
	// whoever has asked for it, or of Run.
	Observe func(context.Context, Change)
}

// Self names a replica for people.
type Self struct{ Host, Version string }

// validate reports what is missing and fills in what may be.
func (o *Options) validate() error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(context.Context, Change) {}
	}
	var faults []error
	if o.Store == nil {
		faults = append(faults, errors.New("no store"))
	}
	if o.Registry == nil {
		faults = append(faults, errors.New("no registry"))
	}
	if !o.Algorithm.Known() {
		faults = append(faults, fmt.Errorf("%w: unknown algorithm %q", token.ErrKey, o.Algorithm))
	}
	if o.MaxTTL <= 0 {
		faults = append(faults, errors.New("no longest life of a token"))
	}
	o.Config.Validate(func(path, message string) { faults = append(faults, fmt.Errorf("keys.%s %s", path, message)) })
	return errors.Join(faults...)
}

// Ring is the key ring in memory. It is safe for concurrent use. What it answers as
// token.Keys never blocks.
type Ring struct {
	store    Store
	registry Registry
	sealing  []EncryptionKey // the first seals
	schedule schedule
	self     Replica // without what changes
	now      func() time.Time
	log      *slog.Logger
	observe  func(context.Context, Change)
	metrics  *metrics
	watch    watch
	outages  *outages
	// wake makes the loop run at once.
	wake chan struct{}

	state atomic.Pointer[snapshot]
	// loading has room for one: whoever asks the store, until the answer is the
	// snapshot, so that no older answer takes the place of a newer one.
	loading chan struct{}
	// change guards the replacement of state, and refused. It is never held while
	// anything is asked.
	change sync.Mutex
	// first is true when this process has made the very first key.
	first bool
	// loadedAt is when the snapshot was last found to be what is stored, in Unix
	// nanoseconds by now.
	loadedAt atomic.Int64
	// refused are the ids that Changed has named.
	refused map[string]bool
}

// Open registers this replica as one without keys, so that it is waited for from
// now on, and loads the keys from the store, or makes the first one there. It asks
// the store at most three times, each within the deadline of ctx.
//
// A record that cannot be unsealed is ErrCannotUnseal, contradictory ones are
// ErrCorrupt, a fault of the store or the registry is an ErrUnavailable. Run keeps
// the Ring up to date.
func Open(ctx context.Context, o Options) (*Ring, error) {
	r, err := newRing(o)
	if err == nil {
		err = r.start(ctx)
	}
	if err == nil {
		r.metrics = newMetrics(o.Registerer)
		registerCollector(o.Registerer, r)
	}
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return r, nil
}

func newRing(o Options) (*Ring, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	sealing, err := parseEncryptionKeys(o.EncryptionKeys)
	if err != nil {
		return nil, err
	}
	r := &Ring{
		store: o.Store, registry: o.Registry, sealing: sealing, now: o.Now, log: o.Log, observe: o.Observe,
		schedule: schedule{algorithm: o.Algorithm, config: o.Config, verifyFor: max(o.Config.RetireAfter, o.MaxTTL) + margin},
		self: Replica{
			ID: newID(), Host: o.Self.Host, Version: o.Self.Version,
			StartedAt: wholeSeconds(o.Now()), Algorithm: o.Algorithm,
		},
		outages: newOutages(o.Log, o.Now),
		wake:    make(chan struct{}, 1),
		loading: make(chan struct{}, 1),
		refused: make(map[string]bool),
	}
	r.state.Store(&snapshot{})
	return r, nil
}

// start is the part of Open that asks.
func (r *Ring) start(ctx context.Context) error {
	view, err := r.register(ctx)
	if err != nil {
		return err
	}
	records, err := r.stored(ctx)
	if err != nil {
		return err
	}
	if _, found := inState(records, StateActive); !found {
		if records, err = r.makeFirst(ctx, len(records) == 0, view.Now); err != nil {
			return err
		}
	}
	next, missing, err := r.unsealAll(records)
	if err = errors.Join(err, missing); err != nil {
		return err
	}
	r.install(next)
	r.loadedAt.Store(r.now().UnixNano())
	return nil
}

// makeFirst stores the first key, the very first one where the store is empty, and
// returns all records. Whoever is second to make one reads that of the first.
func (r *Ring) makeFirst(ctx context.Context, empty bool, at time.Time) ([]Record, error) {
	first, err := r.create(StateActive, r.schedule.algorithm, at)
	if err != nil {
		return nil, err
	}
	err = r.store.AddActive(ctx, first)
	if err != nil && !errors.Is(err, ErrActiveExists) {
		return nil, unavailable("store the first signing key", err)
	}
	r.first = empty && err == nil
	if err == nil {
		r.tell(ctx, Change{KID: first.KID, State: StateActive})
	}
	return r.stored(ctx)
}

// create makes a new key and seals it.
func (r *Ring) create(state State, a token.Algorithm, at time.Time) (Record, error) {
	key, err := token.GenerateKey(a)
	if err != nil {
		return Record{}, fmt.Errorf("make a signing key: %w", err)
	}
	sealed, err := r.sealing[0].seal(key)
	if err != nil {
		return Record{}, err
	}
	made := Record{
		KID: key.ID(), Algorithm: string(a), Configured: string(r.schedule.algorithm),
		State: state, Sealed: sealed, CreatedAt: wholeSeconds(at),
	}
	if state == StateActive {
		made.ActivatedAt = made.CreatedAt
	}
	return made, nil
}

// wholeSeconds is a time as Records have it.
func wholeSeconds(at time.Time) time.Time { return at.UTC().Truncate(time.Second) }

// unavailable wraps a fault of the Store or the Registry.
func unavailable(operation string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, operation, err)
}

// newID returns 128 random bits in base64url, 22 characters.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // Never fails since Go 1.24.
	return base64.RawURLEncoding.EncodeToString(id[:])
}
