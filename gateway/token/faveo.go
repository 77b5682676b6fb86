package token

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"time"
)

// While a site moves in, the tokens that Faveo has issued are accepted, so that
// going live logs nobody out. Faveo accepts whatever bears the signature of its
// JWT_SECRET (contract section 2); here is accepted only what Faveo writes: its
// two header members, its seven claims, each of its type. What else bears that
// signature was made by somebody else, or by Bridge.

// typeFaveo is the header typ of Faveo's tokens.
const typeFaveo = "JWT"

// faveoClaims is how many claims Faveo writes: those of claimReader.faveos.
const faveoClaims = 7

// faveoIssuer is the iss that Faveo writes: the URL of the login request without
// its query.
var faveoIssuer = regexp.MustCompile(`^https?://[^/?#@[:cntrl:][:space:]]+(/[^?#[:cntrl:][:space:]]*)?/api/v1/authenticate$`)

// newFaveoKey returns the key that verifies Faveo's tokens, nil without a secret.
// It is in no ring, has no id and signs nothing. JWT_SECRET may be too short for
// GenerateKey's rules; Faveo uses it all the same.
func newFaveoKey(secret string) *Key {
	if secret == "" {
		return nil
	}
	raw := []byte(secret)
	return &Key{algorithm: HS256, public: raw, sigSize: HS256.signatureSize(raw)}
}

// isFaveoHeader reports whether the header is one that Faveo writes, and has
// nothing else. The tokens of the gateway name a kid and have another typ.
func isFaveoHeader(header object) bool {
	return len(header) == 2 && header["typ"] == typeFaveo && header["alg"] == string(HS256)
}

// acceptsFaveo reports whether tokens of Faveo are accepted now.
func (v *Verifier) acceptsFaveo(now time.Time) bool {
	return v.faveoKey != nil && now.Before(v.config.AcceptFaveoTokensUntil)
}

// judgeFaveo is judge for a token with the header of Faveo.
func (v *Verifier) judgeFaveo(raw string, parts compact) (Claims, Reason) {
	payload, reason := verifySignature(raw, parts, v.faveoKey)
	if reason != "" {
		return Claims{}, reason
	}
	w, userID, reason := readFaveoClaims(payload)
	switch {
	case reason != "":
		return Claims{}, reason
	case w.Issuer == v.config.Issuer, !faveoIssuer.MatchString(w.Issuer):
		// Bridge writes its tokens with our own issuer. One that leaks from
		// PHP's side, by a log or a plugin, must open no door here.
		return Claims{}, ReasonIssuer
	case w.Provider != v.provider:
		return Claims{}, ReasonVersion
	case !v.lifetime(w):
		return Claims{}, ReasonLifetime
	}
	claims := w.toClaims(userID, "")
	claims.SessionID, claims.Faveo = faveoSession(raw), true
	return claims, ""
}

// readFaveoClaims is readClaims for the claims that Faveo writes. Here one that
// it does not write is refused.
func readFaveoClaims(payload []byte) (wireClaims, uint64, Reason) {
	members, reason := readObject(payload)
	if reason != "" {
		return wireClaims{}, 0, reason
	}
	r := claimReader{members: members}
	w, userID := r.faveos()
	if len(members) > faveoClaims {
		r.mistyped()
	}
	return w, userID, r.reason
}

// faveoSession is the id of the session that a token of Faveo stands for. Such a
// token has one spelling, because an HMAC has, so it has one id; and nobody who
// lacks the token can tell the id.
func faveoSession(raw string) string {
	sum := sha256.Sum256([]byte("faveo-gateway: session of a token of Faveo\x00" + raw))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
