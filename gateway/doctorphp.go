package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/doctor"
	"faveo-gateway/gateway/token"
	"faveo-gateway/upstream/faveo"
)

// phpPatient is PHP behind each of faveo.urls, and whoever is at the site's address.
type phpPatient struct {
	upstreams []*url.URL
	basePath  string
	// publicHost is the name under which the world asks; "" when it is not known.
	publicHost string
	client     *http.Client
	bridge     *token.Bridge
	addresses  func() ([]netip.Addr, error)
}

func newPHPPatient(o ExamineOptions) (*phpPatient, error) {
	c := o.Config
	upstreams, err := c.Faveo.Upstreams()
	if err != nil {
		return nil, err
	}
	minting := bridgeOptions(c)
	minting.Now = o.Now
	bridge, err := token.NewBridge(minting)
	if err != nil {
		return nil, err
	}
	client := directClient(nil)
	if secure, err := c.Proxy.TLS.Client(); err != nil {
		client.Transport = unable{fmt.Errorf("proxy.tls.%w", err)}
	} else {
		client = directClient(secure)
	}
	p := &phpPatient{upstreams: upstreams, basePath: c.Server.BasePath, client: client, bridge: bridge, addresses: o.Addresses}
	if site, err := url.Parse(o.Faveo.AppURL); err == nil {
		p.publicHost = site.Host
	}
	return p, nil
}

// unable is a transport that cannot be made; each request says why.
type unable struct{ why error }

// RoundTrip implements http.RoundTripper.
func (u unable) RoundTrip(*http.Request) (*http.Response, error) { return nil, u.why }

func (p *phpPatient) sites() []doctor.Upstream {
	var sites []doctor.Upstream
	for _, u := range p.upstreams {
		base := u.JoinPath(p.basePath)
		sites = append(sites, doctor.Upstream{
			Name:    u.Host,
			Answer:  func(ctx context.Context) (doctor.Answer, error) { return p.answer(ctx, base) },
			Bridge:  func(ctx context.Context) (doctor.Bridge, error) { return p.shake(ctx, base) },
			Clock:   func(ctx context.Context) (time.Time, error) { return p.clock(ctx, base) },
			Exposed: func(ctx context.Context) (doctor.Exposure, error) { return p.exposed(ctx, u) },
		})
	}
	return sites
}

func (p *phpPatient) answer(ctx context.Context, base *url.URL) (doctor.Answer, error) {
	got, err := ask(ctx, p.client, base.JoinPath(checkURLPath), "")
	if err != nil {
		return doctor.Answer{}, err
	}
	return doctor.Answer{Status: got.status, Server: got.header.Get("Server")}, nil
}

func (p *phpPatient) shake(ctx context.Context, base *url.URL) (doctor.Bridge, error) {
	err := handshake(ctx, p.client, base, func() (string, error) { return p.bridge.Mint(nobody, "doctor") })
	if errors.Is(err, errWrongSecret) {
		return doctor.BridgeRefused, nil
	}
	return doctor.BridgeAccepted, err
}

func (p *phpPatient) clock(ctx context.Context, base *url.URL) (time.Time, error) {
	got, err := ask(ctx, p.client, base.JoinPath(checkURLPath), "")
	if err != nil {
		return time.Time{}, err
	}
	date, err := http.ParseTime(got.header.Get("Date"))
	if err != nil {
		return time.Time{}, doctor.ErrNoDate
	}
	return date, nil
}

// exposed asks at every address of this machine beyond loopback for what is at the port of
// an upstream on this machine.
func (p *phpPatient) exposed(ctx context.Context, u *url.URL) (doctor.Exposure, error) {
	own, err := p.addresses()
	if err != nil {
		return doctor.Exposure{}, fmt.Errorf("list the addresses of this machine: %w", err)
	}
	here, err := isHere(ctx, u.Hostname(), own)
	if err != nil {
		return doctor.Exposure{}, err
	}
	if !here {
		return doctor.Exposure{Elsewhere: true}, nil
	}
	var (
		found = doctor.Exposure{Tried: make([]string, len(own))}
		open  = make([]bool, len(own))
		all   sync.WaitGroup
	)
	for i, address := range own {
		at := &url.URL{Scheme: u.Scheme, Host: net.JoinHostPort(address.String(), portOf(u))}
		found.Tried[i] = at.Host
		all.Go(func() { open[i] = p.faveoAt(ctx, at, u.Host) })
	}
	all.Wait()
	for i, at := range found.Tried {
		if open[i] {
			found.Open = append(found.Open, at)
		}
	}
	return found, nil
}

// faveoAt asks by each name that a virtual host may have: who goes around the gateway may
// send any.
func (p *phpPatient) faveoAt(ctx context.Context, at *url.URL, upstreamHost string) bool {
	for _, host := range []string{upstreamHost, p.publicHost, at.Host} {
		if host == "" {
			continue
		}
		who, err := whoAnswers(ctx, strangersClient(host), at, p.basePath, host)
		if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
			return false // Nobody is there, whatever the name.
		}
		if err == nil && who == doctor.AnswererFaveo {
			return true
		}
	}
	return false
}

// isHere reports whether a host is this machine: all of its addresses are.
func isHere(ctx context.Context, host string, own []netip.Addr) (bool, error) {
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false, err
	}
	for _, address := range found {
		if address = address.Unmap(); !address.IsLoopback() && !slices.Contains(own, address) {
			return false, nil
		}
	}
	return true, nil
}

func portOf(u *url.URL) string {
	switch port := u.Port(); {
	case port != "":
		return port
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// publicSite finds the site's own address, by Faveo's .env or its settings, and asks who
// is there.
func (p *phpPatient) publicSite(facts config.FaveoFacts, db *faveo.DB) doctor.Probe[doctor.Public] {
	return func(ctx context.Context) (doctor.Public, error) {
		found := doctor.Public{URL: facts.AppURL, Source: "APP_URL"}
		if found.URL == "" {
			// A database that does not answer is told of elsewhere, and knows no address.
			found.URL, _ = db.SiteURL(ctx)
			found.Source = "settings_system.url"
		}
		if found.URL == "" {
			return found, nil
		}
		origin, base, err := siteOf(found.URL)
		if err != nil {
			return doctor.Public{}, err
		}
		found.URL = withoutSecrets(found.URL)
		visitor := directClient(nil)
		visitor.CheckRedirect = nil // As a browser does, up to ten times; nothing secret is sent.
		found.Who, found.Fault = whoAnswers(ctx, visitor, origin, base, "")
		return found, nil
	}
}
