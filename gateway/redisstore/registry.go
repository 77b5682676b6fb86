package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/token"
)

// registerScript takes out whose registration has expired, registers one, unless its
// id is empty, and returns the time in ms and everybody: id, when it expires in ms, and
// record, one after the other. A record outlives its lease a little, so that it cannot
// be missing before.
//
// KEYS: leases. ARGV: what the keys of records begin with, id, record, lease in ms, the
// same with the margin.
const registerScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if ARGV[2] ~= '' then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[4]), ARGV[2])
  redis.call('SET', ARGV[1] .. ARGV[2], ARGV[3], 'PX', ARGV[5])
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
  end
end
local all = {string.format('%.0f', now)}
local leases = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #leases, 2 do
  all[#all + 1] = leases[i]
  all[#all + 1] = string.format('%.0f', tonumber(leases[i + 1]))
  all[#all + 1] = redis.call('GET', ARGV[1] .. leases[i]) or ''
end
return all
`

// leaveScript takes one out. KEYS: leases. ARGV: what the keys of records begin with,
// id.
const leaveScript = `
redis.call('ZREM', KEYS[1], ARGV[2])
redis.call('DEL', ARGV[1] .. ARGV[2])
return 1
`

// registry is a keyring.Registry.
type registry struct{ *Store }

var _ keyring.Registry = registry{}

// Registry returns the list of the replicas that share this Redis.
func (s *Store) Registry() keyring.Registry { return registry{s} }

// replicaRecord is a replica as Redis holds it: JSON, times in Unix seconds.
type replicaRecord struct {
	Version   int      `json:"v"`
	ID        string   `json:"id"`
	Host      string   `json:"host"`
	Build     string   `json:"version"`
	Started   int64    `json:"started"`
	Algorithm string   `json:"algorithm"`
	Keys      []string `json:"keys,omitempty"`
	Signing   string   `json:"signing,omitempty"`
}

// errReplica is the caller's mistake.
var errReplica = errors.New("redisstore: a replica without a well-formed id, or without a lease")

// Register implements keyring.Registry.
func (r registry) Register(ctx context.Context, self keyring.Replica, lease time.Duration) (keyring.View, error) {
	if !idPattern.MatchString(self.ID) || lease < time.Millisecond {
		return keyring.View{}, errReplica
	}
	record, err := json.Marshal(replicaRecord{
		Version: version, ID: self.ID, Host: self.Host, Build: self.Version, Started: self.StartedAt.Unix(),
		Algorithm: string(self.Algorithm), Keys: self.Keys, Signing: self.Signing,
	})
	if err != nil {
		return keyring.View{}, fmt.Errorf("redisstore: %s: %w", opRegister, err)
	}
	return r.view(ctx, opRegister, self.ID, record, lease.Milliseconds(), (lease + indexMargin).Milliseconds())
}

// Replicas implements keyring.Registry.
func (r registry) Replicas(ctx context.Context) (keyring.View, error) {
	return r.view(ctx, opReplicas, "")
}

// Leave implements keyring.Registry.
func (r registry) Leave(ctx context.Context, id string) error {
	if !idPattern.MatchString(id) {
		return errReplica
	}
	return r.call(ctx, opLeave, func(ctx context.Context) error {
		return r.run(ctx, r.scripts.leave, []string{r.keys.leases()}, r.keys.replicas(), id).Err()
	})
}

// AnnounceKeys implements keyring.Registry.
func (r registry) AnnounceKeys(ctx context.Context, revoked string) error {
	if revoked == "" {
		return r.announce(ctx, newsKeys)
	}
	if !idPattern.MatchString(revoked) {
		return errors.New("redisstore: malformed id of a key")
	}
	return r.announce(ctx, keyRevoked(revoked))
}

// view runs registerScript and reads what it returns.
func (r registry) view(ctx context.Context, operation, id string, arguments ...any) (view keyring.View, err error) {
	err = r.call(ctx, operation, func(ctx context.Context) error {
		answer, err := r.run(ctx, r.scripts.register, []string{r.keys.leases()},
			append([]any{r.keys.replicas(), id}, arguments...)...).StringSlice()
		if err != nil {
			return err
		}
		view, err = r.readView(answer)
		return err
	})
	return view, err
}

// readView reads the answer of registerScript. A replica that cannot be read is an
// error, never left out: nobody would wait for it.
func (r registry) readView(answer []string) (keyring.View, error) {
	if len(answer)%3 != 1 {
		return keyring.View{}, errors.New("the answer is cut")
	}
	now, err := readMillis(answer[0])
	if err != nil {
		return keyring.View{}, err
	}
	view := keyring.View{Now: now}
	for one := range slices.Chunk(answer[1:], 3) {
		replica, err := decodeReplica(one[2], one[0])
		if err == nil {
			replica.ExpiresAt, err = readMillis(one[1])
		}
		if err != nil {
			return keyring.View{}, fmt.Errorf("the replica %q cannot be read: %w", r.keys.replica(one[0]), err)
		}
		view.Replicas = append(view.Replicas, replica)
	}
	slices.SortFunc(view.Replicas, func(a, b keyring.Replica) int { return strings.Compare(a.ID, b.ID) })
	return view, nil
}

func readMillis(text string) (time.Time, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	return fromMillis(n), err
}

func decodeReplica(content, id string) (keyring.Replica, error) {
	var r replicaRecord
	if content == "" {
		return keyring.Replica{}, errors.New("there is no record")
	}
	if err := decodeStrict([]byte(content), &r); err != nil {
		return keyring.Replica{}, err
	}
	if r.Version != version {
		return keyring.Replica{}, fmt.Errorf("version %d, not %d", r.Version, version)
	}
	if r.ID != id {
		return keyring.Replica{}, errors.New("it is another replica's")
	}
	return keyring.Replica{
		ID: r.ID, Host: r.Host, Version: r.Build, StartedAt: time.Unix(r.Started, 0).UTC(),
		Algorithm: token.Algorithm(r.Algorithm), Keys: r.Keys, Signing: r.Signing,
	}, nil
}
