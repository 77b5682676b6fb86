package service_test

import (
	"bufio"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
)

// say sends one command in a line and returns the answer, of a list all lines.
func say(t *testing.T, address, command string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	answer, err := r.ReadString('\n')
	if n, isList := strings.CutPrefix(strings.TrimSpace(answer), "*"); isList {
		n, _ := strconv.Atoi(n)
		for range 2 * n { // Each a length and a text.
			var line string
			line, err = r.ReadString('\n')
			answer += line
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.TrimSpace(answer)
}

func TestRestartableRedis(t *testing.T) {
	address, restart := service.RestartableRedis(t)
	say(t, address, "SET a b")
	restart()
	if got := say(t, address, "DBSIZE"); got != ":0" {
		t.Errorf("after the restart it holds %s keys, want none", got)
	}
}

// TestRedisCluster asks for a key that one of three nodes has.
func TestRedisCluster(t *testing.T) {
	served := 0
	for _, node := range service.RedisCluster(t) {
		switch got := say(t, node, "SET a b"); {
		case got == "+OK":
			served++
		case !strings.HasPrefix(got, "-MOVED "):
			t.Errorf("%s answers %q", node, got)
		}
	}
	if served != 1 {
		t.Errorf("%d nodes serve the key, want one", served)
	}
}

// TestRedisSentinel waits until the sentinels name another master.
func TestRedisSentinel(t *testing.T) {
	sentinels, master, kill := service.RedisSentinel(t)
	who := "SENTINEL GET-MASTER-ADDR-BY-NAME " + master
	old := say(t, sentinels[0], who)
	kill()
	deadline := time.Now().Add(30 * time.Second)
	for say(t, sentinels[0], who) == old {
		if time.Now().After(deadline) {
			t.Fatalf("the master is still %s", old)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
