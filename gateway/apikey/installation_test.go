package apikey_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/limit"
)

// doorFor returns a Door of the world with that api_keys.required.
func (w *world) doorFor(t *testing.T, required apikey.Required) *apikey.Door {
	o := w.options(t)
	o.Config.Required, o.Registerer = required, nil
	return apikey.NewDoor(o)
}

// TestInstallationKey: every answer of section 3 of the contract, by what is required.
func TestInstallationKey(t *testing.T) {
	const key = "an installation key"
	type settings = apikey.Installation
	on, off := settings{Enabled: true, Mandatory: true, Key: key}, settings{Enabled: true, Key: key}
	for name, c := range map[string]struct {
		required apikey.Required
		settings settings
		text     string
		want     error
	}{
		"right":                           {apikey.RequiredByFaveo, on, key, nil},
		"wrong":                           {apikey.RequiredByFaveo, on, key + "x", apikey.ErrWrongKey},
		"other case":                      {apikey.RequiredByFaveo, on, strings.ToUpper(key), apikey.ErrWrongKey},
		"a blank more":                    {apikey.RequiredByFaveo, on, key + " ", apikey.ErrWrongKey},
		"none":                            {apikey.RequiredByFaveo, on, "", apikey.ErrWrongKey},
		"a long one":                      {apikey.RequiredByFaveo, on, strings.Repeat("x", 1<<20), apikey.ErrWrongKey},
		"not mandatory, none":             {apikey.RequiredByFaveo, off, "", nil},
		"not mandatory, wrong":            {apikey.RequiredByFaveo, off, "x", nil},
		"nothing set":                     {apikey.RequiredByFaveo, settings{}, "x", nil},
		"mandatory, not enabled, right":   {apikey.RequiredByFaveo, settings{Mandatory: true, Key: key}, key, apikey.ErrNotEnabled},
		"mandatory, not enabled, none":    {apikey.RequiredByFaveo, settings{Mandatory: true, Key: key}, "", apikey.ErrNotEnabled},
		"mandatory without a key, none":   {apikey.RequiredByFaveo, settings{Enabled: true, Mandatory: true}, "", apikey.ErrWrongKey},
		"mandatory without a key, some":   {apikey.RequiredByFaveo, settings{Enabled: true, Mandatory: true}, "x", apikey.ErrWrongKey},
		"always, right":                   {apikey.RequiredAlways, settings{Key: key}, key, nil},
		"always, wrong":                   {apikey.RequiredAlways, settings{Key: key}, "x", apikey.ErrWrongKey},
		"always, none":                    {apikey.RequiredAlways, settings{Key: key}, "", apikey.ErrWrongKey},
		"always, no key":                  {apikey.RequiredAlways, settings{}, "", apikey.ErrWrongKey},
		"never, wrong":                    {apikey.RequiredNever, on, "x", nil},
		"never, none":                     {apikey.RequiredNever, on, "", nil},
		"not mandatory, a bad managed":    {apikey.RequiredByFaveo, off, "fgw_", apikey.ErrInvalid},
		"never, a bad managed":            {apikey.RequiredNever, on, "fgw_x", apikey.ErrInvalid},
		"one that looks like a managed":   {apikey.RequiredByFaveo, settings{Enabled: true, Mandatory: true, Key: "fgw_x"}, "fgw_x", apikey.ErrInvalid},
		"always, a managed in upper case": {apikey.RequiredAlways, on, "FGW_x", apikey.ErrWrongKey},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.settings.set(c.settings, nil)
			for _, d := range []*apikey.Door{w.doorFor(t, c.required), w.doorFor(t, c.required)} { // The second out of the Cache.
				for range 2 {
					key, err := d.Admit(t.Context(), c.text, somewhere)
					if c.want != nil {
						wantError(t, key, err, c.want)
					} else if key != nil || err != nil {
						t.Errorf("Admit = %+v, %v, want neither", key, err)
					}
				}
			}
			if c.required == apikey.RequiredNever && w.settings.calls != 0 {
				t.Errorf("the settings were read %d times for nothing", w.settings.calls)
			}
		})
	}
}

// TestManagedKeySatisfiesAlways, whatever the settings say, and though they cannot be read.
func TestManagedKeySatisfiesAlways(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	w.settings.set(apikey.Installation{Mandatory: true}, errDown)
	for _, required := range []apikey.Required{apikey.RequiredByFaveo, apikey.RequiredAlways, apikey.RequiredNever} {
		wantKey(t, w.doorFor(t, required), text, r)
	}
}

func TestInstallationIsCounted(t *testing.T) {
	w := newWorld(t)
	on := apikey.Installation{Enabled: true, Mandatory: true, Key: "k"}
	for _, c := range []struct {
		settings apikey.Installation
		fault    error
		text     string
		result   string
	}{
		{on, nil, "k", "installation"},
		{on, nil, "", "wrong_key"},
		{apikey.Installation{Mandatory: true}, nil, "", "not_enabled"},
		{on, errDown, "k", "error"},
	} {
		w.settings.set(c.settings, c.fault)
		w.clock.Advance(time.Minute)
		if n := w.counted(t, c.result, func() { _, _ = w.Admit(t.Context(), c.text, somewhere) }); n != 1 {
			t.Errorf("%v are counted as %s, want 1", n, c.result)
		}
	}
}

