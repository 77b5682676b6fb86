package apikey

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"
)

// maxInstallationKey is how many bytes an installation key may have; the column has 255
// characters. What is longer is wrong, and not even digested.
const maxInstallationKey = 1024

// installationDocument is an Installation as it is sealed and remembered: its key only as
// a digest, empty where there is none.
type installationDocument struct {
	Enabled   bool   `json:"enabled"`
	Mandatory bool   `json:"mandatory"`
	Digest    []byte `json:"digest"`
}

// installation is that with its times, as of an entry. It is never changed.
type installation struct {
	installationDocument
	readAt, learntAt time.Time
}

// isKey reports whether text is the installation's key. Nothing is where there is none.
func (i *installation) isKey(p Pepper, text string) bool {
	if len(text) > maxInstallationKey || len(i.Digest) == 0 {
		return false
	}
	digest := p.installationDigest(text)
	return subtle.ConstantTimeCompare(digest[:], i.Digest) == 1
}

// installations reads the installation's settings. It is safe for concurrent use.
type installations struct {
	settings Settings
	shared   shared
	pepper   Pepper
	ttl      time.Duration
	now      func() time.Time

	// mu guards last and the table of reads. It is never held during I/O.
	mu    sync.Mutex
	last  *installation // nil before the first read
	reads *reads[struct{}, *installation]
}

func newInstallations(o Options, s shared) *installations {
	i := &installations{settings: o.Settings, shared: s, pepper: o.Pepper, ttl: o.Config.CacheTTL, now: o.Now}
	i.reads = newReads[struct{}, *installation](&i.mu)
	return i
}

// find returns the settings, at most Staleness old. One request at a time asks for newer
// ones; until it has them, and when nobody has, the others go on with those before. The
// error is an ErrUnavailable.
func (i *installations) find(ctx context.Context) (*installation, error) {
	now := i.now()
	i.mu.Lock()
	last := i.last
	usable := last != nil && fresh(last.readAt, now, Staleness)
	if usable && fresh(last.learntAt, now, i.ttl) {
		i.mu.Unlock()
		return last, nil
	}
	r, mine := i.reads.join(struct{}{})
	i.mu.Unlock()
	var found *installation
	var err error
	switch {
	case mine:
		found, err = i.reads.lead(ctx, struct{}{}, r, i.read, func(found *installation) { i.last = found })
	case usable:
		return last, nil
	default:
		found, err = r.wait(ctx)
	}
	switch {
	case err == nil:
		return found, nil
	case usable && fresh(last.readAt, i.now(), Staleness):
		return last, nil
	}
	return nil, fmt.Errorf("%w: read the installation's settings: %w", ErrUnavailable, err)
}

// read asks the Cache, and else the Settings, and then offers their answer to the other
// replicas. Of two answers that which was read later stays.
func (i *installations) read(ctx context.Context) (*installation, error) {
	learntAt := i.now()
	d, readAt, found, fault := get[installationDocument](ctx, i.shared, installationName, time.Time{})
	if fault == nil && found {
		return &installation{installationDocument: d, readAt: readAt, learntAt: learntAt}, nil
	}
	readAt = i.now()
	s, err := i.settings.Installation(ctx)
	if err != nil {
		return nil, err
	}
	d = installationDocument{Enabled: s.Enabled, Mandatory: s.Mandatory}
	if s.Key != "" {
		digest := i.pepper.installationDigest(s.Key)
		d.Digest = digest[:]
	}
	if fault == nil || errors.Is(fault, errSeal) {
		_ = put(ctx, i.shared, installationName, readAt.UnixMilli(), d, readAt)
	}
	return &installation{installationDocument: d, readAt: readAt, learntAt: learntAt}, nil
}
