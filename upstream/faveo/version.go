package faveo

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
)

// Shape is one of the forms in which Faveo's versions write a user (contract section 6).
type Shape string

const (
	// Shape2 is v2.0.x: ISO timestamps with six zeros and Z, names without tags.
	Shape2 Shape = "2"
	// Shape111 is v1.11.x: timestamps as the database shows them, names without tags.
	Shape111 Shape = "1.11"
	// Shape110 is v1.10.x: as v1.11, but names as stored.
	Shape110 Shape = "1.10"
	// Shape19 is v1.9.x: as v1.10, but the login answers with the bare id instead of the user.
	Shape19 Shape = "1.9"
)

// newestShape stands in for a version that nobody can name: whoever keeps Faveo up to date has it.
const newestShape = Shape2

// Version is what the gateway takes Faveo for.
type Version struct {
	Shape Shape
	// Stored is settings_system.version as it stands there, "v2.0.3"; empty when it is NULL, when there is no row, and
	// when the shape was configured.
	Stored string
	// Assumed says that Stored names no version known here, so that Shape is the newest one. The caller should warn:
	// v1.9 to v1.11 installations made without the demo data leave the column NULL and need a configured version.
	Assumed bool
}

// parseShape reads Options.Version; the shape of auto is "".
func parseShape(configured string) (Shape, error) {
	switch shape := Shape(configured); shape {
	case "auto":
		return "", nil
	case Shape2, Shape111, Shape110, Shape19:
		return shape, nil
	}
	return "", fmt.Errorf("must be auto, %s, %s, %s or %s", Shape2, Shape111, Shape110, Shape19)
}

// Version returns the configured version, or the one that settings_system names, read again at most every 30 seconds.
// Once it was read it does not fail any more: while the database is down the last one stays. Before that its error is
// an infrastructure fault.
func (db *DB) Version(ctx context.Context) (Version, error) {
	shape, err := parseShape(db.options.Version)
	if err != nil {
		return Version{}, err
	}
	if shape != "" {
		return Version{Shape: shape}, nil
	}
	bounded, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	return db.version.get(bounded)
}

func (db *DB) readVersion(ctx context.Context) (Version, error) {
	var stored sql.NullString
	err := db.ask(ctx, "version", func(ctx context.Context) error {
		return scanSetting(db.pool.QueryRowContext(ctx, "SELECT version FROM settings_system ORDER BY id LIMIT 1"), &stored)
	})
	if err != nil {
		return Version{}, err
	}
	return versionOf(stored.String), nil
}

var versionForm = regexp.MustCompile(`^\s*(?:Community )?v?(\d+)\.(\d+)`)

// versionOf reads "v2.0.3", "1.10.7" or "Community 1.11.1".
func versionOf(stored string) Version {
	v := Version{Shape: newestShape, Stored: stored, Assumed: true}
	parts := versionForm.FindStringSubmatch(stored)
	if parts == nil {
		return v
	}
	major, minor := parts[1], parts[2]
	switch {
	case major == "2":
		v.Shape, v.Assumed = Shape2, false
	case major == "1" && (minor == "9" || minor == "10" || minor == "11"):
		v.Shape, v.Assumed = Shape(major+"."+minor), false
	}
	return v
}
