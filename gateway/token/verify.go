package token

import (
	"bytes"
	"fmt"
	"time"
)

// Verifier judges tokens. It is safe for concurrent use.
type Verifier struct {
	keys     Keys
	faveoKey *Key // verifies Faveo's own tokens; nil accepts none
	config   Config
	provider string
	now      func() time.Time
	cache    *cache
	metrics  *metrics
}

// NewVerifier returns a Verifier, or an error that names what is wrong with o.
func NewVerifier(o Options) (*Verifier, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("token: verifier: %w", err)
	}
	return &Verifier{
		keys:     o.Keys,
		faveoKey: newFaveoKey(o.FaveoSecret),
		config:   o.Config,
		provider: provider(o.AppClass),
		now:      o.Now,
		cache:    newCache(o.CacheSize),
		metrics:  newMetrics(o.Registerer),
	}, nil
}

// Verify returns the claims of a token that is good now and that this gateway
// issued, or Faveo while its tokens are accepted; or a *Refusal; or ErrUnavailable,
// for a key that is not known while Keys is stale. Nothing outside the process is
// asked. By errors.Is, ErrExpired tells a genuine token that is over from the rest,
// and ErrKeyRevoked one whose key was revoked.
//
// Whether the session behind the token still lives is not looked at here.
func (v *Verifier) Verify(raw string) (Claims, error) {
	claims, reason := v.check(raw)
	v.metrics.count(claims, reason)
	switch reason {
	case "":
		return claims, nil
	case reasonUnavailable:
		return Claims{}, ErrUnavailable
	default:
		return Claims{}, refuse(reason)
	}
}

// check looks raw up among the tokens verified under the present generation
// of keys, or judges it. The generation is read before the keys are, so that
// a token verified by a key that is withdrawn meanwhile is remembered under a
// generation that nobody asks for any more. Refusals are not remembered: they
// would let a stranger fill the cache, and the costly one, a bad signature,
// can be made anew for each request.
func (v *Verifier) check(raw string) (Claims, Reason) {
	if len(raw) > MaxSize {
		return Claims{}, ReasonSize
	}
	now := v.now()
	generation := v.keys.Generation()
	digest := digestOf(raw)
	claims, hit := v.cache.get(digest, generation)
	if !hit {
		var reason Reason
		if claims, reason = v.judge(raw, now); reason != "" {
			return Claims{}, reason
		}
	}
	if reason := v.validateTime(claims, now); reason != "" {
		return Claims{}, reason
	}
	if !hit {
		v.cache.add(digest, generation, claims)
	}
	return claims, ""
}

// judge checks everything of raw but its times. The clock only says whether
// tokens of Faveo are looked at.
func (v *Verifier) judge(raw string, now time.Time) (Claims, Reason) {
	parts, reason := split(raw)
	if reason != "" {
		return Claims{}, reason
	}
	header, reason := readObject(parts.header)
	if reason != "" {
		return Claims{}, reason
	}
	if isFaveoHeader(header) && v.acceptsFaveo(now) {
		return v.judgeFaveo(raw, parts)
	}
	key, reason := selectKey(header, v.keys)
	if reason != "" {
		return Claims{}, reason
	}
	payload, reason := verifySignature(raw, parts, key)
	if reason != "" {
		return Claims{}, reason
	}
	if key.algorithm == ES256 && !isLow(parts.signature) {
		return Claims{}, ReasonSignature // A good one, in the spelling that we never write.
	}
	return v.validateClaims(payload, key)
}

// verifySignature returns the payload that key has signed. The library takes
// raw apart once more, so its reading must be ours.
func verifySignature(raw string, parts compact, key *Key) ([]byte, Reason) {
	if len(parts.signature) != key.sigSize {
		return nil, ReasonSignature
	}
	payload, err := key.verify([]byte(raw))
	if err != nil || !bytes.Equal(payload, parts.payload) {
		return nil, ReasonSignature
	}
	return payload, ""
}

// validateClaims reads a payload that key has signed and checks the claims that
// do not depend on the clock.
func (v *Verifier) validateClaims(payload []byte, key *Key) (Claims, Reason) {
	w, userID, reason := readClaims(payload)
	if reason != "" {
		return Claims{}, reason
	}
	switch {
	case w.Issuer != v.config.Issuer: // RFC 7519 section 4.1.1
		return Claims{}, ReasonIssuer
	case w.Audience != v.config.Audience: // RFC 7519 section 4.1.3
		return Claims{}, ReasonAudience
	case w.Version != version, w.Provider != v.provider:
		return Claims{}, ReasonVersion
	case !v.lifetime(w):
		return Claims{}, ReasonLifetime
	}
	return w.toClaims(userID, key.id), ""
}

// lifetime reports whether iat, nbf and exp agree with one another and with
// max_ttl.
func (v *Verifier) lifetime(w wireClaims) bool {
	return w.IssuedAt < w.ExpiresAt && w.NotBefore <= w.ExpiresAt &&
		w.ExpiresAt-w.IssuedAt <= int64(v.config.MaxTTL/time.Second)
}

// validateTime checks the claims against the clock, for new tokens and for
// remembered ones. Whole seconds are compared, as the claims have them.
func (v *Verifier) validateTime(c Claims, at time.Time) Reason {
	now := at.Unix()
	latest := now + int64(v.config.Leeway/time.Second)
	switch {
	case c.Faveo && !v.acceptsFaveo(at):
		return ReasonTyp
	case c.IssuedAt.Unix() > latest: // RFC 7519 section 4.1.6
		return ReasonIssuedInFuture
	case c.NotBefore.Unix() > latest: // RFC 7519 section 4.1.5
		return ReasonNotYetValid
	case c.ExpiresAt.Unix() <= now: // RFC 7519 section 4.1.4, without leeway
		return ReasonExpired
	}
	return ""
}
