// Package identity says who is calling: the Principal that the authenticate
// stage proves and every later stage reads.
//
// A Principal exists only for a caller whose credential was verified and whose
// account was looked at within the configured bound. There is no anonymous
// Principal: a request without a credential carries none, so that code that
// forgets to ask meets a nil pointer or a false, never a powerless user.
package identity

// Role is what a Faveo account may do, read from the column users.role.
type Role string

// The roles of Faveo (faveo-contract SCHEMA.md, users.role).
const (
	RoleAdmin Role = "admin"
	RoleAgent Role = "agent"
	RoleUser  Role = "user"
)

// RoleOf reads the column users.role, which is free text without a constraint.
// PHP compares it exactly, so "Admin" is no administrator there; every text
// but the three known ones, NULL and "" included, is the least of the roles.
func RoleOf(column string) Role {
	switch r := Role(column); r {
	case RoleAdmin, RoleAgent:
		return r
	default:
		return RoleUser
	}
}

// Proof is how a Principal was proved.
type Proof string

// The proofs, a closed set.
const (
	ProofToken      Proof = "token"       // A bearer token that this gateway issued.
	ProofFaveoToken Proof = "faveo_token" // One that Faveo issued, during a migration.
	ProofAPIKey     Proof = "api_key"     // A managed API key that is bound to the user.
)

// Principal is a proved caller. It is immutable once it is in a context and
// safe to share.
type Principal struct {
	// UserID is users.id, never zero.
	UserID uint64
	// Role is the account's role as last read from the database, not the one
	// that the token was issued with.
	Role Role
	// SessionID names the session that the credential belongs to; "" for an API key,
	// which has none.
	SessionID string
	// Proof is how the caller proved to be this user.
	Proof Proof
	// Grace is what of this rests on an older word than usual.
	Grace Grace
}
