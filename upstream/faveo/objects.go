package faveo

import (
	"context"
	"errors"
	"time"
)

// MaxObjectAge is how old an answer of Objects may be.
const MaxObjectAge = 10 * time.Second

// relationsRemembered bounds what is remembered of one ticket or person: one with more collaborators, departments or
// teams is read each time.
const relationsRemembered = 1024

// ObjectSource reads from the database; DB is one. Every call must end by itself, whatever its context.
type ObjectSource interface {
	Tickets(ctx context.Context, ids []uint64) (map[uint64]Ticket, error)
	Affiliation(ctx context.Context, userID uint64) (Affiliation, error)
}

var _ ObjectSource = (*DB)(nil)

// Objects remembers tickets and affiliations for a few seconds, and joins lookups of the same ticket or person that
// come at the same time. Only what exists is remembered: a new ticket is its owner's at once. Safe for concurrent use.
//
// # Refusals
//
// A refusal should rest on an answer that began after the request came. Then a memory can only let somebody in for
// MaxObjectAge longer, never keep somebody out, and then the time of a refusal tells nothing: were refusals answered
// from memory, somebody else's ticket would be refused at once the second time and a missing one, which is never
// remembered, would not. So: decide on Tickets; when that refuses and the answer was not fresh, decide again on
// ReadTickets. A refusal costs one statement that way, whether the ticket exists or not, and however often it is asked.
type Objects struct {
	source  ObjectSource
	now     func() time.Time
	tickets *memory[map[uint64]Ticket]
	persons *memory[Affiliation]
}

// NewObjects remembers for ttl, which is cut to MaxObjectAge; 0 is MaxObjectAge. A nil now is time.Now.
func NewObjects(source ObjectSource, ttl time.Duration, now func() time.Time) *Objects {
	if ttl <= 0 || ttl > MaxObjectAge {
		ttl = MaxObjectAge
	}
	if now == nil {
		now = time.Now
	}
	o := &Objects{source: source, now: now}
	o.tickets = newMemory(ttl, now, o.loadTicket, smallTicket)
	o.persons = newMemory(ttl, now, source.Affiliation, smallAffiliation)
	return o
}

func smallTicket(found map[uint64]Ticket) bool {
	for _, ticket := range found {
		if len(ticket.Collaborators) > relationsRemembered {
			return false
		}
	}
	return true
}

func smallAffiliation(a Affiliation) bool {
	return len(a.Departments) <= relationsRemembered && len(a.Teams) <= relationsRemembered
}

// loadTicket reads one ticket, as a result of Tickets.
func (o *Objects) loadTicket(ctx context.Context, id uint64) (map[uint64]Ticket, error) {
	found, err := o.source.Tickets(ctx, []uint64{id})
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	return found, err
}

// noneFound turns the ErrNotFound of one ticket back into an empty result.
func noneFound(found map[uint64]Ticket, err error) (map[uint64]Ticket, error) {
	if errors.Is(err, ErrNotFound) {
		return map[uint64]Ticket{}, nil
	}
	return found, err
}

// Tickets is DB.Tickets with a memory. fresh says that nothing of the answer was read before this call; a list is
// remembered as a whole or read as a whole. The map and what it holds are shared: read only.
func (o *Objects) Tickets(ctx context.Context, ids []uint64) (found map[uint64]Ticket, fresh bool, err error) {
	if len(ids) > MaxTickets {
		return nil, true, ErrTooManyIDs
	}
	if found, ok := o.recall(ids); ok {
		return found, false, nil
	}
	if len(ids) != 1 {
		found, err = o.readList(ctx, ids)
		return found, true, err
	}
	found, joined, err := o.tickets.join(ctx, ids[0])
	found, err = noneFound(found, err)
	return found, !joined, err
}

// ReadTickets is Tickets past the memory: all of the answer is read after this call began.
func (o *Objects) ReadTickets(ctx context.Context, ids []uint64) (map[uint64]Ticket, error) {
	if len(ids) != 1 {
		return o.readList(ctx, ids)
	}
	return noneFound(o.tickets.afresh(ctx, ids[0]))
}

// Affiliation is DB.Affiliation with a memory. Its slices are shared: read only.
func (o *Objects) Affiliation(ctx context.Context, userID uint64) (Affiliation, error) {
	if a, ok := o.persons.recall(userID); ok {
		return a, nil
	}
	a, _, err := o.persons.join(ctx, userID)
	return a, err
}

// ReadAffiliation is Affiliation past the memory: it is read after this call began.
func (o *Objects) ReadAffiliation(ctx context.Context, userID uint64) (Affiliation, error) {
	return o.persons.afresh(ctx, userID)
}

// recall answers from memory when all of ids are there.
func (o *Objects) recall(ids []uint64) (map[uint64]Ticket, bool) {
	if len(ids) == 1 {
		return o.tickets.recall(ids[0])
	}
	found := make(map[uint64]Ticket, len(ids))
	for _, id := range ids {
		one, ok := o.tickets.recall(id)
		if !ok {
			return nil, false
		}
		found[id] = one[id]
	}
	return found, len(ids) > 0
}

// readList reads several tickets in one statement. Lists are too rare to be joined.
func (o *Objects) readList(ctx context.Context, ids []uint64) (map[uint64]Ticket, error) {
	readAt := o.now()
	found, err := o.source.Tickets(ctx, ids)
	if err != nil {
		return nil, err
	}
	for id, ticket := range found {
		o.tickets.remember(id, map[uint64]Ticket{id: ticket}, readAt)
	}
	return found, nil
}
