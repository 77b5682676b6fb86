package audit

import "context"

// Head is where a trail ends and begins. The zero Head is that of a new trail.
type Head struct {
	// Last is the last entry, Start the last one that was pruned, zero when none was.
	Last, Start Link
	// KeyID and MAC prove both.
	KeyID string
	MAC   Hash
}

// text is what the MAC of a Head is made of.
func (h Head) text() []byte { return appendLink(appendLink([]byte(labelHead), h.Last), h.Start) }

// Batch is what a trail grows by: entries and the Head that they make.
type Batch struct {
	Entries []Entry
	Head    Head
}

// Sink keeps entries.
type Sink interface {
	// Append calls seal with the Head as it stands and stores the Batch whole or not
	// at all. Where there are entries behind it, the Last that seal gets is the last of
	// them, and KeyID and MAC are absent. Append waits for everybody else who appends to
	// the same trail, on whatever replica, so that there is one chain. seal is quick and
	// has at most 257 entries.
	//
	// After an error nobody knows whether the batch was stored: the connection may
	// have broken behind the commit. Whoever repeats it says so by unsure, the Link of
	// its last entry: when that is stored Append returns nil without calling seal.
	// Otherwise unsure is zero.
	Append(ctx context.Context, unsure Link, seal func(Head) Batch) error
}

// Reader reads a trail. What it returns is what is stored, true or not. A Head that is
// missing is the zero Head.
type Reader interface {
	Head(ctx context.Context) (Head, error)
	// After returns at most limit entries whose number is above after, by number.
	After(ctx context.Context, after uint64, limit int) ([]Entry, error)
}

// Store is a trail in a database. Its calls respect the deadline of their context and
// are safe for concurrent use, from several processes too. It knows no keys, and passes
// storetest.TestAuditStore.
type Store interface {
	Sink
	Reader
	// Prune deletes the entries up to the number of the Start of the Head that seal
	// makes of the present one, and stores that Head; both or neither. It does nothing
	// when seal says false. It waits for whoever appends, as Append does.
	Prune(ctx context.Context, seal func(Head) (Head, bool)) error
}

// Tail returns the last limit entries, the oldest first.
func Tail(ctx context.Context, r Reader, limit int) ([]Entry, error) {
	head, err := r.Head(ctx)
	if err != nil {
		return nil, err
	}
	return r.After(ctx, head.Last.Sequence-min(head.Last.Sequence, uint64(max(limit, 0))), limit)
}
