package login

import (
	"context"
	"errors"
	"fmt"
	"time"

	"faveo-gateway/gateway/identity"
)

// Refresh returns a new token for the holder of a valid one. The old one goes on
// for a short overlap, in which a further refresh of it returns the same
// successor: a client whose connection broke asks again, and two requests of one
// client ask at once.
//
// A later refresh of it is a sign that two hold the token, of whom one may have
// stolen it; the session ends for both (RFC 9700 section 4.14.2 says so of refresh
// tokens, which these are too).
func (s *Service) Refresh(ctx context.Context, h Holder) (string, error) {
	var minted string
	mint := func(role identity.Role, notAfter time.Time) (Successor, error) {
		issued, err := s.tokens.Issue(Subject{UserID: h.UserID, Role: role, SessionID: h.SessionID, NotAfter: notAfter})
		if err != nil {
			return Successor{}, fmt.Errorf("issue token: %w", err)
		}
		sealed, err := s.tokens.Seal(h.Raw, issued.Raw)
		if err != nil {
			return Successor{}, fmt.Errorf("seal token: %w", err)
		}
		minted = sealed
		return Successor{Token: issued, Sealed: sealed}, nil
	}
	sealed, err := s.sessions.Refresh(ctx, h, mint)
	if errors.Is(err, ErrReused) {
		s.observe(ctx, h.event(KindReuse, Refused))
	}
	if err != nil {
		return "", err
	}
	// The successor may be that of another request, even of another replica.
	successor, err := s.tokens.Open(h.Raw, sealed)
	if err != nil {
		return "", fmt.Errorf("open the successor: %w", err)
	}
	e := h.event(KindRefresh, Success)
	e.Repeated = sealed != minted
	s.observe(ctx, e)
	return successor, nil
}
