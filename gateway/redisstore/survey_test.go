package redisstore_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/storetest/service"
)

// plain is a client that sets up a Redis of the test's own.
func plain(t *testing.T, address string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: address})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func nodes(t *testing.T, url string) []redisstore.Node {
	t.Helper()
	found, err := open(t, redisstore.Options{URL: url, Timeout: 5 * time.Second}).Nodes(t.Context())
	if err != nil {
		t.Fatalf("Nodes: %v", err)
	}
	return found
}

func one(t *testing.T, url string) redisstore.Node {
	t.Helper()
	found := nodes(t, url)
	if len(found) != 1 {
		t.Fatalf("%d nodes, want one", len(found))
	}
	return found[0]
}

func TestNodes(t *testing.T) {
	for name, test := range map[string]struct {
		settings []string
		right    func(redisstore.Node) bool
	}{
		"as it should be": {
			[]string{"appendonly yes", `save ""`, "maxmemory 100mb", "maxmemory-policy noeviction"},
			func(n redisstore.Node) bool {
				return n.AppendOnly && n.Snapshots == "" && n.MaxMemory == 100<<20 && n.Eviction == "noeviction" && !n.SaveFailed && !n.AppendFailed
			},
		},
		"evicts": {[]string{"maxmemory-policy allkeys-lru"}, func(n redisstore.Node) bool { return n.Eviction == "allkeys-lru" && n.MaxMemory == 0 }},
		"snapshots": {
			[]string{"save 3600 1 300 100"},
			func(n redisstore.Node) bool { return !n.AppendOnly && n.Snapshots == "3600 1 300 100" },
		},
		"memory only": {[]string{`save ""`}, func(n redisstore.Node) bool { return !n.AppendOnly && n.Snapshots == "" }},
	} {
		t.Run(name, func(t *testing.T) {
			address := service.RedisWith(t, test.settings...)
			n := one(t, "redis://"+address)
			if n.Address != address || n.Version == "" || n.Replica || n.Clustered || n.UsedMemory == 0 || !n.SnapshotsTold || !test.right(n) {
				t.Errorf("%+v", n)
			}
		})
	}
}

// TestNodesOfAHostedRedis: where CONFIG is forbidden, the rest is told.
func TestNodesOfAHostedRedis(t *testing.T) {
	address := service.RedisWith(t, `save ""`, "maxmemory-policy volatile-lru")
	if err := plain(t, address).Do(t.Context(), "ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-config").Err(); err != nil {
		t.Fatal(err)
	}
	if n := one(t, "redis://app:pw@"+address); n.SnapshotsTold || n.Eviction != "volatile-lru" || n.Version == "" {
		t.Errorf("%+v", n)
	}
}

func TestNodesOfAReplica(t *testing.T) {
	host, port, _ := net.SplitHostPort(service.Redis(t))
	if n := one(t, "redis://"+service.RedisWith(t, `save ""`, "replicaof "+host+" "+port)); !n.Replica {
		t.Errorf("%+v", n)
	}
}

// TestNodesWithoutADisk: the folder of the snapshots is gone.
func TestNodesWithoutADisk(t *testing.T) {
	folder := t.TempDir() + "/gone"
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	address := service.RedisWith(t, `save ""`, "dir "+folder)
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	if err := plain(t, address).BgSave(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	store := open(t, redisstore.Options{URL: "redis://" + address})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		found, err := store.Nodes(ctx)
		if err != nil {
			t.Fatalf("the failure is not told: %v", err)
		}
		if found[0].SaveFailed {
			return
		}
	}
}

func TestNodesOfAClusterAndOfSentinels(t *testing.T) {
	masters := service.RedisCluster(t)
	found := nodes(t, "redis-cluster://"+strings.Join(masters, ","))
	if len(found) != len(masters) {
		t.Errorf("%d nodes, want %d", len(found), len(masters))
	}
	for _, n := range found {
		if !n.Clustered || n.ClusterState != "ok" || n.Replica {
			t.Errorf("%+v", n)
		}
	}
	// One of them by itself tells what it is.
	if n := one(t, "redis://"+masters[0]); !n.Clustered {
		t.Errorf("%+v", n)
	}
	sentinels, master, _ := service.RedisSentinel(t)
	if n := one(t, "redis-sentinel://"+strings.Join(sentinels, ",")+"?master="+master); n.Replica || n.Clustered {
		t.Errorf("%+v", n)
	}
}

func TestClock(t *testing.T) {
	store := open(t, redisstore.Options{URL: "redis://" + service.Redis(t)})
	now, err := store.Clock(t.Context())
	if off := time.Since(now).Abs(); err != nil || off > 5*time.Second {
		t.Errorf("the server's clock is %v off, %v", off, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Clock(ctx); err == nil {
		t.Error("without a caller there is an answer")
	}
	if _, err := store.Nodes(ctx); err == nil {
		t.Error("without a caller there are nodes")
	}
}
