package apikey

// Refusal is the refusal of a key whose secret was right, which is why it may be named: in
// the log and in the audit trail, not to who has sent it.
type Refusal struct {
	KeyID string
	// Reason is ErrRevoked, ErrExpired or ErrNetwork.
	Reason error
}

// Error names the key.
func (e *Refusal) Error() string { return "API key " + e.KeyID + ": " + e.Reason.Error() }

// Unwrap gives the Reason.
func (e *Refusal) Unwrap() error { return e.Reason }
