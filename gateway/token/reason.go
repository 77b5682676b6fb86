package token

import "errors"

// ErrExpired is what errors.Is finds in the refusal of a genuine token whose
// time is over. No other refusal matches it, so a forged token never does.
var ErrExpired = errors.New("expired")

// ErrKeyRevoked is what errors.Is finds in the refusal of a token that names a
// key which was revoked. It is said of every such token, forged ones too: a key
// that may be in other hands proves nothing any more.
var ErrKeyRevoked = errors.New("signing key revoked")

// ErrUnavailable is the answer to a token that names a key which is not known, at a
// time at which not all keys may be known: nobody can tell now (503). It is no
// Refusal.
var ErrUnavailable = errors.New("not all signing keys are known")

// reasonUnavailable stands for ErrUnavailable among the verdicts; it is no refusal.
const reasonUnavailable Reason = "unavailable"

// Reason says why a token was refused. The set is closed; the values are the
// label result of the metric tokens_checked_total and stand in logs.
type Reason string

// Every Reason, in the order in which the checks run.
const (
	ReasonSize            Reason = "size"             // more than MaxSize bytes
	ReasonSerialisation   Reason = "serialisation"    // a JSON serialisation of RFC 7515 section 7.2
	ReasonSegments        Reason = "segments"         // not three non-empty segments
	ReasonBase64          Reason = "base64"           // padding, stray bits, white space or another alphabet
	ReasonJSON            Reason = "json"             // header or claims are not one JSON object
	ReasonDuplicateMember Reason = "duplicate_member" // a member name given twice
	ReasonHeaderMember    Reason = "header_member"    // a header member besides alg, kid and typ
	ReasonAlg             Reason = "alg"              // absent, unknown, or not the algorithm of the key
	ReasonTyp             Reason = "typ"              // not at+jwt, or one of Faveo while those are not accepted
	ReasonKid             Reason = "kid"              // absent, or no key of the ring
	ReasonKeyRevoked      Reason = "key_revoked"      // the key was revoked
	ReasonSignature       Reason = "signature"        // wrong length or value
	ReasonMissingClaim    Reason = "missing_claim"    // one of the claims is absent
	ReasonClaimType       Reason = "claim_type"       // a claim of another type or form, or one that Faveo does not write
	ReasonIssuer          Reason = "issuer"           // iss is another one, or none that Faveo writes
	ReasonAudience        Reason = "audience"         // aud is another one
	ReasonVersion         Reason = "version"          // ver or prv is another one
	ReasonLifetime        Reason = "lifetime"         // exp, nbf and iat contradict one another, or the life exceeds max_ttl
	ReasonIssuedInFuture  Reason = "issued_in_future" // iat is later than the clock and leeway
	ReasonNotYetValid     Reason = "not_yet_valid"    // nbf is later than the clock and leeway
	ReasonExpired         Reason = "expired"          // exp is not later than the clock
)

// Reasons returns the closed set.
func Reasons() []Reason {
	return []Reason{
		ReasonSize, ReasonSerialisation, ReasonSegments, ReasonBase64,
		ReasonJSON, ReasonDuplicateMember, ReasonHeaderMember,
		ReasonAlg, ReasonTyp, ReasonKid, ReasonKeyRevoked, ReasonSignature,
		ReasonMissingClaim, ReasonClaimType,
		ReasonIssuer, ReasonAudience, ReasonVersion,
		ReasonLifetime, ReasonIssuedInFuture, ReasonNotYetValid, ReasonExpired,
	}
}

// Refusal is the error of a token that is not accepted. It never says more
// than its Reason and never quotes the token.
type Refusal struct{ Reason Reason }

// Error names the Reason.
func (r *Refusal) Error() string { return "token refused: " + string(r.Reason) }

// Is makes errors.Is true for ErrExpired and ErrKeyRevoked.
func (r *Refusal) Is(target error) bool {
	return target == ErrExpired && r.Reason == ReasonExpired ||
		target == ErrKeyRevoked && r.Reason == ReasonKeyRevoked
}

// refuse returns the refusal for reason.
func refuse(reason Reason) *Refusal { return &Refusal{Reason: reason} }
