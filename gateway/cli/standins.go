package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/alicebob/miniredis/v2"

	"faveo-gateway/gateway/config"
	"faveo-gateway/upstream/standin"
)

// standins are the embedded parts of the demo: each a real server on a free
// port of loopback, so that the gateway runs exactly as it does with real ones.
type standins struct {
	redis      *miniredis.Miniredis
	stopTime   func()
	listener   net.Listener
	faveo      *http.Server
	directory  string
	database   string
	secret     string
	adminToken string
}

// startStandins starts all parts but the Faveo, which only listens yet. What a
// configuration replaces stays idle.
func startStandins(ctx context.Context) (_ *standins, err error) {
	s := &standins{secret: rand.Text() + rand.Text(), adminToken: rand.Text() + rand.Text(), redis: miniredis.NewMiniRedis()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := s.redis.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	s.letTimePass()
	if s.directory, err = os.MkdirTemp("", "faveo-gateway-demo-"); err != nil {
		return nil, fmt.Errorf("make a folder for the embedded database: %w", err)
	}
	if s.database, err = standin.CreateDatabase(ctx, filepath.Join(s.directory, "faveo.sqlite")); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the embedded Faveo: %w", err)
	}
	return s, nil
}

// letTimePass lets keys of the embedded Redis expire, which it does not do by
// itself, until close.
func (s *standins) letTimePass() {
	const step = time.Second
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(step); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				s.redis.FastForward(step)
			}
		}
	}()
	s.stopTime = func() {
		stop()
		<-done
	}
}

// serveFaveo starts the stand-in as the configuration has its Faveo: with that
// secret, below that path. It writes its tickets through to the demo's own
// database, so that the gateway knows whose they are, and never to a real one.
func (s *standins) serveFaveo(c *config.Config) {
	o := standin.Options{Secret: c.Faveo.JWTSecret.Reveal(), BasePath: c.Server.BasePath}
	if c.Faveo.Database.Reveal() == s.database {
		o.Database = s.database
	}
	faveo := standin.New(o)
	s.faveo = &http.Server{Handler: faveo, ReadHeaderTimeout: 5 * time.Second}
	go s.faveo.Serve(s.listener) //nolint:errcheck // It ends with ErrServerClosed, by close.
}

// settings are the configuration that leads to the parts.
func (s *standins) settings() map[string]string {
	return map[string]string{
		"faveo.urls":       "http://" + s.listener.Addr().String(),
		"faveo.database":   s.database,
		"faveo.jwt_secret": s.secret,
		"redis.url":        "redis://" + s.redis.Addr() + "/0",
		"state.database":   s.state(),
		"admin.token":      s.adminToken,
	}
}

// exports is the line that gives the admin token to the commands: the demo's own one,
// but never one that somebody has configured, and has.
func (s *standins) exports(token config.Secret) string {
	if token.Reveal() != s.adminToken {
		return ""
	}
	return "  export FAVEO_GATEWAY_ADMIN_TOKEN=" + s.adminToken + "\n"
}

// state is the database of the demo's own tables.
func (s *standins) state() string { return "sqlite://" + filepath.Join(s.directory, "gateway.sqlite") }

// keepable refuses a real state database when nothing that outlives the demo
// seals the key in it: neither the demo nor a gateway could open it again.
func (s *standins) keepable(c *config.Config) error {
	real := c.State.Database.Reveal() != s.state()
	if real && len(c.State.EncryptionKeys) == 0 && c.Faveo.JWTSecret.Reveal() == s.secret {
		return errors.New("state.encryption_keys: is needed when state.database is a real one and faveo.jwt_secret is the demo's")
	}
	return nil
}

// close stops what startStandins started.
func (s *standins) close() error {
	var faults []error
	if s.faveo != nil {
		faults = append(faults, s.faveo.Close())
	}
	if s.listener != nil {
		s.listener.Close() // Closed twice, unless the server never served.
	}
	if s.stopTime != nil {
		s.stopTime()
	}
	s.redis.Close()
	if s.directory != "" {
		faults = append(faults, os.RemoveAll(s.directory))
	}
	return errors.Join(faults...)
}
