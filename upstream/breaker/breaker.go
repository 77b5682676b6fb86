// Package breaker lets calls of a store that does not answer fail at once, instead of
// each waiting for its deadline while more and more of them pile up.
//
// # The algorithm
//
// A circuit breaker usually counts the failures of the calls themselves. Then whoever can
// make calls fail, by questions that take the store too long, can shut it for everybody.
// Here a call that was not answered decides nothing: it makes the Breaker look for
// itself, by a question of its own, the witness, that any store which works answers at
// once and on a connection that nobody can keep busy. One look goes on at a time, beside
// the calls, so that no caller waits for it:
//
//   - Closed, calls go on. When two looks in a row find no answer, it opens.
//   - Open, calls are refused with ErrOpen, for pause.
//   - Half-open, calls are refused still, and the first of them begins another look. Its
//     answer closes the Breaker, or opens it for another pause.
//
// So a store that is back is used again after at most pause and one look, and the next
// call. The counting is that of gobreaker, whose only client the witness is.
//
// # What it refuses to do
//
// It sees no error of a call and does not judge one: its user says which calls were not
// answered. To say it too often costs a look, and nothing else. A call that has to know
// the truth (a probe of readiness, the end of a session) is made without asking it.
package breaker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// ErrOpen refuses a call: the store has not answered lately. Nothing was sent.
var ErrOpen = errors.New("not asked, because it does not answer at present")

const (
	// pause is how long nobody is asked once the witness had no answer.
	pause = 250 * time.Millisecond
	// quick bounds the first question to a store that is taken to work: most answer in a
	// thousandth of it, and the sooner an outage is known the fewer pile up.
	quick = 500 * time.Millisecond
	// doubts is how many questions in a row go without an answer before it opens: a
	// connection that breaks once is no outage.
	doubts = 2
)

// Witness asks the store for whatever it can answer at once; nil is an answer. It ends
// when ctx does.
type Witness func(ctx context.Context) error

// Breaker is safe for concurrent use. New makes it, Close ends it.
type Breaker struct {
	witness  Witness
	patience time.Duration
	circuit  *gobreaker.CircuitBreaker[struct{}]

	// mu guards closed and abort, which ends the look that is under way; nil without one.
	mu     sync.Mutex
	closed bool
	abort  context.CancelFunc
	looks  sync.WaitGroup
}

// New returns a closed Breaker: the store is taken to work. patience is how long a call
// may take, and bounds one question of the witness: a store that is far away, or slow to
// take a connection, works too, and must neither be shut for it nor stay shut.
func New(witness Witness, patience time.Duration) *Breaker {
	return &Breaker{
		witness: witness, patience: patience,
		circuit: gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
			Timeout:     pause,
			ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= doubts },
		}),
	}
}

// Allow returns nil when a call may be made, else ErrOpen, at once.
func (b *Breaker) Allow(ctx context.Context) error {
	switch b.circuit.State() {
	case gobreaker.StateClosed:
		return nil
	case gobreaker.StateHalfOpen:
		b.look(ctx)
	}
	return ErrOpen
}

// Unanswered says that a call was not answered. It does not wait for what comes of that.
func (b *Breaker) Unanswered(ctx context.Context) { b.look(ctx) }

// Close ends the look that is under way and waits for it. No other begins.
func (b *Breaker) Close() {
	b.mu.Lock()
	if b.closed = true; b.abort != nil {
		b.abort()
	}
	b.mu.Unlock()
	b.looks.Wait()
}

// look asks the witness, unless somebody does so already. The answer is for everybody, so
// it does not end with the caller.
func (b *Breaker) look(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.abort != nil {
		return
	}
	ctx, b.abort = context.WithCancel(context.WithoutCancel(ctx))
	b.looks.Go(func() {
		defer b.looked()
		bound := b.patience
		if b.circuit.State() == gobreaker.StateClosed {
			bound = min(quick, b.patience)
		}
		for range doubts {
			if _, err := b.circuit.Execute(func() (struct{}, error) { return struct{}{}, b.ask(ctx, bound) }); err == nil {
				return
			}
			bound = b.patience
		}
	})
}

func (b *Breaker) ask(ctx context.Context, bound time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	return b.witness(ctx)
}

func (b *Breaker) looked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.abort()
	b.abort = nil
}
