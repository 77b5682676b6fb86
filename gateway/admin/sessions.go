package admin

import "context"

func (h *Handler) listSessions(ctx context.Context, in input) (any, error) {
	sessions, more, err := h.sessions.List(ctx, in.user, in.limit)
	return SessionList{Sessions: list(sessions), More: more}, err
}

func (h *Handler) endSession(ctx context.Context, in input) (any, error) {
	n, err := h.sessions.End(ctx, in.user, in.id)
	return Ended{Ended: n}, missing(err, "There is no such session; it may have ended already")
}

// endSessions ends those of a user or all, and never more than was asked for:
// who names neither or both is not understood.
func (h *Handler) endSessions(ctx context.Context, in input) (any, error) {
	var (
		n   int
		err error
	)
	switch {
	case in.all == (in.user != 0):
		return nil, BadRequest("Either user=N or all=true must be given")
	case in.all:
		n, err = h.sessions.EndAll(ctx)
	default:
		n, err = h.sessions.EndUser(ctx, in.user)
	}
	return Ended{Ended: n}, err
}
