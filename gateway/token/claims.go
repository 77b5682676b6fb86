package token

import (
	"crypto/sha1" // Faveo's claim prv is a SHA-1 by definition; nothing rests on its strength.
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
)

// Claims is what an accepted token says. Times have whole seconds and UTC.
type Claims struct {
	// ID is jti, unique per token.
	ID string
	// KeyID is kid, the key that signed the token. Empty when Faveo is true.
	KeyID string
	// SessionID is sid, the session that the token belongs to. A token of Faveo
	// belongs to one of its own, whose id is made of the token: 22 characters of
	// base64url, always the same for the same token.
	SessionID string
	// UserID is sub, users.id of Faveo, never zero.
	UserID uint64
	// Role is the role at the time of issue. It informs clients; what the
	// account may do is read from the account. Empty, for unknown, when Faveo is
	// true.
	Role string
	// Faveo is true for a token that Faveo issued before the gateway was there:
	// Config.AcceptFaveoTokensUntil.
	Faveo bool
	// IssuedAt is iat, NotBefore is nbf, ExpiresAt is exp: the first second in
	// which the token is no longer good (RFC 7519 section 4.1.4).
	IssuedAt, NotBefore, ExpiresAt time.Time
}

// wireClaims is the payload as it is written, in this order.
type wireClaims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	ExpiresAt int64  `json:"exp"`
	ID        string `json:"jti"`
	Subject   string `json:"sub"`
	SessionID string `json:"sid"`
	Role      string `json:"role"`
	Version   int64  `json:"ver"`
	Provider  string `json:"prv"`
}

// provider is the claim prv for Faveo's user class: contract section 2.
func provider(appClass string) string {
	sum := sha1.Sum([]byte(appClass))
	return hex.EncodeToString(sum[:])
}

// maxTime is the last second of the year 9999, beyond which no clock runs.
const maxTime = 253402300799

// maxText bounds the claims jti, sid and role, in bytes.
const maxText = 256

// readClaims reads the payload: every claim present (ReasonMissingClaim) and
// of its type (ReasonClaimType). Claims that it does not know are ignored, as
// RFC 7519 section 4 wants.
func readClaims(payload []byte) (wireClaims, uint64, Reason) {
	members, reason := readObject(payload)
	if reason != "" {
		return wireClaims{}, 0, reason
	}
	r := claimReader{members: members}
	w, userID := r.faveos()
	w.Audience = r.text("aud")
	w.SessionID = r.text("sid")
	w.Role = r.text("role")
	w.Version = r.integer("ver")
	return w, userID, r.reason
}

// claimReader takes typed claims out of an object and keeps the worst fault:
// a claim that is missing counts before one of the wrong type.
type claimReader struct {
	members object
	reason  Reason
}

// faveos returns the seven claims that Faveo writes, which the gateway's own tokens
// have too, and the user's id in one of them.
func (r *claimReader) faveos() (wireClaims, uint64) {
	w := wireClaims{
		Issuer:    r.text("iss"),
		IssuedAt:  r.integer("iat"),
		NotBefore: r.integer("nbf"),
		ExpiresAt: r.integer("exp"),
		ID:        r.text("jti"),
		Subject:   r.text("sub"),
		Provider:  r.text("prv"),
	}
	return w, r.userID(w.Subject)
}

// take returns the member and notes its absence.
func (r *claimReader) take(name string) any {
	value, found := r.members[name]
	if !found {
		r.reason = ReasonMissingClaim
	}
	return value
}

// mistyped notes a wrong type unless something worse was noted.
func (r *claimReader) mistyped() {
	if r.reason == "" {
		r.reason = ReasonClaimType
	}
}

// text returns a claim that must be a non-empty JSON string.
func (r *claimReader) text(name string) string {
	text, ok := r.take(name).(string)
	if !ok || text == "" || len(text) > maxText {
		r.mistyped()
	}
	return text
}

// integer returns a claim that must be a JSON number written as digits only:
// no sign, fraction, exponent or leading zero, and at most maxTime.
func (r *claimReader) integer(name string) int64 {
	number, _ := r.take(name).(json.Number)
	n, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil || n < 0 || n > maxTime || strconv.FormatInt(n, 10) != string(number) {
		r.mistyped()
	}
	return n
}

// userID reads sub: users.id in decimal, without sign or leading zeros.
func (r *claimReader) userID(sub string) uint64 {
	id, err := strconv.ParseUint(sub, 10, 64)
	if err != nil || id == 0 || strconv.FormatUint(id, 10) != sub {
		r.mistyped()
	}
	return id
}

// toClaims returns w, signed by the key of that id, as callers see it.
func (w wireClaims) toClaims(userID uint64, keyID string) Claims {
	return Claims{
		ID:        w.ID,
		KeyID:     keyID,
		SessionID: w.SessionID,
		UserID:    userID,
		Role:      w.Role,
		IssuedAt:  time.Unix(w.IssuedAt, 0).UTC(),
		NotBefore: time.Unix(w.NotBefore, 0).UTC(),
		ExpiresAt: time.Unix(w.ExpiresAt, 0).UTC(),
	}
}
