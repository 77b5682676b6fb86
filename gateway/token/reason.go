package token

import "errors"

// ErrExpired is what errors.Is finds in the refusal of a genuine token whose
// time is over. No other refusal matches it, so a forged token never does.
var ErrExpired = errors.New("expired")

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
	ReasonTyp             Reason = "typ"              // not at+jwt
	ReasonKid             Reason = "kid"              // absent, or no key of the ring
	ReasonSignature       Reason = "signature"        // wrong length or value
	ReasonMissingClaim    Reason = "missing_claim"    // one of the claims is absent
	ReasonClaimType       Reason = "claim_type"       // a claim of another type or outside its form
	ReasonIssuer          Reason = "issuer"           // iss is another one
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
		ReasonAlg, ReasonTyp, ReasonKid, ReasonSignature,
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

// Is makes errors.Is(err, ErrExpired) true for an expired token.
func (r *Refusal) Is(target error) bool {
	return target == ErrExpired && r.Reason == ReasonExpired
}

// refuse returns the refusal for reason.
func refuse(reason Reason) *Refusal { return &Refusal{Reason: reason} }
