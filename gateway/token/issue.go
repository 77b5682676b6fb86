package token

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Keys is the key ring as this package needs it. Implementations answer from
// memory, never from a store, and are safe for concurrent use.
type Keys interface {
	// SigningKey returns the key that signs now. An error is a fault of the
	// infrastructure.
	SigningKey() (*Key, error)
	// VerificationKey returns the key of that id while its tokens are
	// accepted, and false for every other.
	VerificationKey(kid string) (*Key, bool)
	// Revoked reports whether that id is one of a key that was revoked. It is asked
	// for ids that VerificationKey does not know.
	Revoked(kid string) bool
	// Stale reports whether there may be keys that VerificationKey and Revoked do not
	// know of, because the place where they are stored does not answer.
	Stale() bool
	// Generation is a number that grows whenever the answers of
	// VerificationKey change, in the same instant. It never falls.
	Generation() uint64
}

// Options is what Issuer and Verifier are made of. Giving the same Options to
// both makes them agree.
type Options struct {
	// Keys is the key ring. Required.
	Keys Keys
	// Config is the validated part "tokens" of the configuration.
	Config Config
	// AppClass is the PHP class of Faveo's users, `App\User` unless the site
	// changed it. Required; the claim prv is made of it.
	AppClass string
	// FaveoSecret is Faveo's JWT_SECRET, its raw text, for the tokens that the
	// Verifier accepts until Config.AcceptFaveoTokensUntil. Empty accepts none.
	FaveoSecret string
	// CacheSize is how many verified tokens are remembered; zero means
	// 131072. A remembered token takes about half a KiB.
	CacheSize int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Registerer takes the metrics of the Verifier; nil means none.
	Registerer prometheus.Registerer
}

// validate reports what is missing and fills in the clock.
func (o *Options) validate() error {
	if o.Now == nil {
		o.Now = time.Now
	}
	var faults []error
	if o.Keys == nil {
		faults = append(faults, errors.New("no key ring"))
	}
	if o.AppClass == "" {
		faults = append(faults, errors.New("no user class"))
	}
	if o.CacheSize < 0 {
		faults = append(faults, errors.New("negative cache size"))
	}
	return errors.Join(append(faults, o.Config.faults()...)...)
}

// Subject is whom a token is issued to.
type Subject struct {
	UserID    uint64    // users.id, not zero
	Role      string    // as read from the account, not empty
	SessionID string    // the session that it belongs to, not empty
	NotAfter  time.Time // bounds exp, less its part of a second; zero does not
}

// ErrNoLife is part of the error of Issue when NotAfter leaves the token not one
// second to live.
var ErrNoLife = errors.New("no time left to live")

// Issuer writes tokens. It is safe for concurrent use.
type Issuer struct {
	keys     Keys
	config   Config
	provider string
	now      func() time.Time
}

// NewIssuer returns an Issuer, or an error that names what is wrong with o.
func NewIssuer(o Options) (*Issuer, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("token: issuer: %w", err)
	}
	return &Issuer{keys: o.Keys, config: o.Config, provider: provider(o.AppClass), now: o.Now}, nil
}

// Issue writes a token for s that is good from this second on for Config.TTL,
// but no longer than s.NotAfter, and returns it with its claims. An error is
// ErrNoLife, or a fault of the infrastructure or of the caller (an incomplete
// Subject); none is a Refusal.
func (i *Issuer) Issue(s Subject) (string, Claims, error) {
	if s.UserID == 0 || s.SessionID == "" || s.Role == "" ||
		len(s.SessionID) > maxText || len(s.Role) > maxText {
		return "", Claims{}, errors.New("token: issue: incomplete subject")
	}
	key, err := i.keys.SigningKey()
	if err != nil {
		return "", Claims{}, fmt.Errorf("token: issue: %w", err)
	}
	claims := i.claims(s)
	if claims.ExpiresAt <= claims.IssuedAt {
		return "", Claims{}, fmt.Errorf("token: issue: %w", ErrNoLife)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", Claims{}, fmt.Errorf("token: issue: %w", err)
	}
	raw, err := key.sign(payload, typeAccessToken)
	if err != nil {
		return "", Claims{}, fmt.Errorf("token: issue: sign with %v: %w", key, err)
	}
	return string(raw), claims.toClaims(s.UserID, key.id), nil
}

// claims fills in the claims of a token issued now.
func (i *Issuer) claims(s Subject) wireClaims {
	now := i.now().Unix()
	expires := now + int64(i.config.TTL/time.Second)
	if !s.NotAfter.IsZero() {
		expires = min(expires, s.NotAfter.Unix()) // Unix rounds down.
	}
	return wireClaims{
		Issuer:    i.config.Issuer,
		Audience:  i.config.Audience,
		IssuedAt:  now,
		NotBefore: now,
		ExpiresAt: expires,
		ID:        randomID(),
		Subject:   strconv.FormatUint(s.UserID, 10),
		SessionID: s.SessionID,
		Role:      s.Role,
		Version:   version,
		Provider:  i.provider,
	}
}

// randomID returns 128 random bits in base64url, 22 characters.
func randomID() string {
	var id [16]byte
	rand.Read(id[:]) // Never fails: crypto/rand ends the program rather.
	return base64.RawURLEncoding.EncodeToString(id[:])
}