// TestSettingsChange within half a minute, on every replica.
func TestSettingsChange(t *testing.T) {
	w := newWorld(t)
	w.settings.set(apikey.Installation{Enabled: true, Mandatory: true, Key: "old"}, nil)
	other := w.replica(t)
	wantPassed(t, w.Door, "old")
	wantPassed(t, other, "old")
	if w.settings.calls != 1 {
		t.Errorf("two replicas have read the settings %d times, want once", w.settings.calls)
	}
	w.settings.set(apikey.Installation{Enabled: true, Mandatory: true, Key: "new"}, nil)
	w.clock.Advance(apikey.Staleness)
	for _, d := range []*apikey.Door{w.Door, other} {
		wantRefused(t, d, "old", apikey.ErrWrongKey)
		wantPassed(t, d, "new")
	}
	if w.settings.calls != 2 {
		t.Errorf("the settings were read %d times, want twice", w.settings.calls)
	}
}

// TestSettingsDown: what was known lasts for half a minute, and then nobody can tell.
func TestSettingsDown(t *testing.T) {
	w := newWorld(t)
	on := apikey.Installation{Enabled: true, Mandatory: true, Key: "k"}
	w.settings.set(on, errDown)
	wantRefused(t, w.Door, "k", apikey.ErrUnavailable)
	wantRefused(t, w.Door, "", apikey.ErrUnavailable)
	w.settings.set(on, nil)
	wantPassed(t, w.Door, "k")
	w.settings.set(on, errDown)
	w.cache.Fail(errDown)
	w.clock.Advance(apikey.Staleness - time.Nanosecond)
	wantPassed(t, w.Door, "k")
	wantRefused(t, w.Door, "x", apikey.ErrWrongKey)
	w.clock.Advance(time.Nanosecond)
	for _, text := range []string{"k", "x", ""} {
		if _, err := w.Admit(t.Context(), text, somewhere); !errors.Is(err, apikey.ErrUnavailable) || !errors.Is(err, errDown) {
			t.Errorf("Admit(%q): %v, want ErrUnavailable because of the settings", text, err)
		}
	}
	w.settings.set(on, nil)
	wantPassed(t, w.Door, "k")
}

// hanging are settings that answer when they are released.
type hanging struct {
	*settings
	release chan struct{}
}

func (h *hanging) Installation(ctx context.Context) (apikey.Installation, error) {
	<-h.release
	return h.settings.Installation(ctx)
}

// TestOneReadsTheSettings: the others go on with those before, or wait when there are
// none.
func TestOneReadsTheSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		h := &hanging{settings: w.settings, release: make(chan struct{}, 1)}
		o := w.options(t)
		o.Settings, o.Registerer = h, nil
		d := apikey.NewDoor(o)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { wantPassed(t, d, "") })
		}
		synctest.Wait()
		h.release <- struct{}{}
		all.Wait()
		w.clock.Advance(10 * time.Second)
		w.cache.Forget()
		all.Go(func() { wantPassed(t, d, "") })
		synctest.Wait()
		wantPassed(t, d, "") // Which would hang here.
		h.release <- struct{}{}
		all.Wait()
		if w.settings.calls != 2 {
			t.Errorf("the settings were read %d times, want twice", w.settings.calls)
		}
	})
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*apikey.Config)
		want   string
	}{
		"the defaults":    {func(*apikey.Config) {}, ""},
		"the bounds":      {func(c *apikey.Config) { c.CacheTTL, c.RotationOverlap = 30*time.Second, 720*time.Hour }, ""},
		"nothing":         {func(c *apikey.Config) { c.CacheTTL, c.RotationOverlap = 0, 0 }, ""},
		"nobody":          {func(c *apikey.Config) { c.Required = "" }, "required"},
		"somebody":        {func(c *apikey.Config) { c.Required = "Faveo" }, "required"},
		"a long memory":   {func(c *apikey.Config) { c.CacheTTL = 31 * time.Second }, "cache_ttl"},
		"a long overlap":  {func(c *apikey.Config) { c.RotationOverlap = 721 * time.Hour }, "rotation_overlap"},
		"no bound":        {func(c *apikey.Config) { c.PerAddress = limit.Rate{Off: true} }, ""},
		"a rate too fast": {func(c *apikey.Config) { c.PerAddress = limit.Rate{Count: 1} }, "per_address"},
		"a negative time": {func(c *apikey.Config) { c.RotationOverlap = -1 }, "rotation_overlap"},
	} {
		config, got := apikey.DefaultConfig(), ""
		c.change(&config)
		config.Validate(func(path, message string) { got += path })
		if got != c.want {
			t.Errorf("%s: faults of %q, want %q", name, got, c.want)
		}
	}
}
