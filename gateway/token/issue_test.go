package token_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/token"
)

func TestTokenEndsByNotAfter(t *testing.T) {
	h := newHouse(t, token.ES256)
	h.clock.Set(start.Add(300 * time.Millisecond))
	for name, tt := range map[string]struct {
		notAfter time.Time
		want     time.Duration // the life, zero for none
	}{
		"none":                   {time.Time{}, time.Hour},
		"later than ttl":         {start.Add(2 * time.Hour), time.Hour},
		"earlier":                {start.Add(time.Minute), time.Minute},
		"part of a second":       {start.Add(time.Minute + 999*time.Millisecond), time.Minute},
		"in another zone":        {start.Add(time.Minute).In(time.FixedZone("", 3600)), time.Minute},
		"a second left":          {start.Add(time.Second), time.Second},
		"less than a second":     {start.Add(900 * time.Millisecond), 0},
		"over":                   {start.Add(-time.Hour), 0},
		"over before the epoch":  {time.Unix(-1, 0), 0},
		"the second of the zero": {time.Unix(0, 0), 0},
	} {
		raw, claims, err := h.issuer.Issue(token.Subject{UserID: 4, Role: "user", SessionID: "s", NotAfter: tt.notAfter})
		if tt.want == 0 {
			if !errors.Is(err, token.ErrNoLife) || raw != "" || claims != (token.Claims{}) {
				t.Errorf("%s: %q, %+v, %v; want ErrNoLife", name, raw, claims, err)
			}
			continue
		}
		if err != nil || !claims.ExpiresAt.Equal(start.Add(tt.want)) {
			t.Errorf("%s: exp %v, %v; want %v", name, claims.ExpiresAt, err, start.Add(tt.want))
		} else if got, err := h.verifier.Verify(raw); err != nil || got != claims {
			t.Errorf("%s: the token says %+v, %v; want %+v", name, got, err, claims)
		}
	}
}

func TestIssueRefusesIncompleteSubjects(t *testing.T) {
	h := newHouse(t, token.HS256)
	for _, s := range []token.Subject{
		{},
		{Role: "user", SessionID: "s"},
		{UserID: 1, SessionID: "s"},
		{UserID: 1, Role: "user"},
		{UserID: 1, Role: "user", SessionID: strings.Repeat("s", 257)},
	} {
		if raw, _, err := h.issuer.Issue(s); err == nil {
			t.Errorf("Issue(%+v) = %q, want an error", s, raw)
		}
	}
	h.ring.signing = nil
	_, _, err := h.issuer.Issue(token.Subject{UserID: 1, Role: "user", SessionID: "s"})
	if !errors.Is(err, errNoKey) {
		t.Errorf("without a signing key: %v, want %v", err, errNoKey)
	}
	var refusal *token.Refusal
	if errors.As(err, &refusal) {
		t.Error("a fault of the ring is told as a refusal")
	}
}
