package gateway

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/doctor"
)

// ExamineOptions are what an examination is made of.
type ExamineOptions struct {
	Config *config.Config
	// Faveo is what Faveo's .env says, if anything.
	Faveo config.FaveoFacts
	// Addresses are those of this machine beyond loopback; nil asks the system.
	Addresses func() ([]netip.Addr, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Examine asks everything that the gateway would stand on, without starting it and without
// changing anything there: no table is made, no session, no key. It opens what New opens,
// as far as reading goes, and closes it again. Nothing that can be wrong with a site is an
// error: it is in the report.
func Examine(ctx context.Context, o ExamineOptions) (r doctor.Report, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Addresses == nil {
		o.Addresses = ownAddresses
	}
	stores, err := openPatients(ctx, o.Config)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, stores.close()) }()
	php, err := newPHPPatient(o)
	if err != nil {
		return r, err
	}
	return doctor.Examine(ctx, doctor.Site{
		Settings: settingsOf(o),
		Redis:    stores.redisSite(),
		Database: stores.databaseSite(),
		State:    stores.stateSite(o.Config),
		PHP:      php.sites(),
		Public:   php.publicSite(o.Faveo, stores.faveo),
		Now:      o.Now,
	}), nil
}

func settingsOf(o ExamineOptions) doctor.Settings {
	c := o.Config
	s := doctor.Settings{
		Policy: func(context.Context) (int, error) {
			engine, err := loadPolicy(c)
			if err := errors.Join(err, checkCertificates(c)); err != nil {
				return 0, err
			}
			return len(engine.Rules()), nil
		},
		Warnings:      c.Warnings(o.Now()),
		SecretKnown:   config.KnownSecret(c.Faveo.JWTSecret.Reveal()),
		TokenLife:     c.Tokens.TTL,
		AdminToken:    !c.Admin.Token.IsZero(),
		TrustsProxies: len(c.Server.TrustedProxies) > 0,
		Front:         frontOf(c, o.Faveo.AppURL),
	}
	if o.Faveo.Known {
		s.Debug = &o.Faveo.Debug
	}
	return s
}

// frontOf says how it is known that a web server stands in front of the gateway.
func frontOf(c *config.Config, appURL string) string {
	host, _, _ := net.SplitHostPort(c.Server.Listen) // Validated with the configuration.
	if config.IsLoopback(host) {
		return "server.listen is a loopback address"
	}
	if u, err := url.Parse(appURL); err == nil && !c.Server.TLS.On() && strings.EqualFold(u.Scheme, "https") {
		return "APP_URL is https and the gateway listens without TLS"
	}
	return ""
}

// ownAddresses are those of this machine that others may reach it by. Link-local ones are
// left out: whoever uses them is in the same network as the others.
func ownAddresses() ([]netip.Addr, error) {
	networks, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var own []netip.Addr
	for _, network := range networks {
		prefix, err := netip.ParsePrefix(network.String())
		if address := prefix.Addr().Unmap(); err == nil && address.IsGlobalUnicast() {
			own = append(own, address)
		}
	}
	return own, nil
}
