package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"

	"faveo-gateway/gateway/stage"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/faveo"
)

// facts shows Faveo's tickets and affiliations to the authorize stage.
type facts struct {
	objects *faveo.Objects
}

var _ stage.Facts = facts{}

// Objects implements stage.Facts. The policy asks for tickets only: whose a user
// is, the id says.
func (f facts) Objects(ctx context.Context, refs []policy.ObjectRef, fresh bool) ([]policy.Object, bool, error) {
	ids := make([]uint64, len(refs))
	for i, ref := range refs {
		ids[i] = ref.ID
	}
	tickets, remembered, err := f.tickets(ctx, ids, fresh)
	if err != nil {
		return nil, false, objectFault(err)
	}
	found := make([]policy.Object, len(refs))
	for i, ref := range refs {
		found[i] = objectOf(ref, tickets)
	}
	return found, remembered, nil
}

func (f facts) tickets(ctx context.Context, ids []uint64, fresh bool) (map[uint64]faveo.Ticket, bool, error) {
	if fresh {
		tickets, err := f.objects.ReadTickets(ctx, ids)
		return tickets, false, err
	}
	tickets, readNow, err := f.objects.Tickets(ctx, ids)
	return tickets, !readNow, err
}

func objectOf(ref policy.ObjectRef, tickets map[uint64]faveo.Ticket) policy.Object {
	ticket, found := tickets[ref.ID]
	return policy.Object{
		Kind: ref.Kind, ID: ref.ID, Found: found,
		Owner: ticket.Owner, Collaborators: ticket.Collaborators,
		Department: ticket.Department, Assignee: ticket.Assignee, Team: ticket.Team,
	}
}

// Affiliation implements stage.Facts. An account that is gone belongs nowhere.
func (f facts) Affiliation(ctx context.Context, userID uint64, fresh bool) (policy.Affiliation, error) {
	read := f.objects.Affiliation
	if fresh {
		read = f.objects.ReadAffiliation
	}
	a, err := read(ctx, userID)
	if errors.Is(err, faveo.ErrNotFound) {
		return policy.Affiliation{}, nil
	}
	if err != nil {
		return policy.Affiliation{}, objectFault(err)
	}
	return policy.Affiliation{Email: a.Email, Departments: a.Departments, Teams: a.Teams}, nil
}

// objectFault marks a failing database; a list that is too long is the client's.
func objectFault(err error) error {
	if errors.Is(err, faveo.ErrTooManyIDs) {
		return err
	}
	return fmt.Errorf("%w: %w", errDatabase, err)
}

// editOf is the edit that a decision's filters ask for; nil for none.
func editOf(filters []policy.Filter) func(io.Reader) io.Reader {
	var edit func(io.Reader) io.Reader
	for _, filter := range filters {
		hide := hideOf(filter)
		if before := edit; before != nil {
			edit = func(body io.Reader) io.Reader { return hide(before(body)) }
		} else {
			edit = hide
		}
	}
	return edit
}

// hideOf never answers nil: a filter that is not known here hides everything.
func hideOf(filter policy.Filter) func(io.Reader) io.Reader {
	switch filter {
	case policy.FilterInternalThreads:
		return faveo.HideInternalThreads
	case policy.FilterInternalNote:
		return faveo.HideInternalNote
	case policy.FilterResult:
		return faveo.HideResult
	default:
		return func(io.Reader) io.Reader { return failing{filter} }
	}
}

// failing is the answer to a filter that nobody knows.
type failing struct{ filter policy.Filter }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) {
	return 0, fmt.Errorf("policy asks for the unknown filter %q", f.filter)
}
