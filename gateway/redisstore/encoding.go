package redisstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"faveo-gateway/gateway/session"
)

// version is the only version of the record that is written and read. A record
// of another one is an error, not a missing session, and not half a session.
const version = 1

// record is a session as Redis holds it: JSON, times in Unix milliseconds. It
// repeats the user and the id, so that a record under a wrong key is noticed. The
// same session is always written by the same bytes: Replace compares them.
type record struct {
	Version     int              `json:"v"`
	UserID      uint64           `json:"user"`
	ID          string           `json:"id"`
	Role        string           `json:"role"`
	Address     string           `json:"address"`
	Agent       string           `json:"agent"`
	Created     int64            `json:"created"`
	Expires     int64            `json:"expires"`
	Refreshable int64            `json:"refreshable"`
	Seen        int64            `json:"seen"`
	Fingerprint string           `json:"fingerprint"`
	Token       string           `json:"token"`
	Key         string           `json:"key,omitempty"`
	Previous    []previousRecord `json:"previous,omitempty"`
	Adopted     bool             `json:"adopted,omitempty"`
}

// previousRecord is a session.Superseded.
type previousRecord struct {
	Token     string `json:"token"`
	Until     int64  `json:"until"`
	Successor string `json:"successor"`
}

func encode(s session.Session) ([]byte, error) {
	r := record{
		Version: version, UserID: s.UserID, ID: s.ID, Role: text(s.Role), Address: text(s.Address), Agent: text(s.Agent),
		Created: s.CreatedAt.UnixMilli(), Expires: s.ExpiresAt.UnixMilli(),
		Refreshable: s.RefreshableUntil.UnixMilli(), Seen: s.SeenAt.UnixMilli(),
		Fingerprint: text(s.PasswordFingerprint), Token: text(s.Token.ID), Key: text(s.Token.KeyID), Adopted: s.Adopted,
	}
	for _, p := range s.Previous {
		if p != (session.Superseded{}) {
			r.Previous = append(r.Previous, previousRecord{Token: text(p.TokenID), Until: p.Until.UnixMilli(), Successor: text(p.Successor)})
		}
	}
	return json.Marshal(r)
}

// decode reads what encode wrote for the session (userID, id), and nothing else.
func decode(content []byte, userID uint64, id string) (session.Session, error) {
	var r record
	if err := decodeStrict(content, &r); err != nil {
		return session.Session{}, err
	}
	if r.Version != version {
		return session.Session{}, fmt.Errorf("version %d, not %d", r.Version, version)
	}
	if r.UserID != userID || r.ID != id {
		return session.Session{}, errors.New("it is another session's")
	}
	s := session.Session{
		ID: r.ID, UserID: r.UserID, Role: r.Role, Address: r.Address, Agent: r.Agent,
		CreatedAt: fromMillis(r.Created), ExpiresAt: fromMillis(r.Expires),
		RefreshableUntil: fromMillis(r.Refreshable), SeenAt: fromMillis(r.Seen),
		PasswordFingerprint: r.Fingerprint, Token: session.Token{ID: r.Token, KeyID: r.Key}, Adopted: r.Adopted,
	}
	if len(r.Previous) > len(s.Previous) {
		return session.Session{}, fmt.Errorf("%d previous tokens, more than %d", len(r.Previous), len(s.Previous))
	}
	for i, p := range r.Previous {
		s.Previous[i] = session.Superseded{TokenID: p.Token, Until: fromMillis(p.Until), Successor: p.Successor}
	}
	return s, s.Validate()
}

// decodeStrict reads one JSON value without members that into does not have.
func decodeStrict(content []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the end")
	}
	return nil
}

// text is s as it comes back from JSON: two encodings of what cannot be written
// would be two sessions to Replace.
func text(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

func fromMillis(n int64) time.Time { return time.UnixMilli(n).UTC() }
