package audit

import (
	"fmt"
	"path/filepath"
	"time"
)

// Target is where a trail is kept.
type Target string

// The closed set of targets.
const (
	ToDatabase Target = "database" // the state database, one trail of all replicas
	ToFile     Target = "file"     // JSON lines in a file of this replica's own
	ToStdout   Target = "stdout"   // JSON lines on standard output, a new trail at each start
	ToNothing  Target = "off"      // nowhere
)

// The bounds of Config.Keep.
const (
	minKeep = 24 * time.Hour
	maxKeep = 100 * 365 * 24 * time.Hour
)

// Config is the section "observability.audit" of the configuration.
type Config struct {
	// To is where the trail is kept. Default "database".
	To Target `yaml:"to"`
	// File is the path of the file, absolute. Required when To is "file".
	File string `yaml:"file"`
	// Keep is how long entries stay in the database. Default 0s: for ever. At least
	// 24h. Only for "database", where it needs the right to DELETE.
	Keep time.Duration `yaml:"keep"`
}

// DefaultConfig returns the defaults named at Config's fields.
func DefaultConfig() Config { return Config{To: ToDatabase} }

// Validate reports every fault with its path below "observability.audit".
func (c Config) Validate(report func(path, message string)) {
	switch c.To {
	case ToDatabase, ToFile, ToStdout, ToNothing:
	default:
		report("to", "must be database, file, stdout or off")
	}
	switch {
	case c.To == ToFile && c.File == "":
		report("file", "is required when observability.audit.to is file")
	case c.File != "" && !filepath.IsAbs(c.File):
		report("file", "must be an absolute path")
	}
	switch {
	case c.Keep == 0:
	case c.Keep < minKeep || c.Keep > maxKeep:
		report("keep", fmt.Sprintf("must be 0s or %v to %v, not %v", minKeep, maxKeep, c.Keep))
	case c.To != ToDatabase:
		report("keep", "is for observability.audit.to database only")
	}
}
