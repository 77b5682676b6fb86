package keyring

import (
	"context"
	"errors"
	"fmt"
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
	// EncryptionKeys is state.encryption_keys, at least one, each as
	// ParseEncryptionKey reads it. The first seals, all unseal.
	EncryptionKeys []string
	// Algorithm is tokens.algorithm. It decides which key is made, and must
	// agree with a key that is stored already.
	Algorithm token.Algorithm
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Registerer takes the metrics; nil means none.
	Registerer prometheus.Registerer
}

// Ring is the key ring in memory. It is safe for concurrent use and never
// blocks.
type Ring struct{ state atomic.Pointer[snapshot] }

// snapshot is all that a Ring knows at one time. It is never changed.
type snapshot struct {
	generation uint64
	signing    *token.Key
	createdAt  time.Time
	byID       map[string]*token.Key
	public     []*token.Key
}

// Open loads the signing key from the store, or makes the first one there. It
// asks the store at most three times, each within the deadline of ctx.
//
// When tokens.algorithm differs from the stored key, Open refuses with
// ErrAlgorithm. Going on with the stored key would leave an operator who asked
// for another algorithm believing that it is used; replacing the key would log
// everybody out. The error comes at the start, before anything is served, and
// putting the old value back mends it.
func Open(ctx context.Context, o Options) (*Ring, error) {
	r, err := newRing(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return r, nil
}

func newRing(ctx context.Context, o Options) (*Ring, error) {
	if o.Store == nil {
		return nil, errors.New("no store")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	keys, err := parseEncryptionKeys(o.EncryptionKeys)
	if err != nil {
		return nil, err
	}
	record, err := loadOrCreate(ctx, o, keys[0])
	if err != nil {
		return nil, err
	}
	key, err := unseal(record, keys)
	if err != nil {
		return nil, err
	}
	if key.Algorithm() != o.Algorithm {
		return nil, fmt.Errorf("%w: it is %q, the key has %q: set tokens.algorithm to %[3]q",
			ErrAlgorithm, o.Algorithm, key.Algorithm())
	}
	r := &Ring{}
	r.state.Store(&snapshot{
		generation: 1,
		signing:    key,
		createdAt:  record.CreatedAt,
		byID:       map[string]*token.Key{key.ID(): key},
		public:     []*token.Key{key},
	})
	newMetrics(o.Registerer, r, o.Now)
	return r, nil
}

// loadOrCreate returns the active record. Whoever is second to create one
// reads that of the first.
func loadOrCreate(ctx context.Context, o Options, sealing EncryptionKey) (Record, error) {
	record, found, err := load(ctx, o.Store)
	if err != nil || found {
		return record, err
	}
	created, err := create(o, sealing)
	if err != nil {
		return Record{}, err
	}
	err = o.Store.AddActive(ctx, created)
	if err == nil {
		return created, nil
	}
	if !errors.Is(err, ErrActiveExists) {
		return Record{}, fmt.Errorf("store the first signing key: %w", err)
	}
	record, found, err = load(ctx, o.Store)
	if err == nil && !found {
		err = fmt.Errorf("%w: an active key exists, but is not listed", ErrCorrupt)
	}
	return record, err
}

// load returns the active record, and false when there is none.
func load(ctx context.Context, store Store) (Record, bool, error) {
	records, err := store.Keys(ctx)
	if err != nil {
		return Record{}, false, fmt.Errorf("load signing keys: %w", err)
	}
	var active []Record
	for _, r := range records {
		if r.State == StateActive {
			active = append(active, r)
		}
	}
	switch len(active) {
	case 0:
		return Record{}, false, nil
	case 1:
		return active[0], true, nil
	default:
		return Record{}, false, fmt.Errorf("%w: %d active keys", ErrCorrupt, len(active))
	}
}

// create makes a new key and seals it.
func create(o Options, sealing EncryptionKey) (Record, error) {
	key, err := token.GenerateKey(o.Algorithm)
	if err != nil {
		return Record{}, fmt.Errorf("make a signing key: %w", err)
	}
	sealed, err := sealing.seal(key)
	if err != nil {
		return Record{}, err
	}
	return Record{
		KID:       key.ID(),
		Algorithm: string(key.Algorithm()),
		State:     StateActive,
		Sealed:    sealed,
		CreatedAt: o.Now().UTC().Truncate(time.Second),
	}, nil
}

// SigningKey returns the active key. The error is always nil as yet.
func (r *Ring) SigningKey() (*token.Key, error) { return r.state.Load().signing, nil }

// VerificationKey returns the key of that id, when its tokens are accepted.
func (r *Ring) VerificationKey(kid string) (*token.Key, bool) {
	key, ok := r.state.Load().byID[kid]
	return key, ok
}

// Generation numbers the snapshot.
func (r *Ring) Generation() uint64 { return r.state.Load().generation }

// PublicKeys returns the keys to be published, for token.PublicSet. The caller
// must not change the slice.
func (r *Ring) PublicKeys() []*token.Key { return r.state.Load().public }
