package keyring_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/token"
)

// TestKeysUnderFaults lets several replicas live through random faults, and holds
// them to what a key ring is for: one key is active at any time, and a token that
// any replica signs is accepted by every other one until it expires, unless its key
// is revoked. When the faults end, all of them agree.
//
// Nobody can know what happened while nobody could be reached. So a replica whose
// registration had expired counts again when it has loaded the keys; and what one
// signs without the store counts while there is another one that reaches it.
func TestKeysUnderFaults(t *testing.T) {
	runs := 12
	if testing.Short() {
		runs = 3
	}
	for range runs {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			inSite(t, func(s *site) {
				c := &chaos{site: s, random: rand.New(rand.NewPCG(seed, 0)), signed: make(map[string]time.Time), revoked: make(map[string]time.Time)}
				c.run(200)
			})
		})
	}
}

// chaos is a site under faults.
type chaos struct {
	*site
	mu     sync.Mutex
	random *rand.Rand
	nodes  []*chaoticNode
	// started counts them, for their names.
	started int
	// signed is when each key was last signed with, by a replica that was registered
	// then.
	signed map[string]time.Time
	// revoked is when each key was.
	revoked     map[string]time.Time
	revocations int
}

type chaoticNode struct {
	*node
	offset atomic.Int64 // of its own clock, in nanoseconds
	// storeSince is since when its way to the store is whole; zero while it is not.
	storeSince time.Time
}

// reaches reports whether n has reached the store for some time.
func (n *chaoticNode) reaches() bool {
	return !n.storeSince.IsZero() && time.Since(n.storeSince) > lease
}

// n returns a number below the limit.
func (c *chaos) n(limit int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(limit)
}

func (c *chaos) run(steps int) {
	for range 3 {
		c.addNode()
	}
	wait(lease + soon)
	for range steps {
		c.shake()
		for range c.n(4) + 1 {
			wait(time.Duration(c.n(8000)) * time.Millisecond)
			c.check()
		}
	}
	c.calm()
}

// addNode starts a replica, with whatever ways there are.
func (c *chaos) addNode() {
	n := &chaoticNode{storeSince: time.Now()}
	c.started++
	algorithms := []token.Algorithm{token.ES256, token.EdDSA, token.HS256}
	var err error
	n.node, err = c.tryStart(fmt.Sprintf("host-%d", c.started), func(o *keyring.Options) {
		o.Algorithm = algorithms[min(c.n(20), 2)]
		o.Config = keyring.Config{RotateEvery: time.Hour, PublishAhead: time.Duration(c.n(2)) * 30 * time.Second}
		o.Now = func() time.Time { return time.Now().Add(time.Duration(n.offset.Load())) }
	})
	if err != nil {
		c.Fatalf("Open: %v", err)
	}
	slow := func() { time.Sleep(time.Duration(c.n(300)) * time.Millisecond) }
	if c.n(2) == 0 {
		n.store.slowDown(slow)
		n.registry.slowDown(slow)
	}
	c.nodes = append(c.nodes, n)
}

// shake changes something.
func (c *chaos) shake() {
	i := c.n(len(c.nodes))
	n := c.nodes[i]
	switch c.n(16) {
	case 0:
		n.store.fail(errDown)
		n.storeSince = time.Time{}
	case 1:
		n.store.freeze(true)
		n.storeSince = time.Time{}
	case 2:
		n.registry.fail(errDown)
	case 3:
		n.registry.freeze(true)
	case 4, 5, 6, 7:
		n.mend()
	case 8:
		n.deaf.Store(!n.deaf.Load())
	case 9:
		c.registry.Forget()
	case 10:
		n.offset.Store(int64(time.Duration(c.n(2000)-1000) * time.Hour))
	case 11:
		if len(c.nodes) > 2 {
			n.stop()
			c.nodes = slices.Delete(c.nodes, i, i+1)
		}
	case 12:
		if len(c.nodes) < 5 {
			c.addNode()
		}
	case 13, 14:
		// Two at once.
		other := c.nodes[c.n(len(c.nodes))]
		for _, n := range []*chaoticNode{n, other} {
			go func() { _, _ = n.Rotate(c.Context(), "") }()
		}
	case 15:
		if c.n(3) == 0 {
			c.revoke(n)
		}
	}
}

func (n *chaoticNode) mend() {
	n.store.fail(nil)
	n.store.freeze(false)
	n.registry.fail(nil)
	n.registry.freeze(false)
	if n.storeSince.IsZero() {
		n.storeSince = time.Now()
	}
}

