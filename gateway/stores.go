package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/sqlstore"
	"faveo-gateway/upstream/faveo"
)

func openFaveo(ctx context.Context, c *config.Config, log *slog.Logger, observe observer) (*faveo.DB, error) {
	db, err := faveo.Open(ctx, faveoOptions(c, observe))
	if err != nil {
		return nil, err
	}
	// The version is read from Faveo's tables: a database that is not Faveo's is
	// found out here.
	version, err := db.Version(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if version.Assumed {
		log.Warn("the database does not name a known version of Faveo; set faveo.version if it is older than 2",
			slog.String("stored", version.Stored), slog.String("assumed", string(version.Shape)))
	}
	// Before the first login, whose time would tell what nobody has measured.
	if err := db.MeasureHashes(ctx); err != nil {
		log.Warn("how long a password hash takes could not be measured; it is tried again", slog.Any("error", err))
	}
	return db, nil
}

// faveoOptions, stateOptions and redisOptions are how a store is opened, for a gateway and
// for the doctor, whose observe is nil.
func faveoOptions(c *config.Config, observe observer) faveo.Options {
	return faveo.Options{
		Database:         c.Faveo.Database.Reveal(),
		Timeout:          c.Faveo.Timeout,
		MaxConnections:   c.Faveo.MaxConnections,
		Version:          c.Faveo.Version,
		PublicPath:       c.Faveo.PublicPath,
		HideInternalNote: c.Login.HideInternalNote,
		Observe:          observe,
	}
}

func stateOptions(c *config.Config, observe observer) sqlstore.Options {
	return sqlstore.Options{Database: stateURL(c), Timeout: c.State.Timeout, Observe: observe}
}

func redisOptions(c *config.Config, observe observer) redisstore.Options {
	return redisstore.Options{
		URL:       c.Redis.URL.Reveal(),
		KeyPrefix: c.Redis.KeyPrefix,
		Timeout:   c.Redis.Timeout,
		PoolSize:  c.Redis.PoolSize,
		Observe:   observe,
	}
}

// stateURL is where the gateway's own tables are: in Faveo's database unless the
// site gives them another.
func stateURL(c *config.Config) string {
	if own := c.State.Database.Reveal(); own != "" {
		return own
	}
	return c.Faveo.Database.Reveal()
}

// stateKey is the key that stateURL came from.
func stateKey(c *config.Config) string {
	if c.State.Database.Reveal() != "" {
		return "state.database"
	}
	return "state.database (which is faveo.database)"
}

// Migrate creates or upgrades the gateway's own tables and returns what it
// applied. It needs nothing but the database.
func Migrate(ctx context.Context, c *config.Config) (applied []string, err error) {
	store, err := sqlstore.Open(ctx, stateOptions(c, nil))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", stateKey(c), err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if applied, err = store.Migrate(ctx); err != nil {
		return applied, fmt.Errorf("%s: %w", stateKey(c), err)
	}
	return applied, nil
}

// openState also brings the tables up to date: a lock in the database lets one
// replica do it, and a user without the right to is told so by name.
func openState(ctx context.Context, c *config.Config, observe observer) (*sqlstore.Store, error) {
	store, err := sqlstore.Open(ctx, stateOptions(c, observe))
	if err != nil {
		return nil, err
	}
	if _, err := store.Migrate(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

func openRedis(ctx context.Context, c *config.Config, observe observer) (*redisstore.Store, error) {
	store, err := redisstore.Open(ctx, redisOptions(c, observe))
	if err != nil {
		return nil, err
	}
	if err := store.Ping(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// openRing opens the key ring, which shows this replica to the others by the name
// of its host.
func openRing(
	ctx context.Context, o Options, store keyring.Store, registry keyring.Registry, observe func(context.Context, keyring.Change), r prometheus.Registerer,
) (*keyring.Ring, error) {
	c := o.Config
	sealing, err := sealingKeys(c)
	if err != nil {
		return nil, fmt.Errorf("state.encryption_keys: %w", err)
	}
	return keyring.Open(ctx, keyring.Options{
		Store: store, Registry: registry, EncryptionKeys: sealing,
		Algorithm: c.Tokens.Algorithm, Config: c.Keys, MaxTTL: c.Tokens.MaxTTL,
		Self: keyring.Self{Host: hostName(), Version: o.Build.Version}, Registerer: r, Log: o.Log, Observe: observe,
	})
}

// sealingKeys are the encryption keys of the signing keys: those of the site, or one that
// is derived from Faveo's secret.
func sealingKeys(c *config.Config) ([]string, error) {
	if keys := c.State.RevealKeys(); len(keys) > 0 {
		return keys, nil
	}
	derived, err := keyring.DeriveEncryptionKey(c.Faveo.JWTSecret.Reveal())
	return []string{derived}, err
}

// hostName names this replica to the others and to who collects traces.
func hostName() string {
	host, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return host
}
