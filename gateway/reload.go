package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/config"
	"faveo-gateway/policy"
)

// ErrFixed means that a Gateway was made without a way to read its configuration again.
var ErrFixed = errors.New("the configuration of this gateway cannot be read again")

// settings are the configuration in force, and the way to another one.
type settings struct {
	read func() (*config.Config, error)

	mu      sync.Mutex // one reload at a time
	config  *config.Config
	policy  *policy.Engine
	metrics *reloadMetrics
}

// Reload reads the configuration again and takes over what a running gateway can. It is
// all or nothing: with any fault, in the file, in a policy or in a certificate, everything
// stays as it is, and the error is that fault. No request is lost, and those under way are
// judged by the settings that they began with.
//
// What Reload cannot take over is in Change.Restart and stays as it is.
func (g *Gateway) Reload(ctx context.Context) (config.Change, error) {
	s := &g.settings
	s.mu.Lock()
	defer s.mu.Unlock()
	change, err := g.reload()
	s.metrics.observe(err)
	g.tellReload(ctx, change, err)
	return change, err
}

// reload is Reload, and tells nobody.
func (g *Gateway) reload() (config.Change, error) {
	s := &g.settings
	if s.read == nil {
		return config.Change{}, ErrFixed
	}
	next, err := s.read()
	if err != nil {
		return config.Change{}, err
	}
	next, change := s.config.Adopt(next)
	engine, err := loadPolicy(next)
	if err != nil {
		return config.Change{}, err
	}
	useCertificates, err := g.prepareCertificates(next)
	if err != nil {
		return config.Change{}, err
	}
	if err := g.rooms.takeOver(next); err != nil {
		return config.Change{}, err
	}
	// From here on nothing can fail.
	served := g.certificates.serving()
	useCertificates()
	serving := g.certificates.serving()
	for _, key := range slices.Sorted(maps.Keys(serving)) {
		noteContent(&change, key, serving[key].Equal(served[key]))
	}
	noteContent(&change, "policy.files", engine.Digest() == s.policy.Digest())
	g.front.exchange(routes(g.rooms.frontDoor(next, engine)), boundsOf(next.Server))
	if g.logLevel != nil {
		g.logLevel.Set(next.Observability.Log.Level.Level())
	}
	g.warnOfNew(s.config, next)
	s.config, s.policy = next, engine
	s.metrics.hash.set(next, engine)
	return change, nil
}

// noteContent notes a file that has the same name and another content.
func noteContent(change *config.Change, key string, same bool) {
	if !same && !slices.Contains(change.Taken, key) {
		change.Taken = append(change.Taken, key)
	}
}

// warnOfNew tells the log what is unwise in a configuration that is taken over, as a start
// would. What was so before has been told.
func (g *Gateway) warnOfNew(before, next *config.Config) {
	now := time.Now()
	told := before.Warnings(now)
	for _, warning := range next.Warnings(now) {
		if !slices.Contains(told, warning) {
			g.log.Warn(warning)
		}
	}
}

// engine is the policy in force.
func (g *Gateway) engine() *policy.Engine {
	g.settings.mu.Lock()
	defer g.settings.mu.Unlock()
	return g.settings.policy
}

// tellReload tells the log and the audit trail.
func (g *Gateway) tellReload(ctx context.Context, change config.Change, err error) {
	event := audit.Event{Kind: audit.KindConfiguration, Outcome: audit.Success, Actor: actorGateway}
	if who := admin.CallerOf(ctx); who != (admin.Caller{}) {
		event = byOperator(ctx, event)
	}
	taken, restart := strings.Join(change.Taken, ", "), strings.Join(change.Restart, ", ")
	switch {
	case err != nil:
		event.Outcome, event.Detail = audit.Failed, "reload refused"
		g.log.ErrorContext(ctx, "the configuration was not reloaded; the one before stays", slog.Any("error", err))
	case restart != "":
		event.Detail = fmt.Sprintf("reloaded: %s; restart needed: %s", taken, restart)
		g.log.WarnContext(ctx, "the configuration was reloaded, and some of it needs a restart", slog.String("taken", taken), slog.String("restart", restart))
	case taken == "":
		g.log.InfoContext(ctx, "the configuration was read again, and nothing in it has changed")
	default:
		event.Detail = "reloaded: " + taken
		g.log.InfoContext(ctx, "the configuration was reloaded", slog.String("taken", taken))
	}
	if err != nil || taken != "" || restart != "" {
		g.rooms.trail.Record(event)
	}
}

// reloadMetrics are what the gateway exports of its configuration.
type reloadMetrics struct {
	// successful is whether the last reload took effect.
	successful prometheus.Gauge
	// timestamp is when the configuration in force was read.
	timestamp prometheus.Gauge
	hash      configHash
	now       func() time.Time
}

func newReloadMetrics(r prometheus.Registerer) *reloadMetrics {
	m := &reloadMetrics{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "faveo_gateway_config_last_reload_successful",
			Help: "Whether the last reload of the configuration took effect; 1 after the start.",
		}),
		timestamp: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "faveo_gateway_config_last_reload_timestamp_seconds",
			Help: "When the configuration in force was read, at the start or by the last reload that took effect.",
		}),
		hash: newConfigHash(r),
		now:  time.Now,
	}
	r.MustRegister(m.successful, m.timestamp)
	m.observe(nil)
	return m
}

func (m *reloadMetrics) observe(err error) {
	if err != nil {
		m.successful.Set(0)
		return
	}
	m.successful.Set(1)
	m.timestamp.Set(float64(m.now().UnixMilli()) / 1000)
}

// watchConfig reloads when a file of the configuration is not as it is known any more.
func (g *Gateway) watchConfig(files []string, known [sha256.Size]byte) func(context.Context) error {
	return func(ctx context.Context) error {
		looks := time.NewTicker(lookEvery)
		defer looks.Stop()
		watchFiles(ctx, known, looks.C, func() []string { return watched(files, g.configuration()) }, func(ctx context.Context) {
			_, _ = g.Reload(ctx) // It tells of its faults itself.
		})
		return nil
	}
}

// configuration is the one in force.
func (g *Gateway) configuration() *config.Config {
	g.settings.mu.Lock()
	defer g.settings.mu.Unlock()
	return g.settings.config
}

// watched are the files that a configuration is read from, and those that it names.
func watched(files []string, c *config.Config) []string {
	return slices.Concat(files, c.Policy.Files, c.Server.TLS.Files().List(), c.Admin.TLS.Files().List(), c.Proxy.TLS.Files())
}

// takeOver gives the rooms what they can take over, all of it or nothing. It is the last
// step that can fail.
func (s *rooms) takeOver(c *config.Config) error {
	upstreams, err := c.Faveo.Upstreams()
	if err != nil {
		return fmt.Errorf("faveo.urls: %w", err)
	}
	return s.proxy.Replace(upstreams, c.Proxy)
}
