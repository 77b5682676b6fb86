package faveo

import (
	"context"
	"database/sql"
	"log/slog"
)

// Installation is what settings_system says of the installation's own API key (contract section 3). It holds that key,
// so its printed form tells only whether there is one.
type Installation struct {
	// Enabled and Mandatory are true for exactly 1.
	Enabled, Mandatory bool
	// Key is the text as it is stored, "" for NULL.
	Key string `json:"-"`
}

// Installation reads the settings afresh. Without a row it is the zero Installation. Its error is an infrastructure
// fault.
func (db *DB) Installation(ctx context.Context) (Installation, error) {
	var enabled, mandatory sql.Null[int64]
	var key sql.NullString
	err := db.ask(ctx, "installation", func(ctx context.Context) error {
		return scanSetting(db.pool.QueryRowContext(ctx,
			"SELECT api_enable, api_key_mandatory, api_key FROM settings_system ORDER BY id LIMIT 1"),
			&enabled, &mandatory, &key)
	})
	if err != nil {
		return Installation{}, err
	}
	return Installation{Enabled: enabled.V == 1, Mandatory: mandatory.V == 1, Key: key.String}, nil
}

// String keeps the key out of logs.
func (i Installation) String() string {
	text := "installation key"
	if i.Key == "" {
		text = "no installation key"
	}
	if i.Enabled {
		text += ", enabled"
	}
	if i.Mandatory {
		text += ", mandatory"
	}
	return text
}

// GoString keeps the key out of %#v, too.
func (i Installation) GoString() string { return i.String() }

// LogValue keeps it out of structured logs.
func (i Installation) LogValue() slog.Value { return slog.StringValue(i.String()) }
