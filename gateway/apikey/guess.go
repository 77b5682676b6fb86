package apikey

import (
	"context"
	"fmt"
	"time"

	"faveo-gateway/gateway/limit"
)

// guessesAtOnce is how many guesses may be under way in one replica. They take their time
// from those who wait for one, not from the audit trail and the keys that are known,
// which have the same connections.
const guessesAtOnce = 4

// TooMany is the refusal of an address from which too many keys were looked up that were
// none. It says nothing about the key of this request (429).
type TooMany struct {
	// RetryAfter is when the address may ask again, always positive.
	RetryAfter time.Duration
}

// Error implements error.
func (e *TooMany) Error() string {
	return fmt.Sprintf("too many wrong API keys from the address, for %s", e.RetryAfter)
}

// guesses are the lookups of ids that are in no memory. Anybody can make up such ids,
// checksum and all, as many as he likes, and each would cost a question to each store. It
// is safe for concurrent use.
type guesses struct {
	limits limit.Source
	rate   limit.Rate
	slots  chan struct{}
}

func newGuesses(o Options) *guesses {
	return &guesses{limits: o.Limits, rate: o.Config.PerAddress, slots: make(chan struct{}, guessesAtOnce)}
}

// look does a lookup for an address of limit.AddressOf when that has one left, or returns
// *TooMany. It takes one before, so that of a thousand at once not all are done, and gives
// it back when the key was right, or nobody could tell.
func (g *guesses) look(ctx context.Context, address string, do func(context.Context) (*entry, error), right func(*entry) bool) (*entry, error) {
	group, bucket := "key:"+address, limit.Bucket{Name: limit.NameBadKey, Of: address, Rate: g.rate}
	verdict, err := g.limits.Take(ctx, group, bucket)
	if err != nil {
		return nil, err
	}
	if !verdict.Allowed {
		return nil, &TooMany{RetryAfter: verdict.RetryAfter}
	}
	e, err := g.inTurn(ctx, do)
	if err != nil || right(e) {
		_ = g.limits.Return(ctx, group, bucket) // What cannot be given back comes back by itself.
	}
	return e, err
}

// inTurn does a lookup when one of the slots is free, or returns ctx's error.
func (g *guesses) inTurn(ctx context.Context, do func(context.Context) (*entry, error)) (*entry, error) {
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
		return do(ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
