package storetest

import (
	"context"
	"slices"

	"faveo-gateway/gateway/audit"
)

var _ audit.Store = (*Audit)(nil)

// Audit is an audit.Store in memory. It is safe for concurrent use.
type Audit struct {
	door
	entries []audit.Entry // by number
	head    audit.Head
	lost    error // what the next Append returns after it has stored
}

// NewAudit returns an empty store.
func NewAudit() *Audit { return new(Audit) }

// Entries returns what is stored, without a call.
func (a *Audit) Entries() []audit.Entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.entries)
}

// Tamper changes what is stored, as somebody could who can write to a database.
func (a *Audit) Tamper(change func(*audit.Head, []audit.Entry) []audit.Entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entries = change(&a.head, slices.Clone(a.entries))
}

// LoseNextAnswer makes the next Append that stores something return err all the same, as
// when a connection breaks behind the commit.
func (a *Audit) LoseNextAnswer(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost = err
}

// Append implements audit.Sink.
func (a *Audit) Append(ctx context.Context, unsure audit.Link, seal func(audit.Head) audit.Batch) error {
	if err := a.enter(ctx); err != nil {
		return err
	}
	defer a.mu.Unlock()
	if a.has(unsure) {
		return nil
	}
	b := seal(a.current())
	if len(b.Entries) == 0 {
		return nil
	}
	a.entries, a.head = append(a.entries, b.Entries...), b.Head
	err := a.lost
	a.lost = nil
	return err
}

// Head implements audit.Reader.
func (a *Audit) Head(ctx context.Context) (audit.Head, error) {
	if err := a.enter(ctx); err != nil {
		return audit.Head{}, err
	}
	defer a.mu.Unlock()
	return a.head, nil
}

// After implements audit.Reader.
func (a *Audit) After(ctx context.Context, after uint64, limit int) ([]audit.Entry, error) {
	if err := a.enter(ctx); err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.entries, func(e audit.Entry) bool { return e.Sequence > after })
	if i < 0 {
		return nil, nil
	}
	return slices.Clone(a.entries[i:min(i+limit, len(a.entries))]), nil
}

// Prune implements audit.Store.
func (a *Audit) Prune(ctx context.Context, seal func(audit.Head) (audit.Head, bool)) error {
	if err := a.enter(ctx); err != nil {
		return err
	}
	defer a.mu.Unlock()
	h, ok := seal(a.current())
	if !ok {
		return nil
	}
	a.head = h
	a.entries = slices.DeleteFunc(a.entries, func(e audit.Entry) bool { return e.Sequence <= h.Start.Sequence })
	return nil
}

// current is the head, unless there are entries behind it: then nothing proves it.
func (a *Audit) current() audit.Head {
	if n := len(a.entries); n > 0 && a.entries[n-1].Sequence > a.head.Last.Sequence {
		return audit.Head{Last: a.entries[n-1].Link(), Start: a.head.Start}
	}
	return a.head
}

func (a *Audit) has(l audit.Link) bool {
	return slices.ContainsFunc(a.entries, func(e audit.Entry) bool { return e.Link() == l })
}
