package audit

import (
	"bytes"
	"encoding/json"
	"time"
)

// maxLine is longer than any line: six bytes for each byte of the texts.
const maxLine = 32 << 10

// line is an Entry as a JSON object, which people and machines read in a file.
type line struct {
	Sequence  uint64  `json:"sequence"`
	Time      string  `json:"time"` // RFC 3339, in UTC, to the microsecond
	Kind      Kind    `json:"kind"`
	Outcome   Outcome `json:"outcome"`
	Reason    string  `json:"reason,omitempty"`
	Actor     string  `json:"actor,omitempty"`
	UserID    uint64  `json:"user_id,omitempty"`
	Subject   string  `json:"subject,omitempty"`
	Address   string  `json:"address,omitempty"`
	Agent     string  `json:"agent,omitempty"`
	RequestID string  `json:"request_id,omitempty"`
	Detail    string  `json:"detail,omitempty"`
	Count     int     `json:"count"`
	Version   uint8   `json:"version"`
	Previous  Hash    `json:"previous"`
	KeyID     string  `json:"key_id"`
	Hash      Hash    `json:"hash"`
	MAC       Hash    `json:"mac"`
}

// appendLine writes an entry and a line feed behind text.
func appendLine(text []byte, e *Entry) ([]byte, error) {
	object, err := json.Marshal(line{
		Sequence: e.Sequence, Time: e.Time.Format(time.RFC3339Nano), Kind: e.Kind, Outcome: e.Outcome, Reason: e.Reason,
		Actor: e.Actor, UserID: e.UserID, Subject: e.Subject, Address: e.Address, Agent: e.Agent, RequestID: e.RequestID,
		Detail: e.Detail, Count: e.Count, Version: e.Version, Previous: e.Previous, KeyID: e.KeyID, Hash: e.Hash, MAC: e.MAC,
	})
	if err != nil {
		return nil, err
	}
	return append(append(text, object...), '\n'), nil
}

// parseLine reads a line, with its line feed. Only what appendLine writes is one, to
// the byte, so that a member that is there twice, or hidden in another spelling, cannot
// show others something else than what was proved.
func parseLine(text []byte) (Entry, bool) {
	var l line
	if json.Unmarshal(text, &l) != nil {
		return Entry{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, l.Time)
	if err != nil {
		return Entry{}, false
	}
	e := Entry{
		Event: Event{
			Time: at.UTC(), Kind: l.Kind, Outcome: l.Outcome, Reason: l.Reason, Actor: l.Actor, UserID: l.UserID,
			Subject: l.Subject, Address: l.Address, Agent: l.Agent, RequestID: l.RequestID, Detail: l.Detail, Count: l.Count,
		},
		Version: l.Version, Sequence: l.Sequence, Previous: l.Previous, KeyID: l.KeyID, Hash: l.Hash, MAC: l.MAC,
	}
	again, err := appendLine(nil, &e)
	return e, err == nil && bytes.Equal(again, text) && e.Time.Nanosecond()%int(time.Microsecond) == 0
}

// isBeginning reports whether text can be the first part of a line.
func isBeginning(text []byte) bool {
	const first = `{"sequence":`
	n := min(len(text), len(first))
	return string(text[:n]) == first[:n]
}