// revoke revokes some key, and takes an error for nothing said.
func (c *chaos) revoke(n *chaoticNode) {
	records := c.keys.Records()
	kid := records[c.n(len(records))].KID
	// Whether or not it happens, nobody counts on the key any more.
	c.revoked[kid] = time.Now()
	_, err := n.Revoke(c.Context(), kid)
	synctest.Wait()
	if err == nil {
		c.revocations++
		for _, other := range c.nodes {
			if !other.deaf.Load() && other.verifies(kid) && c.state(kid) == keyring.StateRevoked {
				c.Errorf("a replica that hears accepts a key that was revoked a moment ago")
			}
		}
	}
}

// inherited reports whether a key began to sign because another one was revoked.
func (c *chaos) inherited(kid string) bool {
	records := c.keys.Records()
	i := slices.IndexFunc(records, func(r keyring.Record) bool { return r.KID == kid })
	return slices.ContainsFunc(records, func(r keyring.Record) bool {
		return r.State == keyring.StateRevoked && r.EndedAt.Equal(records[i].ActivatedAt)
	})
}

// fresh reports whether a key has just begun to sign.
func (c *chaos) fresh(kid string) bool {
	return slices.ContainsFunc(c.keys.Records(), func(r keyring.Record) bool {
		return r.KID == kid && time.Since(r.ActivatedAt) < 2*soon
	})
}

func (c *chaos) state(kid string) keyring.State {
	for _, r := range c.keys.Records() {
		if r.KID == kid {
			return r.State
		}
	}
	return ""
}

// active is the one active key.
func (c *chaos) active() (kid string) {
	c.Helper()
	count := make(map[keyring.State]int)
	for _, r := range c.keys.Records() {
		count[r.State]++
		if r.State == keyring.StateActive {
			kid = r.KID
		}
	}
	if count[keyring.StateActive] != 1 || count[keyring.StatePending] > 1 {
		c.Fatalf("keys by state: %v, want one active and at most one pending", count)
	}
	return kid
}

// check looks at everybody.
func (c *chaos) check() {
	c.Helper()
	now := time.Now()
	c.active()
	view, err := c.registry.Replicas(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	registered := make(map[string]bool)
	for _, r := range view.Replicas {
		registered[r.Host] = true
	}
	inTouch := slices.ContainsFunc(c.nodes, func(n *chaoticNode) bool { return registered[n.host] && n.reaches() })
	for _, n := range c.nodes {
		key, err := n.SigningKey()
		if err != nil {
			continue // Its key was revoked, and it cannot load the heir.
		}
		if registered[n.host] && !n.contact.hasLapsed() && inTouch {
			c.signed[key.ID()] = now
		}
	}
	for kid, last := range c.signed {
		if now.Sub(last) < maxTTL {
			c.wantAccepted(kid, registered)
		}
	}
	for kid, at := range c.revoked {
		for _, n := range c.nodes {
			known := !n.storeSince.IsZero() && now.Sub(n.storeSince) > 2*lease && now.Sub(at) > 2*lease
			if known && n.verifies(kid) && c.state(kid) == keyring.StateRevoked {
				c.Errorf("%s accepts a key that was revoked %v ago", n.host, now.Sub(at))
			}
		}
	}
}

// wantAccepted wants every registered replica to accept a key that was signed with.
func (c *chaos) wantAccepted(kid string, registered map[string]bool) {
	c.Helper()
	if _, over := c.revoked[kid]; over {
		return
	}
	for _, n := range c.nodes {
		// In an emergency, who does not hear of it has to look for the heir.
		excused := n.contact.hasLapsed() || (c.inherited(kid) && (!n.reaches() || c.fresh(kid)))
		if registered[n.host] && !n.verifies(kid) && !excused {
			c.Errorf("%s refuses a key that was signed with %v ago and is %s; it reaches the store since %v",
				n.host, time.Since(c.signed[kid]), c.state(kid), n.storeSince)
		}
	}
}

// calm ends all faults: everybody must find together.
func (c *chaos) calm() {
	for _, n := range c.nodes {
		n.mend()
		n.deaf.Store(false)
	}
	wait(3 * time.Minute)
	c.check()
	active := c.active()
	for _, n := range c.nodes {
		if got := n.signs(); got != active || !n.verifies(active) {
			c.Errorf("%s signs with another key than the active one", n.host)
		}
		if r := n.status().Rotation; r.Fault != "" {
			c.Errorf("%s still says %+v", n.host, r)
		}
	}
	rotations := 0
	for _, r := range c.keys.Records() {
		if !r.RetiredAt.IsZero() {
			rotations++
		}
	}
	c.Logf("%d rotations, %d revocations", rotations, c.revocations)
	if rotations == 0 {
		c.Error("the faults let nothing happen")
	}
}
