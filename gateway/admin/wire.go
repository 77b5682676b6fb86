package admin

import "time"

// The documents of the API. Times are in UTC and RFC 3339, and absent when they
// are zero: what has not happened has no time. Lists are never null.

// KeyStatus is the document of GET /admin/v1/keys.
type KeyStatus struct {
	Rotation Rotation `json:"rotation"`
	// Keys are all that were ever made, the oldest first.
	Keys []Key `json:"keys"`
	// Replicas are the gateways that run now.
	Replicas []Replica `json:"replicas"`
}

// Key is a signing key, without its secret.
type Key struct {
	// KID is the key's id, as tokens and the JWK set name it.
	KID       string `json:"kid"`
	Algorithm string `json:"algorithm"`
	// State is pending, active, retiring, gone or revoked.
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// ActivatedAt is when it began to sign, RetiredAt when it stopped.
	ActivatedAt time.Time `json:"activated_at,omitzero"`
	RetiredAt   time.Time `json:"retired_at,omitzero"`
	// VerifyUntil is when a retiring key stops verifying.
	VerifyUntil time.Time `json:"verify_until,omitzero"`
	// EndedAt is when it became gone or revoked.
	EndedAt time.Time `json:"ended_at,omitzero"`
}

// Rotation is where the replacing of keys stands.
type Rotation struct {
	// NextAt is when the schedule wants another key to sign; absent without one.
	NextAt time.Time `json:"next_at,omitzero"`
	// Pending is the id of the key that will sign next, SignsAt the earliest time at
	// which it does.
	Pending string    `json:"pending,omitempty"`
	SignsAt time.Time `json:"signs_at,omitzero"`
	// Waiting says why a key that is due does not go on.
	Waiting string `json:"waiting,omitempty"`
	// Fault says what could not be reached, FaultSince since when. Rotation waits
	// meanwhile; signing and verifying go on.
	Fault      string    `json:"fault,omitempty"`
	FaultSince time.Time `json:"fault_since,omitzero"`
}

