package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// redisAsk sends one command to the tests' Redis, whatever bytes are in it, and returns
// the texts of its answer: one, or those of a list, none for nothing. It is no client of
// the gateway's, since that is tested.
func redisAsk(t testing.TB, command ...string) []string {
	t.Helper()
	return redisAskAt(t, redisAddress, command...)
}

// redisAskAt asks another one.
func redisAskAt(t testing.TB, address string, command ...string) []string {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(c, "*%d\r\n", len(command))
	for _, word := range command {
		fmt.Fprintf(c, "$%d\r\n%s\r\n", len(word), word)
	}
	texts, err := redisReply(bufio.NewReader(c))
	if err != nil {
		t.Fatalf("%s: %v", command[0], err)
	}
	return texts
}

// redisReply reads one answer; lists in lists become one.
func redisReply(r *bufio.Reader) ([]string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	rest := strings.TrimRight(line[1:], "\r\n")
	n, _ := strconv.Atoi(rest)
	switch line[0] {
	case '+', ':':
		return []string{rest}, nil
	case '$':
		if n < 0 {
			return nil, nil
		}
		text := make([]byte, n+len("\r\n"))
		_, err := io.ReadFull(r, text)
		return []string{string(text[:n])}, err
	case '*':
		var all []string
		for range n {
			texts, err := redisReply(r)
			if err != nil {
				return nil, err
			}
			all = append(all, texts...)
		}
		return all, nil
	}
	return nil, fmt.Errorf("redis answers %q", rest)
}

// redisKeys are all keys under a prefix.
func redisKeys(t testing.TB, prefix string) []string {
	t.Helper()
	var keys []string
	for cursor := "0"; ; {
		page := redisAsk(t, "SCAN", cursor, "MATCH", prefix+"*", "COUNT", "1000")
		keys, cursor = append(keys, page[1:]...), page[0]
		if cursor == "0" {
			return keys
		}
	}
}

// redisHas is all that Redis has of a key: its serialised form, and its contents.
func redisHas(t testing.TB, key string) []string {
	t.Helper()
	all := append([]string{key}, redisAsk(t, "DUMP", key)...)
	read := map[string][]string{
		"string": {"GET", key}, "hash": {"HGETALL", key}, "set": {"SMEMBERS", key},
		"list": {"LRANGE", key, "0", "-1"}, "zset": {"ZRANGE", key, "0", "-1", "WITHSCORES"},
	}[strings.Join(redisAsk(t, "TYPE", key), "")]
	if read == nil {
		return all
	}
	return append(all, redisAsk(t, read...)...)
}
