package redisstore

import (
	"bufio"
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Node is a server that is written to, as its INFO and CONFIG tell. What it does not tell
// is empty.
type Node struct {
	Address, Version string
	// Replica says that it takes no writes.
	Replica bool
	// Clustered says that it belongs to a cluster, ClusterState what that is in ("ok").
	Clustered    bool
	ClusterState string
	// Eviction is maxmemory-policy.
	Eviction string
	// UsedMemory and MaxMemory are bytes; MaxMemory 0 is no bound.
	UsedMemory, MaxMemory uint64
	// AppendOnly is the setting of that name. Snapshots is the setting save, "" for never;
	// SnapshotsTold is false where CONFIG GET is not allowed, as in many hosted ones.
	AppendOnly    bool
	Snapshots     string
	SnapshotsTold bool
	// SaveFailed and AppendFailed say that it could not write to its disk last time.
	SaveFailed, AppendFailed bool
}

// Nodes looks at the server, the master that the sentinels name, or each master of the
// cluster, in no order, and changes nothing.
func (s *Store) Nodes(ctx context.Context) ([]Node, error) {
	var nodes []Node
	err := s.call(ctx, opNodes, func(ctx context.Context) error {
		var mu sync.Mutex
		return s.eachMaster(ctx, func(ctx context.Context, client *redis.Client) error {
			n, err := look(ctx, client)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			nodes = append(nodes, n)
			return nil
		})
	})
	return nodes, err
}

// eachMaster calls visit for every server that is written to, maybe at the same time.
func (s *Store) eachMaster(ctx context.Context, visit func(context.Context, *redis.Client) error) error {
	switch client := s.client.(type) {
	case *redis.ClusterClient:
		return client.ForEachMaster(ctx, visit)
	case *redis.Client:
		return visit(ctx, client)
	default:
		panic("redisstore: an unknown kind of client") // NewUniversalClient makes no other for our URLs.
	}
}

// Clock tells the time of the server, of a cluster that of one of its nodes.
func (s *Store) Clock(ctx context.Context) (now time.Time, err error) {
	err = s.call(ctx, opClock, func(ctx context.Context) error {
		now, err = s.client.Time(ctx).Result()
		return err
	})
	return now, err
}

// look asks one server.
func look(ctx context.Context, client *redis.Client) (Node, error) {
	text, err := client.Info(ctx).Result()
	if err != nil {
		return Node{}, err
	}
	info := parseInfo(text)
	number := func(name string) uint64 {
		n, _ := strconv.ParseUint(info[name], 10, 64)
		return n
	}
	n := Node{
		Address:      client.Options().Addr,
		Version:      info["redis_version"],
		Replica:      info["role"] == "slave",
		Clustered:    info["cluster_enabled"] == "1",
		Eviction:     info["maxmemory_policy"],
		UsedMemory:   number("used_memory"),
		MaxMemory:    number("maxmemory"),
		AppendOnly:   info["aof_enabled"] == "1",
		SaveFailed:   info["rdb_last_bgsave_status"] == "err",
		AppendFailed: info["aof_last_write_status"] == "err",
	}
	if save, err := client.ConfigGet(ctx, "save").Result(); err == nil {
		n.Snapshots, n.SnapshotsTold = save["save"], true
	}
	if n.Clustered {
		state, err := client.ClusterInfo(ctx).Result()
		if err != nil {
			return Node{}, err
		}
		n.ClusterState = parseInfo(state)["cluster_state"]
	}
	return n, nil
}

// parseInfo reads lines "name:value"; those of headings have no colon.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok {
			info[name] = value
		}
	}
	return info
}
