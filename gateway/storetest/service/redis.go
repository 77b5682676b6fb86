package service

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// memoryOnly keeps a server from writing to the disk.
var memoryOnly = []string{`save ""`, "appendonly no"}

// Redis starts a Redis of the test's own, without persistence, and ends it with
// the test. It returns its address. Unlike the one at RedisAddress it may be
// emptied and filled.
func Redis(tb testing.TB) (address string) {
	tb.Helper()
	return serve(tb, nil, memoryOnly...).address
}

// RedisWith is Redis with these lines of a redis.conf instead, and with persistence unless
// they turn it off.
func RedisWith(tb testing.TB, settings ...string) (address string) {
	tb.Helper()
	return serve(tb, nil, settings...).address
}

// RestartableRedis is Redis with a way to end it the hard way and start it again,
// empty, at the same address.
func RestartableRedis(tb testing.TB) (address string, restart func()) {
	tb.Helper()
	s := serve(tb, nil, memoryOnly...)
	return s.address, func() {
		tb.Helper()
		path, err := exec.LookPath("redis-server")
		if err == nil {
			s.stop()
			err = s.start(path)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// slots is how many a Redis Cluster has.
const slots = 16_384

// RedisCluster starts a Redis Cluster of three masters and ends it with the test.
// It returns their addresses; each serves a third of the slots.
func RedisCluster(tb testing.TB) (nodes []string) {
	tb.Helper()
	servers := make([]*server, 3)
	for i := range servers {
		servers[i] = serve(tb, nil, append([]string{
			"cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 5000",
		}, memoryOnly...)...)
	}
	for i, s := range servers {
		must(tb, s, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		must(tb, s, append([]string{"CLUSTER", "ADDSLOTS"}, share(i, len(servers))...)...)
		must(tb, s, "CLUSTER", "MEET", "127.0.0.1", servers[0].port())
	}
	ready := func() error { return each(servers, func(s *server) error { return clusterReady(s, len(servers)) }) }
	if err := until(ready); err != nil {
		tb.Fatal(err)
	}
	return addresses(servers)
}

// share returns the slots of node i of n.
func share(i, n int) (list []string) {
	for slot := slots * i / n; slot < slots*(i+1)/n; slot++ {
		list = append(list, strconv.Itoa(slot))
	}
	return list
}

// clusterReady asks a node whether all slots are served and all n nodes known.
func clusterReady(s *server, n int) error {
	info, err := ask(s.address, "CLUSTER", "INFO")
	if err != nil {
		return err
	}
	for _, line := range []string{"cluster_state:ok", "cluster_slots_ok:" + strconv.Itoa(slots), "cluster_known_nodes:" + strconv.Itoa(n)} {
		if !strings.Contains(info, line+"\r\n") {
			return fmt.Errorf("the node at %s does not say %s", s.address, line)
		}
	}
	return nil
}

// sentinelName is what the sentinels call their master.
const sentinelName = "main"

// RedisSentinel starts a master, a replica and three sentinels that watch them, and
// ends them with the test. It returns the addresses of the sentinels, what they
// call the master, and a way to end the master the hard way, whose place the
// replica then takes within a few seconds.
func RedisSentinel(tb testing.TB) (sentinels []string, master string, kill func()) {
	tb.Helper()
	// Without the delay a replica would have to wait five seconds for others.
	settings := append([]string{"repl-diskless-sync yes", "repl-diskless-sync-delay 0"}, memoryOnly...)
	first := serve(tb, nil, settings...)
	second := serve(tb, nil, append(settings, "replicaof 127.0.0.1 "+first.port())...)
	if err := until(func() error { return says(second, "master_link_status:up", "INFO", "replication") }); err != nil {
		tb.Fatal(err)
	}
	servers := make([]*server, 3)
	for i := range servers {
		servers[i] = serve(tb, []string{"--sentinel"},
			"sentinel monitor "+sentinelName+" 127.0.0.1 "+first.port()+" 2",
			"sentinel down-after-milliseconds "+sentinelName+" 500",
			"sentinel failover-timeout "+sentinelName+" 3000",
		)
	}
	ready := func() error { return each(servers, func(s *server) error { return sentinelReady(s, len(servers)) }) }
	if err := until(ready); err != nil {
		tb.Fatal(err)
	}
	return addresses(servers), sentinelName, first.stop
}

// sentinelReady asks a sentinel whether it knows the replica and all n sentinels.
func sentinelReady(s *server, n int) error {
	return errors.Join(
		says(s, ",slaves=1,sentinels="+strconv.Itoa(n), "INFO", "sentinel"),
		says(s, "OK "+strconv.Itoa(n)+" usable Sentinels", "SENTINEL", "CKQUORUM", sentinelName),
	)
}

// says reports what is missing in the answer to a command.
func says(s *server, want string, command ...string) error {
	reply, err := ask(s.address, command...)
	if err == nil && !strings.Contains(reply, want) {
		err = fmt.Errorf("%s of %s does not say %q: %q", command[0], s.address, want, reply)
	}
	return err
}

// must sends a command that has to succeed.
func must(tb testing.TB, s *server, command ...string) {
	tb.Helper()
	if _, err := ask(s.address, command...); err != nil {
		tb.Fatalf("%.60q: %v", command, err)
	}
}
