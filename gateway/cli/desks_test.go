package cli_test

import (
	"context"
	"fmt"
	"time"

	"faveo-gateway/gateway/admin"
)

const (
	newAPIKey = "fgw_k3yAbCdEfG12_0123456789012345678901234567890123456789012abcdef"
	madeKey   = "API key k3yAbCdEfG12 (billing) is made. It is shown only now and never again:\n" + newAPIKey + "\n"
)

// apiKeys and lockouts fit the desk to the other interfaces.
type (
	apiKeys  struct{ *desk }
	lockouts struct{ *desk }
)

// shownKeys are two API keys, one with everything and one with nothing.
func shownKeys() map[string]admin.APIKey {
	return map[string]admin.APIKey{
		"k3yAbCdEfG12": {
			ID: "k3yAbCdEfG12", Name: "billing", State: "rotating", UserID: 7, Scopes: []string{"staff", "customer"}, Networks: []string{"192.0.2.0/24"}, Rate: "600/1m",
			CreatedAt: noon.Add(-30*24*time.Hour - 4*time.Hour), ExpiresAt: noon.Add(30 * 24 * time.Hour), LastUsedAt: noon.Add(-4 * time.Minute), OldSecretUntil: noon.Add(24 * time.Hour),
		},
		"k3yHiJkLmN34": {
			ID: "k3yHiJkLmN34", Name: "odd\x1b[2J it", State: "revoked", Scopes: []string{"public"},
			CreatedAt: noon.Add(-42 * time.Second), RevokedAt: noon.Add(-10 * time.Second),
		},
	}
}

func (k apiKeys) List(context.Context) ([]admin.APIKey, error) {
	keys := shownKeys()
	return []admin.APIKey{keys["k3yAbCdEfG12"], keys["k3yHiJkLmN34"]}, k.call("api keys")
}

func (k apiKeys) Show(_ context.Context, id string) (admin.APIKey, error) {
	return shownKeys()[id], k.call("api key %s", id)
}

func (k apiKeys) Create(_ context.Context, w admin.APIKeyWish) (admin.APIKeySecret, error) {
	return admin.APIKeySecret{APIKey: shownKeys()["k3yAbCdEfG12"], Secret: newAPIKey},
		k.call("create %q %d %q %q %q %q", w.Name, w.User, w.Scopes, w.Networks, w.Rate, w.Expires)
}

func (k apiKeys) Rotate(_ context.Context, id, overlap string) (admin.APIKeySecret, error) {
	return admin.APIKeySecret{APIKey: shownKeys()[id], Secret: newAPIKey}, k.call("rotate %s %q", id, overlap)
}

func (k apiKeys) Revoke(_ context.Context, id string) (admin.APIKey, error) {
	return shownKeys()[id], k.call("revoke API key %s", id)
}

func (l lockouts) List(_ context.Context, limit int) ([]admin.Lockout, bool, error) {
	return []admin.Lockout{
		{Kind: "account", UserID: 7, Until: noon.Add(15 * time.Minute)},
		{Kind: "pair", UserID: 7, Address: "192.0.2.7", Until: noon.Add(9 * time.Minute)},
		{Kind: "name", Name: "9f86d081884c7d65", Until: noon.Add(30 * time.Second)},
		{Kind: "address", Address: "2001:db8::/64", Until: noon.Add(300 * time.Millisecond)},
	}, limit < 10, l.call("lockouts %d", limit)
}

func (l lockouts) ClearUser(_ context.Context, user uint64) (int, error) {
	return 2, l.call("clear user %d", user)
}

func (l lockouts) ClearAddress(_ context.Context, address string) (int, error) {
	return 1, l.call("clear address %s", address)
}

func (l lockouts) ClearAll(context.Context) (int, error) { return 0, l.call("clear all") }

// trail is an audit trail of so many entries, proved in parts of so many.
type trail struct {
	calls []string
	// size is how many entries there are, grow how many more there are after each Tail.
	size, grow uint64
	part       uint64
	// broken is the number of an entry that does not hold, unproved that of the first
	// one behind which no MAC stands, proved that of one behind which one does again; 0
	// for none.
	broken, unproved, proved uint64
	fault                    error
}

// hashOf is the hash of an entry.
func hashOf(sequence uint64) string { return fmt.Sprintf("%064x", sequence) }

func (a *trail) Tail(_ context.Context, follow bool, after uint64, limit int) (entries []admin.AuditEntry, err error) {
	a.calls = append(a.calls, fmt.Sprintf("tail %v %d %d", follow, after, limit))
	if !follow {
		after = a.size - min(a.size, uint64(limit))
	}
	for n := after + 1; n <= a.size; n++ {
		entries = append(entries, entryOf(n))
	}
	a.size += a.grow
	return entries, a.fault
}

// entryOf is an entry: a refused login of a stranger, or a revocation by an operator.
func entryOf(n uint64) admin.AuditEntry {
	if n%2 == 0 {
		return admin.AuditEntry{
			Sequence: n, Time: noon, Kind: "login", Outcome: "refused", Reason: "bad_password", UserID: 7,
			Address: "192.0.2.7", Agent: "curl\u009b2J", RequestID: "REQUEST", Count: 12, Hash: hashOf(n),
		}
	}
	return admin.AuditEntry{
		Sequence: n, Time: noon, Kind: "apikey_revoked", Outcome: "success", Actor: "admin", Subject: "k3yAbCdEfG12", Address: "127.0.0.1",
		Detail: "billing\x1b[2J", Count: 1, Hash: hashOf(n),
	}
}

func (a *trail) Verify(_ context.Context, after uint64, hash string) (admin.AuditProof, error) {
	a.calls = append(a.calls, fmt.Sprintf("verify %d %q", after, hash))
	end := min(after+a.part, a.size)
	proof := admin.AuditProof{Sequence: after, Hash: hash, More: end < a.size}
	for n := after + 1; n <= end; n++ {
		proof.Checked++
		if n == a.broken || (n == after+1 && after > 0 && hash != hashOf(after)) {
			proof.Fault, proof.FaultAt = "the entry was changed\x1b[2J", n
			break
		}
		proof.Sequence, proof.Hash = n, hashOf(n)
		proof.Unproved++
		if a.unproved == 0 || n < a.unproved || n == a.proved {
			proof.Unproved = 0
		}
	}
	return proof, a.fault
}
