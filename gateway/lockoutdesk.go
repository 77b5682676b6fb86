package gateway

import (
	"context"
	"strconv"
	"strings"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/login"
)

// lockoutDesk shows who has no login attempt left to the admin API.
type lockoutDesk struct {
	lockouts limit.Lockouts
	trail    trail
}

var _ admin.Lockouts = lockoutDesk{}

// List implements admin.Lockouts.
func (d lockoutDesk) List(ctx context.Context, most int) ([]admin.Lockout, bool, error) {
	locked, more, err := d.lockouts.Locked(ctx, login.LockoutGroup, most)
	if err != nil {
		return nil, false, unreachable(err)
	}
	shown := make([]admin.Lockout, len(locked))
	for i, l := range locked {
		whom := login.WhomOf(l)
		shown[i] = admin.Lockout{Kind: whom.Kind, UserID: whom.UserID, Name: whom.Name, Address: whom.Address, Until: l.Until}
	}
	return shown, more, nil
}

// ClearUser implements admin.Lockouts.
func (d lockoutDesk) ClearUser(ctx context.Context, userID uint64) (int, error) {
	return d.clear(ctx, audit.Event{UserID: userID}, func(w login.Whom) bool { return w.UserID == userID })
}

// ClearAddress implements admin.Lockouts.
func (d lockoutDesk) ClearAddress(ctx context.Context, address string) (int, error) {
	address = limit.AddressOf(strings.TrimSuffix(address, "/64"))
	return d.clear(ctx, audit.Event{Subject: address}, func(w login.Whom) bool { return w.Address == address })
}

// ClearAll implements admin.Lockouts.
func (d lockoutDesk) ClearAll(ctx context.Context) (int, error) {
	return d.clear(ctx, audit.Event{}, func(login.Whom) bool { return true })
}

func (d lockoutDesk) clear(ctx context.Context, e audit.Event, match func(login.Whom) bool) (int, error) {
	n, err := d.lockouts.Clear(ctx, login.LockoutGroup, func(l limit.Lockout) bool { return match(login.WhomOf(l)) })
	if err != nil {
		return 0, unreachable(err)
	}
	e.Kind, e.Detail = audit.KindLockoutCleared, strconv.Itoa(n)+" cleared"
	d.trail.changed(ctx, e)
	return n, nil
}
