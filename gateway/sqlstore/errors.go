package sqlstore

import (
	"fmt"

	"faveo-gateway/upstream/database"
)

// classify gives the errors that callers can do something about their
// sentinel. The server's own text stays: it names the right and the table.
func classify(err error) error {
	switch {
	case database.IsMissingTable(err), database.IsMissingColumn(err):
		return fmt.Errorf("%w: %w", ErrNotMigrated, err)
	case database.IsDenied(err):
		return fmt.Errorf("%w: grant SELECT, INSERT and UPDATE, for observability.audit.keep also DELETE, and for migrate also DELETE, CREATE, ALTER, INDEX and DROP, on the tables %s: %w",
			ErrRights, tables, err)
	default:
		return err
	}
}
