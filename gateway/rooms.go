package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/login"
	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/sqlstore"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/gateway/token"
	"faveo-gateway/gateway/trace"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/laravel"
	"faveo-gateway/upstream/proxy"
)

// rooms are the opened parts of a Gateway, before the stages are put in front.
type rooms struct {
	faveo    *faveo.DB
	state    *sqlstore.Store
	redis    *redisstore.Store
	ring     *keyring.Ring
	tokens   tokens
	bridge   *token.Bridge
	sessions sessions
	// limits counts in Redis, and in memory while Redis fails.
	limits limit.Store
	trail  trail
	keys   apiKeys
	proxy  *proxy.Proxy
	// observer, login and facts have metrics or a memory, which outlive a reload.
	observer   *stage.Observer
	login      *login.Service
	facts      facts
	publicKeys *publicKeys
	// traces is nil where nothing is traced.
	traces *trace.Tracer
}

// open opens every part in the order in which they depend on each other. It is
// one straight line on purpose: what a setting breaks is named by its key here.
func (g *Gateway) open(ctx context.Context, o Options, r prometheus.Registerer) (_ *rooms, err error) {
	var (
		c       = o.Config
		depends = newDependencyMetrics(r)
		s       = &rooms{}
	)
	if g.settings.policy, err = loadPolicy(c); err != nil {
		return nil, err
	}
	g.settings.metrics.hash.set(c, g.settings.policy)
	if s.traces, err = g.openTraces(o); err != nil {
		return nil, fmt.Errorf("observability.tracing: %w", err)
	}
	if s.faveo, err = openFaveo(ctx, c, o.Log, depends.observer(dependencyDatabase, s.traces)); err != nil {
		return nil, fmt.Errorf("faveo.database: %w", err)
	}
	g.onStop("faveo database", g.closes(s.faveo.Close))
	if s.state, err = openState(ctx, c, depends.observer(dependencyState, s.traces)); err != nil {
		return nil, fmt.Errorf("%s: %w", stateKey(c), err)
	}
	g.onStop("state database", g.closes(s.state.Close))
	if s.trail, err = g.openTrail(o, s.state, r); err != nil {
		return nil, fmt.Errorf("observability.audit: %w", err)
	}
	if s.redis, err = openRedis(ctx, c, depends.observer(dependencyRedis, s.traces)); err != nil {
		return nil, fmt.Errorf("redis.url: %w", err)
	}
	g.onStop("redis", g.closes(s.redis.Close))
	s.limits = limit.NewFallback(limit.FallbackOptions{
		Shared: s.redis.Limits(), Local: limit.NewLocal(limit.LocalOptions{}), Log: o.Log, Registerer: r,
	})
	if s.ring, err = openRing(ctx, o, s.state, s.redis.Registry(), s.trail.signingKey, r); err != nil {
		return nil, err
	}
	if err := s.beginAdoption(ctx); err != nil {
		return nil, fmt.Errorf("redis.url: %w", err)
	}
	if err := s.openTokens(c, r); err != nil {
		return nil, err
	}
	s.openSessions(c, r)
	g.background("signing keys", s.ring.Run)
	g.background("cost of password hashes", s.faveo.WatchHashes)
	if s.keys, err = openAPIKeys(o, s, r); err != nil {
		return nil, fmt.Errorf("api_keys.pepper: %w", err)
	}
	g.background("use of API keys", s.keys.door.Run)
	g.background("news of other replicas", watch(s, r))
	g.background("census of sessions", session.NewCensus(s.redis, censusEvery, r).Run)
	if s.proxy, err = openProxy(c, o.Log, r); err != nil {
		return nil, fmt.Errorf("faveo.urls: %w", err)
	}
	g.onStop("proxy", g.closes(func() error { s.proxy.Close(); return nil }))
	g.background("health of upstreams", s.proxy.Run)
	s.openPublic(o, r)
	s.trail.start(o, len(g.settings.policy.Rules()))
	return s, s.shakeHands(ctx, c, o.Log)
}

// closes fits a store's Close to a cleanup. A connection that had broken before
// cannot be closed in good order; that is no failure of the drain.
func (g *Gateway) closes(clean func() error) func(context.Context) error {
	return func(context.Context) error {
		if err := clean(); err != nil {
			g.log.Debug("a store did not close in good order", slog.Any("error", err))
		}
		return nil
	}
}

// loadPolicy reads the rules, the only part of a configuration that Load of
// package config does not judge.
func loadPolicy(c *config.Config) (*policy.Engine, error) {
	engine, err := policy.Load(c.Policy)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return engine, nil
}

// Check judges offline what New would load besides the configuration itself.
func Check(c *config.Config) error {
	_, err := loadPolicy(c)
	return errors.Join(err, checkCertificates(c))
}

// openTokens makes what issues and checks the gateway's tokens, and what mints
// those that PHP gets to see.
func (s *rooms) openTokens(c *config.Config, r prometheus.Registerer) (err error) {
	options := token.Options{
		Keys: s.ring, Config: c.Tokens, AppClass: c.Faveo.JWTAppClass, FaveoSecret: c.Faveo.JWTSecret.Reveal(), Registerer: r,
	}
	if s.tokens.issuer, err = token.NewIssuer(options); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	if s.tokens.verifier, err = token.NewVerifier(options); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	if s.bridge, err = token.NewBridge(bridgeOptions(c)); err != nil {
		return fmt.Errorf("faveo.jwt_secret: %w", err)
	}
	return nil
}

