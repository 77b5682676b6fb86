package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// tight is the part of maxmemory beyond which a Redis is soon full.
	tight = 0.8
	// oldestRedis is the first major version whose scripts may ask for the time and write.
	oldestRedis = 5
)

func (s Site) redis() part {
	var nodes []RedisNode
	first := check{CheckRedisReachable, func(ctx context.Context) verdict {
		began := s.Now()
		found, err := s.Redis.Nodes(ctx)
		if err != nil {
			return failed("start Redis, or correct redis.url; without it nobody logs in", "%s", plain(err))
		}
		nodes = found
		return reachedRedis(nodes, s.Now().Sub(began))
	}}
	judge := func(id ID, one func(RedisNode) verdict) check {
		return check{id, func(context.Context) verdict { return worst(nodes, one) }}
	}
	return part{
		name: PartRedis, first: &first, silent: "Redis does not answer",
		rest: []check{
			judge(CheckRedisRole, s.Redis.role),
			judge(CheckRedisEviction, eviction),
			judge(CheckRedisMemory, memory),
			judge(CheckRedisPersistence, persistence),
			clock(CheckRedisClock, s.Now, s.Redis.Clock, time.Microsecond, loosely),
		},
	}
}

func reachedRedis(nodes []RedisNode, took time.Duration) verdict {
	var versions []string
	for _, n := range nodes {
		if n.Version != "" && !slices.Contains(versions, n.Version) {
			versions = append(versions, n.Version)
		}
	}
	slices.Sort(versions)
	for _, v := range versions {
		major, _, _ := strings.Cut(v, ".")
		if n, err := strconv.Atoi(major); err == nil && n < oldestRedis {
			return failed("upgrade Redis to 5 or later", "Redis %s is too old", clean(v))
		}
	}
	text := "Redis"
	if len(versions) > 0 {
		text += " " + clean(listed(versions))
	}
	if len(nodes) > 1 {
		text += ", " + counted(len(nodes), "master")
	}
	return good("%s, told in %s", text, took.Round(time.Millisecond))
}

// worst judges all nodes and returns the verdict of the worst, which it names when there
// are several.
func worst(nodes []RedisNode, one func(RedisNode) verdict) verdict {
	rank := map[Result]int{Good: 0, Skipped: 1, Unwise: 2, Failed: 3}
	var picked verdict
	for i, n := range nodes {
		v := one(n)
		if i > 0 && rank[v.result] <= rank[picked.result] {
			continue
		}
		if len(nodes) > 1 && v.result != Good {
			v.found = n.Address + ": " + v.found
		}
		picked = v
	}
	return picked
}

// role is about writes: a replica refuses them, and a node of a cluster those that
// belong to another.
func (r Redis) role(n RedisNode) verdict {
	switch {
	case n.Replica:
		return failed("let redis.url lead to the master, or to the sentinels", "a replica, which takes no writes")
	case n.Clustered && !r.Cluster:
		return failed("write redis.url as redis-cluster://…", "a node of a cluster, which refers to others for most keys")
	case n.Clustered && n.ClusterState != "ok":
		return failed("look at CLUSTER INFO: slots without a master take no writes", "the cluster is in the state %q", clean(n.ClusterState))
	case n.Clustered:
		return good("a master of a cluster")
	}
	return good("a master")
}

func eviction(n RedisNode) verdict {
	const advice = "set maxmemory-policy noeviction"
	switch n.Eviction {
	case "noeviction":
		return good("maxmemory-policy noeviction")
	case "":
		return unwise("look at maxmemory-policy: it should be noeviction", "cannot be seen: INFO memory does not tell")
	}
	return unwise(advice, "maxmemory-policy %s: when memory is short, sessions end and ended tokens of Faveo come back", clean(n.Eviction))
}

func memory(n RedisNode) verdict {
	if n.MaxMemory == 0 {
		if n.UsedMemory == 0 {
			return unwise("look at used_memory and maxmemory", "cannot be seen: INFO memory does not tell")
		}
		return good("%s used, no bound", size(n.UsedMemory))
	}
	used := float64(n.UsedMemory) / float64(n.MaxMemory)
	text := fmt.Sprintf("%s of %s used", size(n.UsedMemory), size(n.MaxMemory))
	switch {
	case used >= 1:
		return failed("raise maxmemory: a full Redis takes no login", "%s", text)
	case used >= tight:
		return unwise("raise maxmemory before it is full", "%s", text)
	}
	return good("%s", text)
}

func size(bytes uint64) string {
	const mega = 1 << 20
	if bytes < 10*mega {
		return strconv.FormatFloat(float64(bytes)/mega, 'f', 1, 64) + " MiB"
	}
	return strconv.FormatUint(bytes/mega, 10) + " MiB"
}

func persistence(n RedisNode) verdict {
	switch {
	case n.WriteFault != "":
		return failed("free the disk or mend its rights: Redis may refuse writes until it can save", "%s", n.WriteFault)
	case n.AppendOnly:
		return good("appendonly yes")
	case n.Snapshots != "":
		return unwise("set appendonly yes", "snapshots only (save %s): a crash forgets the last minutes, ended sessions included", clean(n.Snapshots))
	case !n.SnapshotsTold:
		return unwise("look at appendonly and save: one of them should be on", "cannot be seen: CONFIG GET is not allowed, and appendonly is off")
	}
	return unwise("set appendonly yes", "none: a restart logs everybody out")
}