// Replica is one running gateway.
type Replica struct {
	ID      string `json:"id"`
	Host    string `json:"host"`
	Version string `json:"version"`
	// StartedAt is by its own clock.
	StartedAt time.Time `json:"started_at,omitzero"`
	// Algorithm is what its tokens.algorithm says.
	Algorithm string `json:"algorithm"`
	// Keys are the ids of the keys whose tokens it accepts, Signing that of the one
	// with which it signs.
	Keys    []string `json:"keys"`
	Signing string   `json:"signing,omitempty"`
	// ExpiresAt is when it counts as gone unless it is heard of.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Replicas is the document of GET /admin/v1/replicas.
type Replicas struct {
	Replicas []Replica `json:"replicas"`
}

// Revoked is the document of POST /admin/v1/keys/{kid}/revoke.
type Revoked struct {
	Key Key `json:"key"`
	// SessionsEnded is how many sessions had their token from that key.
	SessionsEnded int `json:"sessions_ended"`
}

// Resealed is the document of POST /admin/v1/keys/reseal.
type Resealed struct {
	Resealed int `json:"resealed"`
}

// Session is one login. None of it is a credential.
type Session struct {
	ID     string `json:"id"`
	UserID uint64 `json:"user_id"`
	// Role is that of the account at login.
	Role string `json:"role"`
	// Address and Agent are those of the client at login.
	Address   string    `json:"address,omitempty"`
	Agent     string    `json:"agent,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// SeenAt is when it was last used, some minutes coarse.
	SeenAt    time.Time `json:"last_seen_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// RefreshableUntil bounds what refreshing can make of ExpiresAt.
	RefreshableUntil time.Time `json:"refreshable_until,omitzero"`
	// KID is the key that signed its newest token; absent when Faveo issued it.
	KID string `json:"kid,omitempty"`
}

// SessionList is the document of GET /admin/v1/sessions.
type SessionList struct {
	Sessions []Session `json:"sessions"`
	// More says that the limit has cut the list.
	More bool `json:"more"`
}

// Ended is the document of DELETE /admin/v1/sessions and of one of them.
type Ended struct {
	Ended int `json:"ended"`
}

// APIKey is a managed API key, without its secrets.
type APIKey struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// State is active, rotating (two secrets are good), expired or revoked; or altered:
	// what the database has is not what was written, may be wrong or missing in all
	// members but the id, and lets nobody in.
	State string `json:"state"`
	// UserID is the account in whose place it stands; absent for none.
	UserID   uint64   `json:"user_id,omitempty"`
	Scopes   []string `json:"scopes"`
	Networks []string `json:"networks"`
	// Rate is as 600/1m; absent for the configured one.
	Rate      string    `json:"rate,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	// LastUsedAt is when it was used last, some minutes coarse.
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	// OldSecretUntil is when the secret before the last rotation ends.
	OldSecretUntil time.Time `json:"old_secret_until,omitzero"`
}

// APIKeyList is the document of GET /admin/v1/apikeys.
type APIKeyList struct {
	APIKeys []APIKey `json:"apikeys"`
}

// APIKeySecret is the document of POST /admin/v1/apikeys and of a rotation.
type APIKeySecret struct {
	APIKey APIKey `json:"apikey"`
	// Secret is the whole key, to be sent as X-API-Key. It is shown only here.
	Secret string `json:"secret"`
}

// Lockout is an account or an address that has no login attempt left.
type Lockout struct {
	// Kind is account, name (one that no account has), address or pair.
	Kind string `json:"kind"`
	// UserID is that of an account and of its pairs; Name the digest of an unknown
	// name; Address the network of an address, an IPv6 one with its /64.
	UserID  uint64    `json:"user_id,omitempty"`
	Name    string    `json:"name,omitempty"`
	Address string    `json:"address,omitempty"`
	Until   time.Time `json:"until,omitzero"`
}

// LockoutList is the document of GET /admin/v1/lockouts.
type LockoutList struct {
	Lockouts []Lockout `json:"lockouts"`
	// More says that the limit has cut the list.
	More bool `json:"more"`
}

// Cleared is the document of DELETE /admin/v1/lockouts.
type Cleared struct {
	Cleared int `json:"cleared"`
}

// AuditEntry is one entry of the audit trail. None of it is a credential.
type AuditEntry struct {
	Sequence  uint64    `json:"sequence"`
	Time      time.Time `json:"time,omitzero"`
	Kind      string    `json:"kind"`
	Outcome   string    `json:"outcome"`
	Reason    string    `json:"reason,omitempty"`
	Actor     string    `json:"actor,omitempty"`
	UserID    uint64    `json:"user_id,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	Address   string    `json:"address,omitempty"`
	Agent     string    `json:"agent,omitempty"`
	RequestID string    `json:"request_id,omitempty"`
	Detail    string    `json:"detail,omitempty"`
	// Count is how many equal events this entry stands for.
	Count int `json:"count"`
	// Hash is its own in hexadecimal.
	Hash string `json:"hash"`
}

// AuditEntries is the document of GET /admin/v1/audit.
type AuditEntries struct {
	Entries []AuditEntry `json:"entries"`
}

// AuditProof is the document of GET /admin/v1/audit/verify.
type AuditProof struct {
	// Checked is how many entries were looked at, Unproved how many of them, at the
	// end, no MAC of a known key stands behind.
	Checked  int `json:"checked"`
	Unproved int `json:"unproved"`
	// Sequence and Hash are those of the last entry that holds, More says that there
	// are further ones.
	Sequence uint64 `json:"sequence"`
	Hash     string `json:"hash"`
	More     bool   `json:"more"`
	// Fault says what does not hold, at which entry; absent when all does.
	Fault   string `json:"fault,omitempty"`
	FaultAt uint64 `json:"fault_at,omitempty"`
}

// Reloaded is the document of a reload, by the paths of the keys that have changed.
type Reloaded struct {
	// Taken took effect, Restart will when the gateway starts again.
	Taken   []string `json:"taken"`
	Restart []string `json:"restart"`
}

// Refusal is the document of everything that was refused or failed.
type Refusal struct {
	// Success is always false, as in every error of the gateway.
	Success bool `json:"success"`
	// Error is the code, from a closed set.
	Error      string `json:"error"`
	Message    string `json:"message"`
	StatusCode int    `json:"status_code"`
	// RequestID finds the request in the log.
	RequestID string `json:"request_id"`
}
