package redisstore_test

import (
	"reflect"
	"strings"
	"testing"

	"faveo-gateway/gateway/redisstore"
)

func TestParseURL(t *testing.T) {
	cases := []struct {
		text string
		want redisstore.URL
	}{
		{"redis://127.0.0.1", redisstore.URL{Addresses: []string{"127.0.0.1:6379"}}},
		{"redis://127.0.0.1:7000/", redisstore.URL{Addresses: []string{"127.0.0.1:7000"}}},
		{"redis://cache/3", redisstore.URL{Addresses: []string{"cache:6379"}, Database: 3}},
		{"redis://[::1]", redisstore.URL{Addresses: []string{"[::1]:6379"}}},
		{"redis://[::1]:7000/1", redisstore.URL{Addresses: []string{"[::1]:7000"}, Database: 1}},
		{"redis://:pass@cache", redisstore.URL{Addresses: []string{"cache:6379"}, Password: "pass"}},
		{"redis://u%40x:p%2F%23%3F%40%3A%25@cache", redisstore.URL{Addresses: []string{"cache:6379"}, Username: "u@x", Password: "p/#?@:%"}},
		{"rediss://u:p@cache:6380", redisstore.URL{Addresses: []string{"cache:6380"}, TLS: true, Username: "u", Password: "p"}},
		{"redis-cluster://u:p@a:7000,b,[2001:db8::1]:7002", redisstore.URL{
			Addresses: []string{"a:7000", "b:6379", "[2001:db8::1]:7002"}, Cluster: true, Username: "u", Password: "p",
		}},
		{"redis-cluster://a/0?tls=true", redisstore.URL{Addresses: []string{"a:6379"}, Cluster: true, TLS: true}},
		{"redis-sentinel://a,b:1?master=main", redisstore.URL{Addresses: []string{"a:26379", "b:1"}, Master: "main"}},
		{"redis-sentinel://u:p@a/2?master=main&tls=false&sentinel_username=su&sentinel_password=s%26p", redisstore.URL{
			Addresses: []string{"a:26379"}, Master: "main", Database: 2, Username: "u", Password: "p",
			SentinelUsername: "su", SentinelPassword: "s&p",
		}},
	}
	for _, c := range cases {
		got, err := redisstore.ParseURL(c.text)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("ParseURL(%q) = %+v, %v\nwant %+v", c.text, got, err, c.want)
		}
	}
}

// TestParseURLRefuses puts the password hunter2 into URLs that are wrong in some
// way, often because of the password itself.
func TestParseURLRefuses(t *testing.T) {
	cases := map[string]string{
		"empty":                        "",
		"no scheme":                    "hunter2@cache:6379",
		"unknown scheme":               "http://:hunter2@cache",
		"password for scheme":          "hunter2://cache",
		"unix socket":                  "unix://:hunter2@/run/redis.sock",
		"no host":                      "redis://:hunter2@",
		"no host but a port":           "redis://:hunter2@:6379",
		"slash in the password":        "redis://:hunter2/x@cache",
		"fragment in the password":     "redis://:hunter2#x@cache",
		"question mark in it":          "redis://:hunter2?x@cache",
		"percent in the password":      "redis://:hunter2%zz@cache",
		"line break in the password":   "redis://:hunter2\n@cache",
		"blank in the password":        "redis://:hunter2 x@cache",
		"port of letters":              "redis://cache:hunter2",
		"port 0":                       "redis://:hunter2@cache:0",
		"port 65536":                   "redis://:hunter2@cache:65536",
		"IPv6 without brackets":        "redis://:hunter2@2001:db8::1",
		"brackets without IPv6":        "redis://:hunter2@[cache]:6379",
		"open bracket":                 "redis://:hunter2@[::1:6379",
		"database of letters":          "redis://cache/hunter2",
		"negative database":            "redis://:hunter2@cache/-1",
		"path of two":                  "redis://:hunter2@cache/0/1",
		"empty fragment":               "redis://:hunter2@cache/0#",
		"parameter":                    "redis://cache?password=hunter2",
		"retries on the hot path":      "redis://:hunter2@cache?max_retries=9",
		"tls twice over":               "rediss://:hunter2@cache?tls=false",
		"several hosts":                "redis://:hunter2@a,b",
		"empty host in a list":         "redis-cluster://:hunter2@a,,b",
		"cluster with a database":      "redis-cluster://:hunter2@a/1",
		"cluster with a master":        "redis-cluster://:hunter2@a?master=main",
		"tls of neither value":         "redis-cluster://:hunter2@a?tls=yes",
		"tls given twice":              "redis-cluster://:hunter2@a?tls=true&tls=false",
		"sentinel without master":      "redis-sentinel://:hunter2@a",
		"sentinel, empty master":       "redis-sentinel://:hunter2@a?master=",
		"sentinel, parameter unknown":  "redis-sentinel://a?master=main&sentinel_pasword=hunter2",
		"sentinel, master given twice": "redis-sentinel://:hunter2@a?master=main&master=other",
		"query with a semicolon":       "redis-sentinel://:hunter2@a?master=main;tls=true",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := redisstore.ParseURL(text)
			if err == nil {
				t.Fatalf("ParseURL(%q) = %+v, want an error", text, got)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}
