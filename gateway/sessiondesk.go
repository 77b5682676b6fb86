package gateway

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/session"
)

// sessionDesk shows everybody's sessions to the admin API.
type sessionDesk struct {
	manager *session.Manager
	trail   trail
}

var _ admin.Sessions = sessionDesk{}

// List implements admin.Sessions.
func (d sessionDesk) List(ctx context.Context, userID uint64, limit int) (list []admin.Session, more bool, err error) {
	collect := func(s session.Session) bool {
		if more = len(list) == limit; !more {
			list = append(list, sessionOf(s))
		}
		return !more
	}
	if userID == 0 {
		err = d.manager.Each(ctx, collect)
		slices.SortFunc(list, func(a, b admin.Session) int {
			return cmp.Or(cmp.Compare(a.UserID, b.UserID), a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
		})
		return list, more, adminError(err)
	}
	sessions, err := d.manager.List(ctx, userID)
	for _, s := range sessions {
		if !collect(s) {
			break
		}
	}
	return list, more, adminError(err)
}

// End implements admin.Sessions.
func (d sessionDesk) End(ctx context.Context, userID uint64, id string) (int, error) {
	if !session.ValidID(id) {
		return 0, admin.BadRequest("A session id is 22 characters, as sessions list shows it")
	}
	userID, err := d.owner(ctx, userID, id)
	if err == nil {
		err = d.manager.End(ctx, userID, id)
	}
	if err != nil {
		return 0, adminError(err)
	}
	d.trail.changed(ctx, audit.Event{Kind: audit.KindSessionEnded, UserID: userID, Subject: id})
	return 1, nil
}

// owner finds whose session that is. Sessions are kept by user: without one it
// walks through all of them.
func (d sessionDesk) owner(ctx context.Context, userID uint64, id string) (uint64, error) {
	if userID != 0 {
		_, err := d.manager.Find(ctx, userID, id)
		return userID, err
	}
	err := d.manager.Each(ctx, func(s session.Session) bool {
		if s.ID == id {
			userID = s.UserID
		}
		return userID == 0
	})
	if err == nil && userID == 0 {
		err = session.ErrNotFound
	}
	return userID, err
}

// EndUser implements admin.Sessions.
func (d sessionDesk) EndUser(ctx context.Context, userID uint64) (int, error) {
	n, err := d.manager.EndAll(ctx, userID)
	if err != nil {
		return n, adminError(err)
	}
	d.trail.changed(ctx, audit.Event{Kind: audit.KindSessionEnded, UserID: userID, Detail: fmt.Sprintf("all %d of the user", n)})
	return n, nil
}

// EndAll implements admin.Sessions.
func (d sessionDesk) EndAll(ctx context.Context) (int, error) {
	n, err := d.manager.EndEverything(ctx)
	if n > 0 || err == nil {
		d.trail.changed(ctx, audit.Event{Kind: audit.KindSessionEnded, Detail: fmt.Sprintf("%d of everybody", n)})
	}
	if err != nil {
		return 0, admin.Unavailable(fmt.Sprintf("At least %d sessions were ended, and some may be left: ask again", n), err)
	}
	return n, nil
}

func sessionOf(s session.Session) admin.Session {
	return admin.Session{
		ID: s.ID, UserID: s.UserID, Role: s.Role, Address: s.Address, Agent: s.Agent,
		CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, ExpiresAt: s.ExpiresAt, RefreshableUntil: s.RefreshableUntil,
		KID: s.Token.KeyID,
	}
}
