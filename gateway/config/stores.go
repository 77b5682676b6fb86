package config

import (
	"fmt"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/upstream/database"
)

// Redis is the section `redis`: sessions and their revocation.
type Redis struct {
	// URL is the server, the cluster or the sentinels, in one of
	// redisstore.Forms. Default "redis://127.0.0.1:6379/0".
	URL Secret `yaml:"url"`
	// KeyPrefix begins the name of every key, so that a server can be shared.
	// Default "fgw:".
	KeyPrefix string `yaml:"key_prefix"`
	// Timeout bounds one command. Default 500ms.
	Timeout time.Duration `yaml:"timeout"`
	// PoolSize bounds the connections, to each node of a cluster. Zero, the
	// default, is ten for each processor of Go's scheduler, five in a cluster.
	PoolSize int `yaml:"pool_size"`
}

func defaultRedis() Redis {
	return Redis{URL: NewSecret("redis://127.0.0.1:6379/0"), KeyPrefix: "fgw:", Timeout: 500 * time.Millisecond}
}

// Validate reports every fault of r by its path below `redis`. Those of the URL
// show nothing of it.
func (r Redis) Validate(report func(path, message string)) {
	// The room calls its options as the keys are called.
	redisstore.Options{
		URL: r.URL.Reveal(), KeyPrefix: r.KeyPrefix, Timeout: r.Timeout, PoolSize: r.PoolSize,
	}.Validate(report)
}

// State is the section `state`: the gateway's own tables.
type State struct {
	// Database is where they are, in the forms of faveo.database. Absent, the
	// default, is faveo.database.
	Database Secret `yaml:"database"`
	// Timeout bounds one question to it; creating or upgrading the tables has two
	// minutes. Default 2s.
	Timeout time.Duration `yaml:"timeout"`
	// EncryptionKeys seal the signing keys in these tables, 32 bytes each in
	// base64 or hexadecimal. The first one seals, all of them open. Absent, the
	// default, derives one from faveo.jwt_secret.
	EncryptionKeys []Secret `yaml:"encryption_keys"`
}

func defaultState() State { return State{Timeout: 2 * time.Second} }

// Validate reports every fault of s by its path below `state`.
func (s State) Validate(report func(path, message string)) {
	positive("timeout", s.Timeout, report)
	if !s.Database.IsZero() {
		if _, err := database.Parse(s.Database.Reveal()); err != nil {
			report("database", err.Error())
		}
	}
	seen := map[string]bool{}
	for i, k := range s.EncryptionKeys {
		path := fmt.Sprintf("encryption_keys[%d]", i)
		parsed, err := keyring.ParseEncryptionKey(k.Reveal())
		switch {
		case err != nil:
			report(path, err.Error())
		case seen[parsed.ID()]:
			report(path, "is given twice")
		}
		seen[parsed.ID()] = true
	}
}

// RevealKeys returns the texts of EncryptionKeys.
func (s State) RevealKeys() []string {
	texts := make([]string, len(s.EncryptionKeys))
	for i, k := range s.EncryptionKeys {
		texts[i] = k.Reveal()
	}
	return texts
}
