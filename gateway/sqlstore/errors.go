package sqlstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The error numbers of MySQL and MariaDB that mean something here.
const (
	mysqlDatabaseDenied = 1044 // ER_DBACCESS_DENIED_ERROR
	mysqlDuplicate      = 1062 // ER_DUP_ENTRY
	mysqlTableDenied    = 1142 // ER_TABLEACCESS_DENIED_ERROR
	mysqlColumnDenied   = 1143 // ER_COLUMNACCESS_DENIED_ERROR
	mysqlMissingTable   = 1146 // ER_NO_SUCH_TABLE
)

// classify gives the errors that callers can do something about their
// sentinel. The server's own text stays: it names the right and the table.
func classify(err error) error {
	switch {
	case isMissingTable(err):
		return fmt.Errorf("%w: %w", ErrNotMigrated, err)
	case isDenied(err):
		return fmt.Errorf("%w: grant SELECT, INSERT, UPDATE, DELETE, and for migrate also CREATE, ALTER, INDEX and DROP, on the tables %s: %w",
			ErrRights, tables, err)
	default:
		return err
	}
}

// mysqlNumber returns the number of a server's error, else zero.
func mysqlNumber(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// sqliteCode returns the extended code of an SQLite error, else zero.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// isDuplicate reports a violated unique index.
func isDuplicate(err error) bool {
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return true
	}
	return mysqlNumber(err) == mysqlDuplicate
}

// isDenied reports a missing right.
func isDenied(err error) bool {
	switch mysqlNumber(err) {
	case mysqlDatabaseDenied, mysqlTableDenied, mysqlColumnDenied:
		return true
	default:
		return false
	}
}

// isMissingTable reports that a table of the gateway does not exist. SQLite
// has no code for it, only the general one and this text.
func isMissingTable(err error) bool {
	if sqliteCode(err) == sqlite3.SQLITE_ERROR {
		return strings.Contains(err.Error(), "no such table: faveo_gateway_")
	}
	return mysqlNumber(err) == mysqlMissingTable
}
