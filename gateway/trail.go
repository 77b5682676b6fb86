package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/sqlstore"
)

// trail is the audit trail, and how the rooms write into it: see trailevents.go for
// what each of them tells.
type trail struct {
	*audit.Trail
	// store has the entries when they are in the database, else it is nil.
	store audit.Store
	keys  audit.Keys
}

// openTrail opens the trail where the configuration wants it. It is closed after all
// that writes into it, and before the database.
func (g *Gateway) openTrail(o Options, state *sqlstore.Store, r prometheus.Registerer) (t trail, err error) {
	c := o.Config.Observability.Audit
	if t.keys, err = audit.NewKeys(trailSecrets(o.Config)...); err != nil {
		return trail{}, err
	}
	options := audit.Options{Keys: t.keys, Log: o.Log, Registerer: r}
	switch c.To {
	case audit.ToDatabase:
		t.store, options.Sink = state, state
	case audit.ToFile:
		file, err := audit.OpenFile(c.File, t.keys, o.Log)
		if err != nil {
			return trail{}, fmt.Errorf("file: %w", err)
		}
		g.onStop("audit file", g.closes(file.Close))
		options.Sink = file
	case audit.ToStdout:
		options.Sink = audit.NewStream(os.Stdout)
	}
	if t.Trail, err = audit.New(options); err != nil {
		return trail{}, err
	}
	g.background("audit trail", t.Run)
	g.onStop("writing of the audit trail", g.finishes(t.Trail))
	if c.Keep > 0 {
		g.background("old entries of the audit trail", audit.NewPruner(state, t.keys, c.Keep, o.Log, nil).Run)
	}
	return t, nil
}

// trailGrace is how long the last events may take when the gateway stops: whoever stops
// it waits for no store that is down. They are in the log then. It is theirs alone: a
// request that has used up the grace of the others takes nothing from it.
const trailGrace = 5 * time.Second

// finishes fits the end of a trail to a cleanup.
func (g *Gateway) finishes(t *audit.Trail) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), trailGrace)
		defer cancel()
		if err := t.Close(ctx); err != nil {
			g.log.Error("the last events are not in the audit trail", slog.Any("error", err))
		}
		return nil
	}
}

// trailSecrets are what the keys of the trail are derived from.
func trailSecrets(c *config.Config) []string {
	if secrets := c.State.RevealKeys(); len(secrets) > 0 {
		return secrets
	}
	return []string{c.Faveo.JWTSecret.Reveal()}
}
