package redisstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"faveo-gateway/gateway/session"
)

// version is the only version of the record that is written and read. A record
// of another one is an error, not a missing session, and not half a session.
const version = 1

// record is a session as Redis holds it: JSON, times in Unix milliseconds. It
// repeats the user and the id, so that a record under a wrong key is noticed.
type record struct {
	Version     int    `json:"v"`
	UserID      uint64 `json:"user"`
	ID          string `json:"id"`
	Role        string `json:"role"`
	Address     string `json:"address"`
	Agent       string `json:"agent"`
	Created     int64  `json:"created"`
	Expires     int64  `json:"expires"`
	Fingerprint string `json:"fingerprint"`
}

func encode(s session.Session) ([]byte, error) {
	return json.Marshal(record{
		Version: version, UserID: s.UserID, ID: s.ID, Role: s.Role, Address: s.Address, Agent: s.Agent,
		Created: s.CreatedAt.UnixMilli(), Expires: s.ExpiresAt.UnixMilli(), Fingerprint: s.PasswordFingerprint,
	})
}

// decode reads what encode wrote for the session (userID, id), and nothing else.
func decode(content []byte, userID uint64, id string) (session.Session, error) {
	var r record
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return session.Session{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return session.Session{}, errors.New("text after the end")
	}
	if r.Version != version {
		return session.Session{}, fmt.Errorf("version %d, not %d", r.Version, version)
	}
	if r.UserID != userID || r.ID != id {
		return session.Session{}, errors.New("it is another session's")
	}
	s := session.Session{
		ID: r.ID, UserID: r.UserID, Role: r.Role, Address: r.Address, Agent: r.Agent,
		CreatedAt: time.UnixMilli(r.Created).UTC(), ExpiresAt: time.UnixMilli(r.Expires).UTC(),
		PasswordFingerprint: r.Fingerprint,
	}
	return s, s.Validate()
}
