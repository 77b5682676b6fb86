package identity

// Use is what a caller is proved for. It decides how old the word of a store that fails
// now may be (failure.grace).
type Use int

// The uses, a closed set; each may rest on older words than the one before.
const (
	// UseCredential makes, prolongs or changes a credential, and is what nobody has
	// said more of: nothing older than usual is believed.
	UseCredential Use = iota
	// UseChange is a request that may change something: what is remembered of the
	// account may be older than usual, but not what is remembered of the session.
	UseChange
	// UseRead is a request that changes nothing: both may be older than usual.
	UseRead
)

// Grace is what of a proof is older than usual, because the store that knows better
// failed. It is a set of the values below; the zero value is nothing.
type Grace uint8

// The parts of a proof.
const (
	GraceSession Grace = 1 << iota
	GraceAccount
)

// String names the parts for logs, "" for none.
func (g Grace) String() string {
	switch g {
	case GraceSession:
		return "session"
	case GraceAccount:
		return "account"
	case GraceSession | GraceAccount:
		return "session,account"
	default:
		return ""
	}
}
