package redisstore

import (
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options say where Redis is and how to treat it.
type Options struct {
	// URL is required; see ParseURL for its forms. It is a secret.
	URL string
	// KeyPrefix begins every key and channel: 1 to 64 letters, digits and
	// "._:-". Required.
	KeyPrefix string
	// Timeout bounds every call. Required.
	Timeout time.Duration
	// PoolSize is how many calls may be under way at once, each on its own
	// connection; for each node of a cluster. Zero is go-redis's default, 10 for each
	// of GOMAXPROCS (5 in a cluster); at most 10000. Watch has one more.
	PoolSize int
	// Now is the clock that sessions are made by; nil is time.Now.
	Now func() time.Time
	// Observe, if not nil, is told of every call. The operations are those below.
	Observe Observer
}

// prefixPattern excludes braces, which would move the hash tag of a cluster.
var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// maxPoolSize bounds Options.PoolSize: more than any Redis serves.
const maxPoolSize = 10_000

// Validate reports every fault of the options at once by the name of the option,
// url, key_prefix, timeout or pool_size. No message shows a part of the URL.
func (o Options) Validate(report func(option, message string)) {
	if _, err := ParseURL(o.URL); err != nil {
		report("url", err.Error())
	}
	if !prefixPattern.MatchString(o.KeyPrefix) {
		report("key_prefix", "must be 1 to 64 letters, digits and : . _ -")
	}
	if o.Timeout <= 0 {
		report("timeout", "must be longer than 0s")
	}
	if o.PoolSize < 0 || o.PoolSize > maxPoolSize {
		report("pool_size", fmt.Sprintf("must be between 0 and %d", maxPoolSize))
	}
}

// validate is Validate as one error.
func (o Options) validate() error {
	var faults []error
	o.Validate(func(option, message string) {
		faults = append(faults, fmt.Errorf("%s %s", option, message))
	})
	return errors.Join(faults...)
}

// client returns go-redis's options. Their retries are off: a caller with a
// deadline is better told at once, and a repeated Create would be a second one. In a
// cluster a node that refers to another one is followed nevertheless, a few times.
func (u URL) client(o Options) *redis.UniversalOptions {
	c := &redis.UniversalOptions{
		Addrs: u.Addresses, IsClusterMode: u.Cluster, MasterName: u.Master, DB: u.Database,
		Username: u.Username, Password: u.Password,
		SentinelUsername: u.SentinelUsername, SentinelPassword: u.SentinelPassword,

		ContextTimeoutEnabled: true,
		DialTimeout:           o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout,
		MaxRetries: -1, DialerRetries: 1,
		PoolSize: o.PoolSize,
		// Pipelines share the pool, so that there is one size to set.
		PipelinePoolSize: -1,
		// Nothing of RESP3 is used, and every server and proxy knows RESP2.
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if u.TLS {
		// The server's name is that of the address dialled.
		c.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return c
}
