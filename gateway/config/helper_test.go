package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/redisstore"
)

// required are the two secrets without which nothing loads.
func required() []string {
	return []string{
		"FAVEO_GATEWAY_FAVEO_DATABASE=mysql://u:p@127.0.0.1:3306/faveo",
		"FAVEO_GATEWAY_FAVEO_JWT_SECRET=0123456789012345678901234567890123456789",
	}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, s config.Sources) *config.Config {
	t.Helper()
	c, err := config.Load(s)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

// loadFaults returns the faults, and fails the test when there are none.
func loadFaults(t *testing.T, s config.Sources) config.Faults {
	t.Helper()
	c, err := config.Load(s)
	faults, ok := errors.AsType[config.Faults](err)
	if !ok || len(faults) == 0 {
		t.Fatalf("Load: %v, want Faults", err)
	}
	if c != nil {
		t.Error("Load returns a Config beside its faults")
	}
	return faults
}

func wantFaults(t *testing.T, got config.Faults, want ...string) {
	t.Helper()
	if got.Error() != strings.Join(want, "\n") {
		t.Errorf("faults are\n%s\nwant\n%s", got.Error(), strings.Join(want, "\n"))
	}
}

// What the rooms say of values that are not theirs.
const (
	badRedis = "is no URL of Redis: the scheme is unknown; expected " + redisstore.Forms
	badTime  = "must be a time such as 2027-01-31T18:00:00Z, or a date, which begins at midnight in UTC"
	badKey   = "malformed encryption key: want 32 bytes in base64 or hexadecimal, as from: openssl rand -base64 32"
)
