// Package apikey makes and checks API keys: those that this gateway manages, and
// Faveo's one installation key.
//
// # Managed keys
//
// A managed key is a text
//
//	fgw_<id>_<secret><checksum>
//
// of 12, 43 and 6 letters and digits: an id that names it in lists and logs; 43 random
// ones of 62 characters, which is as much as 32 random bytes; and a CRC-32 of all that
// comes before, so that scanners of source code find keys without false alarms
// (Pattern). It is shown once, when it is made. Stored is an HMAC-SHA-256 of it under a
// Pepper that is in neither store: who steals the state database, or Redis, has no key.
//
// A key has scopes, and may have networks from which alone it counts, a rate, an
// expiry, and a user in whose place it stands where a request has no token. Rotating
// gives it a second secret; the first goes on for an overlap and ends by itself.
//
// # Where they are
//
// The Store (package sqlstore) decides, and is not trusted: each record has a MAC under a
// key that is derived from the pepper, which the Keeper makes and everybody checks who
// reads the record. Who can write to the Store, and holds a key, cannot widen it nor bring
// it back by other columns; what was altered is a fault, for which nobody is let in. He can
// put back a whole row as it once was, a key that was revoked since too: that is what a MAC
// does not show.
//
// In front of it are a Cache that the replicas share (package redisstore) and a small
// memory in each replica. What is in the Cache is sealed with a key that is derived from
// the pepper, so that nobody who writes there can widen a key; and it says when the Store
// had it, and is believed for Staleness from then on, so that nobody can bring a key back
// for longer.
//
// A revoked key is refused everywhere within a second: the record that ends it takes the
// place of the older one in the Cache, which never takes a lower Version while that one
// could still be under way, and the replicas are told. Who was told believes only what
// the Store had later than that. Should the news be lost, a memory lasts for cache_ttl,
// and whatever is in the Cache for Staleness.
//
// What lets a key in is believed for cache_ttl; what refuses one, a wrong secret or an
// unknown id, only for a second: it may have been made a moment ago. So a flood of wrong
// keys costs one question a second for each id; and as anybody can make up ids, those that
// are in no memory are looked up a few at once, and for each address (Config.PerAddress)
// not often when they are none. Who may look up no more gets *TooMany. A key in memory is
// counted nowhere.
//
// # Faveo's installation key
//
// settings_system has a key that Faveo asks for and never checks (faveo-contract
// README, section 3). Config.Required says whether this gateway does. A managed key
// satisfies it, too. An installation key that begins with fgw_ is taken for a managed
// one, and so never counts.
//
// # What it refuses to do
//
// It compares digests in constant time and nothing else of a secret, never logs one,
// and never says to a stranger which part of a key was wrong. It never refuses a key
// because something is broken, and never lets one in for it: a Store that fails is
// ErrUnavailable.
package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The outcomes of a check besides success, to be tested with errors.Is.
var (
	// ErrInvalid is a key that is malformed, unknown, or has another secret.
	ErrInvalid = errors.New("API key is invalid")
	// ErrRevoked and ErrExpired are told only to who has the right secret, as a *Refusal.
	ErrRevoked = errors.New("API key has been revoked")
	ErrExpired = errors.New("API key has expired")
	// ErrNetwork is a right key from an address that it is not good for; a *Refusal, too.
	ErrNetwork = errors.New("API key does not count from this address")
	// ErrWrongKey and ErrNotEnabled are Faveo's two answers where its installation
	// key is asked for (faveo-contract README, section 3).
	ErrWrongKey   = errors.New("wrong api key")
	ErrNotEnabled = errors.New("please enable api")
	// ErrUnavailable is part of every error that the Store or the Settings caused, and
	// says nothing about a key (503).
	ErrUnavailable = errors.New("API key state unavailable")
	// ErrNotAnnounced is an ErrUnavailable of Keeper: the change is stored, and not
	// every replica has been told. All know within Staleness.
	ErrNotAnnounced = fmt.Errorf("%w: the change is stored, and the other replicas may not know", ErrUnavailable)
)

// Staleness bounds the age of what any replica believes of a key or of the
// installation's settings, whatever was lost, since the Store or the Settings had it.
const Staleness = 30 * time.Second

// The answers of a Store, to be tested with errors.Is. Every other error is a fault.
var (
	ErrNotFound = errors.New("no such API key")
	// ErrConflict is a Replace of a record that has changed meanwhile, or an Add of
	// an id that exists.
	ErrConflict = errors.New("the API key has changed meanwhile")
)

// Store keeps the records. It is safe for concurrent use, bounds the time of each
// call itself, and passes storetest.TestAPIKeyStore. A record that is not valid is never
// stored, and one that cannot be read is a fault.
type Store interface {
	// Add stores a new record, of Version 1, or returns ErrConflict.
	Add(ctx context.Context, r Record) error
	// Find returns a record, revoked and expired ones too, or ErrNotFound.
	Find(ctx context.Context, id string) (Record, error)
	// List returns all records, the oldest first. One that cannot be read has its ID
	// alone, of which Keeper.Intact knows: the others are shown nevertheless.
	List(ctx context.Context) ([]Record, error)
	// Replace stores r, whose Version is one more than that of the record it replaces.
	// CreatedAt and LastUsedAt stay as they are stored. ErrConflict when the stored one
	// has another Version; ErrNotFound when there is none.
	Replace(ctx context.Context, r Record) error
	// Used notes when keys were used last, in whole seconds. An earlier time than the
	// stored one, and an id that does not exist, are no error and change nothing.
	Used(ctx context.Context, at map[string]time.Time) error
}

// Cache is a memory that the replicas share. It holds bytes under names, of at most 64
// letters, digits, "-" and "_", and knows nothing of keys. It is safe for concurrent
// use, bounds the time of each call itself, and passes storetest.TestAPIKeyCache; an
// error is a fault and never a reason to refuse anybody.
type Cache interface {
	// Get returns what is there; found is false for nothing.
	Get(ctx context.Context, name string) (value []byte, found bool, err error)
	// Put stores value for life, unless a higher version is there, which is no error.
	Put(ctx context.Context, name string, version int64, value []byte, life time.Duration) error
	// Announce tells all replicas, this one included, that the key of that id has
	// changed.
	Announce(ctx context.Context, id string) error
}

// Installation is Faveo's own key as settings_system has it. The key itself is in
// memory only.
type Installation struct {
	// Enabled and Mandatory are api_enable and api_key_mandatory, NULL being false.
	Enabled, Mandatory bool
	// Key is the column api_key, "" for NULL: no key equals it then.
	Key string
}

// Settings reads the installation's settings afresh. Every error is a fault.
type Settings interface {
	Installation(ctx context.Context) (Installation, error)
}
