package storetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"faveo-gateway/gateway/apikey"
)

var _ apikey.Store = (*APIKeys)(nil)

// APIKeys is an apikey.Store in memory. It is safe for concurrent use.
type APIKeys struct {
	door
	records map[string]apikey.Record
}

// NewAPIKeys returns an empty store.
func NewAPIKeys() *APIKeys { return &APIKeys{records: make(map[string]apikey.Record)} }

// Tamper changes a record, as somebody could who can write to a database.
func (k *APIKeys) Tamper(id string, change func(*apikey.Record)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := copyAPIKey(k.records[id])
	change(&r)
	k.records[id] = r
}

// Add implements apikey.Store.
func (k *APIKeys) Add(ctx context.Context, r apikey.Record) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if r.Version != 1 {
		return errors.New("a new record has the version 1")
	}
	if err := k.enter(ctx); err != nil {
		return err
	}
	defer k.mu.Unlock()
	if _, exists := k.records[r.ID]; exists {
		return apikey.ErrConflict
	}
	k.records[r.ID] = copyAPIKey(r)
	return nil
}

// Find implements apikey.Store.
func (k *APIKeys) Find(ctx context.Context, id string) (apikey.Record, error) {
	if err := k.enter(ctx); err != nil {
		return apikey.Record{}, err
	}
	defer k.mu.Unlock()
	r, exists := k.records[id]
	if !exists {
		return apikey.Record{}, apikey.ErrNotFound
	}
	return copyAPIKey(r), nil
}

// List implements apikey.Store.
func (k *APIKeys) List(ctx context.Context) ([]apikey.Record, error) {
	if err := k.enter(ctx); err != nil {
		return nil, err
	}
	defer k.mu.Unlock()
	var records []apikey.Record
	for _, r := range k.records {
		records = append(records, copyAPIKey(r))
	}
	slices.SortFunc(records, func(a, b apikey.Record) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return records, nil
}

// Replace implements apikey.Store.
func (k *APIKeys) Replace(ctx context.Context, r apikey.Record) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if err := k.enter(ctx); err != nil {
		return err
	}
	defer k.mu.Unlock()
	stored, exists := k.records[r.ID]
	switch {
	case !exists:
		return apikey.ErrNotFound
	case stored.Version != r.Version-1:
		return apikey.ErrConflict
	}
	r = copyAPIKey(r)
	r.CreatedAt, r.LastUsedAt = stored.CreatedAt, stored.LastUsedAt
	k.records[r.ID] = r
	return nil
}

// Used implements apikey.Store.
func (k *APIKeys) Used(ctx context.Context, at map[string]time.Time) error {
	if err := k.enter(ctx); err != nil {
		return err
	}
	defer k.mu.Unlock()
	for id, used := range at {
		if r, exists := k.records[id]; exists && used.After(r.LastUsedAt) {
			r.LastUsedAt = used
			k.records[id] = r
		}
	}
	return nil
}

// copyAPIKey returns a record that shares nothing with the given one.
func copyAPIKey(r apikey.Record) apikey.Record {
	r.Scopes, r.Networks, r.Secrets = slices.Clone(r.Scopes), slices.Clone(r.Networks), slices.Clone(r.Secrets)
	return r
}
