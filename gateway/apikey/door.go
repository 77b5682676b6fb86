package apikey

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/limit"
)

// Options are what a Door is made of.
type Options struct {
	// Store, Cache, Settings and Limits are required.
	Store    Store
	Cache    Cache
	Settings Settings
	// Limits counts for Config.PerAddress.
	Limits limit.Source
	// Pepper is required, and the same for all replicas.
	Pepper Pepper
	// Config should have passed Validate.
	Config Config
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Registerer receives the metrics; nil for none.
	Registerer prometheus.Registerer
	// Log is told what Run cannot do, and of records that were altered; nil means nobody
	// is.
	Log *slog.Logger
}

// Door checks the API keys of requests. It is safe for concurrent use.
type Door struct {
	required      Required
	checker       *checker
	installations *installations
	metrics       *metrics
	log           *slog.Logger
}

// NewDoor returns a Door. It panics without what is required, which only a program that
// was never run can forget.
func NewDoor(o Options) *Door {
	if o.Store == nil || o.Cache == nil || o.Settings == nil || o.Limits == nil || o.Pepper.isZero() {
		panic("apikey: a Door needs a Store, a Cache, Settings, Limits and a Pepper")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m, s := newMetrics(o.Registerer), shared{cache: o.Cache, pepper: o.Pepper, now: o.Now}
	return &Door{
		required: o.Config.Required, checker: newChecker(o, s, m), installations: newInstallations(o, s),
		metrics: m, log: o.Log,
	}
}

// Admit says whether a request with that API key may go on; text is "" for none, and
// address the client's. A managed key is returned, and is good for no more than its
// Scopes; without an error and without a key none was needed, or it was Faveo's own.
//
// A text that begins like a managed key is one, and has to be right whether any is
// required or not. Any other text is looked at only where a key is required, and is then
// Faveo's own or wrong.
//
// The refusals are ErrInvalid, ErrRevoked, ErrExpired and ErrNetwork of a managed key, the
// last three within a *Refusal, and ErrWrongKey and ErrNotEnabled. *TooMany refuses to look
// a managed key up (429). Any other error includes ErrUnavailable and means
// that nobody can tell now (503), or that ctx ended while another request's read was
// waited for; then it includes ctx's error too.
func (d *Door) Admit(ctx context.Context, text, address string) (*identity.Key, error) {
	if strings.HasPrefix(text, prefix) {
		key, err := d.checker.check(ctx, text, address)
		d.metrics.checked(managed, err)
		return key, err
	}
	r, err := d.withoutManaged(ctx, text)
	d.metrics.checked(r, err)
	return nil, err
}

// withoutManaged is Admit for a request without a managed key.
func (d *Door) withoutManaged(ctx context.Context, text string) (result, error) {
	if d.required == RequiredNever {
		return notNeeded, nil
	}
	i, err := d.installations.find(ctx)
	if err != nil {
		return notNeeded, err
	}
	if d.required == RequiredByFaveo {
		switch {
		case !i.Mandatory:
			return notNeeded, nil
		case !i.Enabled:
			return notNeeded, ErrNotEnabled
		}
	}
	if !i.isKey(d.installations.pepper, text) {
		return notNeeded, ErrWrongKey
	}
	return installationKey, nil
}

// Drop takes the news that the managed key of that id has changed, and with "" that any
// may have. It never blocks on a store, and can be handed to a Store's watch as it is.
func (d *Door) Drop(id string) { d.checker.drop(id) }

// Run stores now and then when keys were last used, until ctx ends, and then a last time.
// It returns nil.
func (d *Door) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	defer d.checker.flush(ctx, d.log)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			d.checker.flush(ctx, d.log)
		}
	}
}
