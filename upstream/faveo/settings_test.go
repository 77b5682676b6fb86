package faveo_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

func TestSecurity(t *testing.T) {
	d := faveotest.New(t)
	clock := &clock{now: time.Unix(1795422695, 0)}
	var failures int
	db := open(t, d, faveo.Options{Now: clock.Now, Observe: func(_ context.Context, _ string, _ time.Duration, err error) {
		if err != nil {
			failures++
		}
	}})
	expect := func(when string, threshold int, period time.Duration) {
		t.Helper()
		clock.advance(time.Minute)
		want := faveo.Security{Threshold: threshold, Period: period}
		if got, err := db.Security(t.Context()); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", when, got, err, want)
		}
	}
	expect("a fresh installation", 15, 15*time.Minute)
	for _, set := range []struct {
		threshold, minutes int
		present            bool
	}{
		{5, 60, true},
		{1, 1, true},
		{1000, 43200, true},
		{0, 15, false},
		{15, 0, false},
		{-1, 15, false},
		{15, -15, false},
		{1001, 15, false},
		{15, 43201, false},
		{2147483647, 2147483647, false},
	} {
		d.Exec(t, "UPDATE settings_security SET backlist_threshold = ?, lockout_period = ?", set.threshold, set.minutes)
		if set.present {
			expect(fmt.Sprint(set), set.threshold, time.Duration(set.minutes)*time.Minute)
		} else {
			expect(fmt.Sprint(set), 0, 0)
		}
	}
	d.Exec(t, "UPDATE settings_security SET backlist_threshold = 7, lockout_period = 3")
	expect("set again", 7, 3*time.Minute)
	d.Exec(t, "DELETE FROM settings_security")
	expect("no row", 0, 0)
	d.Exec(t, "ALTER TABLE settings_security DROP COLUMN lockout_period")
	expect("no column", 0, 0)
	d.Exec(t, "DROP TABLE settings_security")
	expect("no table", 0, 0)
	if failures > 0 {
		t.Errorf("%d settings that are missing were reported as faults", failures)
	}
}

// TestSecurityOutlivesTheDatabase: what was read last goes on to count.
func TestSecurityOutlivesTheDatabase(t *testing.T) {
	d := faveotest.New(t)
	clock := &clock{now: time.Unix(1795422695, 0)}
	db := open(t, d, faveo.Options{Now: clock.Now})
	want := faveo.Security{Threshold: 15, Period: 15 * time.Minute}
	if got, err := db.Security(t.Context()); err != nil || got != want {
		t.Fatalf("%+v, %v", got, err)
	}
	clock.advance(time.Hour)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Security(t.Context()); err != nil || got != want {
		t.Errorf("without a database: %+v, %v, want %+v", got, err, want)
	}
}

func TestInstallation(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	for _, set := range []struct {
		enable, mandatory, key any
		want                   faveo.Installation
	}{
		{nil, nil, nil, faveo.Installation{}},
		{0, 0, "", faveo.Installation{}},
		{1, 0, "k", faveo.Installation{Enabled: true, Key: "k"}},
		{0, 1, "k", faveo.Installation{Mandatory: true, Key: "k"}},
		{1, 1, "K ", faveo.Installation{Enabled: true, Mandatory: true, Key: "K "}},
		{2, -1, nil, faveo.Installation{}},
	} {
		d.Exec(t, "UPDATE settings_system SET api_enable = ?, api_key_mandatory = ?, api_key = ?", set.enable, set.mandatory, set.key)
		if got, err := db.Installation(t.Context()); err != nil || got != set.want {
			t.Errorf("%v, %v, %v: %+v, %v", set.enable, set.mandatory, set.key, got, err)
		}
	}
	d.Exec(t, "DELETE FROM settings_system")
	if got, err := db.Installation(t.Context()); err != nil || got != (faveo.Installation{}) {
		t.Errorf("no row: %+v, %v", got, err)
	}
}

// TestInstallationIsNotPrinted: settings that slip into a log line must not bring the key along.
func TestInstallationIsNotPrinted(t *testing.T) {
	var log bytes.Buffer
	i := faveo.Installation{Enabled: true, Key: "S3cr3t"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		fmt.Fprintf(&log, format, i)
		fmt.Fprintf(&log, format, &i)
		fmt.Fprintf(&log, format, struct{ I faveo.Installation }{i})
	}
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("i", i), slog.Any("in", struct{ I faveo.Installation }{i}))
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("i", &i))
	if strings.Contains(log.String(), "S3cr3t") {
		t.Errorf("the key is in %s", &log)
	}
}
