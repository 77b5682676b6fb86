package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The error numbers of MySQL and MariaDB that mean something here.
const (
	mysqlDatabaseDenied = 1044 // ER_DBACCESS_DENIED_ERROR
	mysqlMissingColumn  = 1054 // ER_BAD_FIELD_ERROR
	mysqlDuplicate      = 1062 // ER_DUP_ENTRY
	mysqlTableDenied    = 1142 // ER_TABLEACCESS_DENIED_ERROR
	mysqlColumnDenied   = 1143 // ER_COLUMNACCESS_DENIED_ERROR
	mysqlMissingTable   = 1146 // ER_NO_SUCH_TABLE
	mysqlIncomparable   = 1267 // ER_CANT_AGGREGATE_2COLLATIONS, of MariaDB
	mysqlUnconvertible  = 3854 // ER_CANNOT_CONVERT_STRING, of MySQL 8
)

// IsDuplicate reports that a row was refused by a unique index.
func IsDuplicate(err error) bool {
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return true
	}
	return mysqlNumber(err) == mysqlDuplicate
}

// IsDenied reports that the user lacks a right on the database, a table or a
// column. A refused password is none of these. The error's text names the right.
func IsDenied(err error) bool {
	switch mysqlNumber(err) {
	case mysqlDatabaseDenied, mysqlTableDenied, mysqlColumnDenied:
		return true
	}
	return false
}

// IsMissingTable reports that a table does not exist. SQLite has no code for it,
// only the general one and this text.
func IsMissingTable(err error) bool {
	if sqliteCode(err) == sqlite3.SQLITE_ERROR {
		return strings.Contains(err.Error(), "no such table: ")
	}
	return mysqlNumber(err) == mysqlMissingTable
}

// IsMissingColumn reports that a table has no such column, as one that is older
// than the program. SQLite tells it, too, by these texts alone.
func IsMissingColumn(err error) bool {
	if sqliteCode(err) == sqlite3.SQLITE_ERROR {
		return strings.Contains(err.Error(), "no such column: ") || strings.Contains(err.Error(), " has no column named ")
	}
	return mysqlNumber(err) == mysqlMissingColumn
}

// IsIncomparable reports that a text cannot be compared with a column, because
// the column's character set lacks one of its characters.
func IsIncomparable(err error) bool {
	switch mysqlNumber(err) {
	case mysqlIncomparable, mysqlUnconvertible:
		return true
	}
	return false
}

// IsUnanswered reports whether err, of a question with that context of its asker, is that
// nothing came back from the server. An error of the server came back; an asker who has
// left did not wait for it.
func IsUnanswered(ctx context.Context, err error) bool {
	if errors.Is(ctx.Err(), context.Canceled) || mysqlNumber(err) != 0 || sqliteCode(err) != 0 {
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, broken := range []error{context.DeadlineExceeded, driver.ErrBadConn, mysql.ErrInvalidConn, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return false
}

// mysqlNumber returns the number of a server's error, else zero.
func mysqlNumber(err error) uint16 {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number
	}
	return 0
}

// sqliteCode returns the extended code of an SQLite error, else zero.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}
