package token

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// How long a bridge token lives, in seconds. PHP checks it without leeway at
// the start of its work (contract section 2), which may be some time after the
// gateway sent the request: a request may wait for a free PHP worker.
const (
	bridgeBackdate  = 5  // iat and nbf lie in the past, for a PHP host whose clock is late
	bridgeLife      = 60 // exp - iat
	bridgeRemaining = 30 // the least time left when a token is handed out
)

// bridgeCacheSize is how many sessions have their bridge token remembered.
const bridgeCacheSize = 16 << 10

// BridgeOptions is what a Bridge is made of.
type BridgeOptions struct {
	// Secret is Faveo's JWT_SECRET, its raw text. Required.
	Secret string
	// AppClass is the PHP class of Faveo's users, `App\User` unless the site
	// changed it. Required.
	AppClass string
	// Issuer is the claim iss: the URL of Faveo's login. PHP does not check
	// it, so any text will do, but not none.
	Issuer string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Bridge mints the tokens that PHP accepts in place of the client's own. They
// have Faveo's shape and live for less than a minute, so that one that leaks
// from PHP's side is soon worthless. A Bridge is safe for concurrent use.
type Bridge struct {
	secret   []byte
	issuer   string
	provider string
	now      func() time.Time

	mu     sync.Mutex
	minted *simplelru.LRU[bridgeKey, bridgeToken]
}

// bridgeKey names whom a bridge token was minted for. The user is part of it,
// so that no mistake about sessions hands out somebody else's token.
type bridgeKey struct {
	userID  uint64
	session string
}

// bridgeToken is a minted token and the seconds between which it is handed
// out. The first guards against a clock that was set back.
type bridgeToken struct {
	raw         string
	from, until int64
}

// NewBridge returns a Bridge, or an error that names what o lacks.
func NewBridge(o BridgeOptions) (*Bridge, error) {
	var faults []error
	if o.Secret == "" {
		faults = append(faults, errors.New("empty secret"))
	}
	if o.AppClass == "" {
		faults = append(faults, errors.New("no user class"))
	}
	if o.Issuer == "" {
		faults = append(faults, errors.New("no issuer"))
	}
	minted, err := simplelru.NewLRU[bridgeKey, bridgeToken](bridgeCacheSize, nil)
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, fmt.Errorf("token: bridge: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Bridge{
		secret:   []byte(o.Secret),
		issuer:   o.Issuer,
		provider: provider(o.AppClass),
		now:      o.Now,
		minted:   minted,
	}, nil
}

// Mint returns a token by which PHP takes the request for one of that user. It
// is good for at least 30 seconds more. The session is the key under which it
// is reused and never stands in it. An error is a fault of the infrastructure
// or of the caller (no user).
func (b *Bridge) Mint(userID uint64, session string) (string, error) {
	if userID == 0 {
		return "", errors.New("token: bridge: no user")
	}
	key := bridgeKey{userID: userID, session: session}
	now := b.now().Unix()
	if raw, ok := b.reuse(key, now); ok {
		return raw, nil
	}
	raw, expires, err := b.sign(userID, now)
	if err != nil {
		return "", fmt.Errorf("token: bridge: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.minted.Add(key, bridgeToken{raw: raw, from: now, until: expires - bridgeRemaining})
	return raw, nil
}

// reuse returns the remembered token of key while it has enough time left.
func (b *Bridge) reuse(key bridgeKey, now int64) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.minted.Get(key)
	return t.raw, ok && t.from <= now && now <= t.until
}

// bridgeClaims is Faveo's payload, in Faveo's order: contract section 2.
type bridgeClaims struct {
	Issuer    string `json:"iss"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	NotBefore int64  `json:"nbf"`
	ID        string `json:"jti"`
	Subject   string `json:"sub"`
	Provider  string `json:"prv"`
}

// sign mints a token at the second now and returns it with its exp.
func (b *Bridge) sign(userID uint64, now int64) (string, int64, error) {
	c := bridgeClaims{
		Issuer:    b.issuer,
		IssuedAt:  now - bridgeBackdate,
		ExpiresAt: now - bridgeBackdate + bridgeLife,
		NotBefore: now - bridgeBackdate,
		ID:        randomText(16),
		Subject:   strconv.FormatUint(userID, 10),
		Provider:  b.provider,
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", 0, err
	}
	header := jws.NewHeaders()
	if err := header.Set(jws.TypeKey, "JWT"); err != nil {
		return "", 0, err
	}
	raw, err := jws.Sign(payload, jws.WithKey(HS256.jwa(), b.secret, jws.WithProtectedHeaders(header)))
	return string(raw), c.ExpiresAt, err
}

// randomText returns n random letters and digits, as Laravel's Str::random.
func randomText(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	// Bytes from this bound on are dropped, so that every character is
	// equally likely.
	const bound = 256 - 256%len(alphabet)
	text := make([]byte, 0, n)
	var pool [32]byte
	for len(text) < n {
		rand.Read(pool[:]) // Never fails: crypto/rand ends the program rather.
		for _, random := range pool {
			if int(random) < bound && len(text) < n {
				text = append(text, alphabet[int(random)%len(alphabet)])
			}
		}
	}
	return string(text)
}