func bridgeOptions(c *config.Config) token.BridgeOptions {
	return token.BridgeOptions{
		Secret:   c.Faveo.JWTSecret.Reveal(),
		AppClass: c.Faveo.JWTAppClass,
		Issuer:   c.Tokens.Issuer,
	}
}

// checkURLPath is the route, below the base path, that both Faveo and a gateway answer to
// anybody, and that changes nothing.
const checkURLPath = "api/v1/helpdesk/check-url"

// openSessions makes what answers for the sessions of tokens.
func (s *rooms) openSessions(c *config.Config, r prometheus.Registerer) {
	manager := session.NewManager(session.Options{
		Store: s.redis, Accounts: accounts{s.faveo}, Config: c.Sessions, Failure: c.Failure, Registerer: r,
	})
	s.sessions = sessions{manager: manager, life: c.Tokens.TTL, refreshable: c.Tokens.RefreshTTL, now: time.Now}
}

// beginAdoption notes in Redis that nothing which ended is forgotten, where nobody has used
// this installation yet: then tokens of Faveo's from before can be adopted.
func (s *rooms) beginAdoption(ctx context.Context) error {
	if !s.ring.First() {
		return nil
	}
	return s.redis.BeginAdoption(ctx)
}

func openProxy(c *config.Config, log *slog.Logger, r prometheus.Registerer) (*proxy.Proxy, error) {
	upstreams, err := c.Faveo.Upstreams()
	if err != nil {
		return nil, err
	}
	return proxy.New(proxy.Options{
		Upstreams:  upstreams,
		Config:     c.Proxy,
		Identify:   stage.Identify,
		ProbePath:  c.Server.BasePath + "/" + checkURLPath,
		Registerer: r,
		Log:        log,
	})
}

// checks are the parts of /readyz.
func (s *rooms) checks() []admin.Check {
	return []admin.Check{
		{Name: string(dependencyDatabase), Probe: s.faveo.Ping},
		{Name: string(dependencyState), Probe: s.state.Ping},
		{Name: string(dependencyRedis), Probe: s.redis.Ping},
		{Name: string(dependencyUpstream), Probe: s.proxy.Probe},
	}
}

// privateDoor is what the private listener is made of.
func (g *Gateway) privateDoor(o Options, gatherer prometheus.Gatherer) admin.Options {
	s := g.rooms
	host, _, _ := net.SplitHostPort(o.Config.Admin.Listen) // Validated with the configuration.
	return admin.Options{
		Gatherer: gatherer, Checks: s.checks(), CheckTimeout: readinessTimeout,
		Token: o.Config.Admin.Token.Reveal(), ListenHost: strings.ToLower(host), Hosts: o.Config.Admin.Hosts,
		Keys:     keyDesk{s.ring, s.sessions.manager, s.trail},
		Sessions: sessionDesk{s.sessions.manager, s.trail},
		APIKeys: apiKeyDesk{
			keeper: s.keys.keeper, accounts: accounts{s.faveo}, overlap: o.Config.APIKeys.RotationOverlap, trail: s.trail, now: time.Now,
		},
		Lockouts: lockoutDesk{s.limits, s.trail},
		Audit:    auditDesk{s.trail},
		Policy:   policyDesk{g.engine, time.Now},

		Configuration: configDesk{g},
		Observe:       s.trail.admin,
		Log:           o.Log,
	}
}

// openPublic makes what the public listener stands on besides the stores, and what a
// reload leaves as it is: see frontDoor.
func (s *rooms) openPublic(o Options, r prometheus.Registerer) {
	c := o.Config
	directory := newDirectory(s.faveo, c.Faveo.MaxConnections, c.Faveo.JWTSecret.Reveal())
	s.login = login.New(login.Options{
		Config: c.Login, Directory: directory, Hashes: directory, Sessions: s.sessions,
		Tokens: s.tokens, Limits: s.limits, PerAccount: directory.perAccount,
		Observe: s.trail.login, Registerer: r, Log: o.Log,
	})
	s.observer = stage.NewObserver(stage.Peers{}, o.Log, stageTracer(s.traces), r)
	s.facts = facts{faveo.NewObjects(s.faveo, faveo.MaxObjectAge, time.Now)}
	s.publicKeys = newPublicKeys(s.ring, c.Keys.PublishAhead)
}

// frontDoor puts the rooms behind the stages, as a configuration and its policy want them.
func (s *rooms) frontDoor(c *config.Config, engine *policy.Engine) frontDoor {
	peers := stage.NewPeers(c.Server.TrustedProxies).OverTLS(c.Server.TLS.On())
	limits := laravel.Limits{Body: c.Server.MaxBodyBytes, Parameters: c.Server.MaxParameterBytes}
	return frontDoor{
		basePath:    c.Server.BasePath,
		passthrough: c.Policy.Passthrough,
		peers:       peers,
		observer:    s.observer.Trusting(peers),
		reader:      laravel.NewReader(c.Server.BasePath, limits),
		trail:       s.trail,
		limiter:     stage.NewLimiter(s.limits, c.Limits),
		authenticator: &stage.Authenticator{
			Tokens: s.tokens, Sessions: s.sessions, APIKeys: s.keys, Sources: c.Tokens.Sources, BodyLimit: limits.Body,
		},
		authorizer: stage.NewAuthorizer(engine, s.facts, time.Now),
		checker:    s.faveo.AppendURLCheck,
		login: &login.Handler{
			Service:   s.login.With(c.Login),
			Canonical: stage.Canonical,
			LoadBody:  stage.LoadStrangersBody,
			ClientOf:  stage.ClientOf,
		},
		keys:   s.publicKeys,
		proxy:  s.proxy,
		bridge: s.bridge,
	}
}
