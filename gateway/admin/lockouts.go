package admin

import "context"

func (h *Handler) listLockouts(ctx context.Context, in input) (any, error) {
	lockouts, more, err := h.lockouts.List(ctx, in.limit)
	return LockoutList{Lockouts: list(lockouts), More: more}, err
}

// clearLockouts ends those of a user, of an address, or all, and never more than was
// asked for: who names none or several is not understood.
func (h *Handler) clearLockouts(ctx context.Context, in input) (any, error) {
	var (
		n   int
		err error
	)
	switch user, address := in.user != 0, in.address != ""; {
	case user && !address && !in.all:
		n, err = h.lockouts.ClearUser(ctx, in.user)
	case address && !user && !in.all:
		n, err = h.lockouts.ClearAddress(ctx, in.address)
	case in.all && !user && !address:
		n, err = h.lockouts.ClearAll(ctx)
	default:
		return nil, BadRequest("One of user=N, address=A and all=true must be given, and only one")
	}
	return Cleared{Cleared: n}, err
}
