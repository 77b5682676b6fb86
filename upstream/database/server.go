package database

import (
	"context"
	"database/sql"
	"time"
)

// Server is a database server and who asks.
type Server struct {
	// Version begins with its make: "MariaDB 10.11.6", "MySQL 8.4.2", "SQLite 3.50.1".
	Version string
	// Database and User are empty for SQLite.
	Database, User string
	// ReadOnly says that the server takes no writes of ordinary users.
	ReadOnly bool
}

// Identify asks a server who it is.
func Identify(ctx context.Context, db *sql.DB, d Dialect) (Server, error) {
	var s Server
	if d == SQLite {
		err := db.QueryRowContext(ctx, "SELECT 'SQLite ' || sqlite_version()").Scan(&s.Version)
		return s, err
	}
	// A version of MariaDB says so itself, "10.11.6-MariaDB-log"; the rest of it is its build.
	err := db.QueryRowContext(ctx, "SELECT CONCAT(IF(VERSION() LIKE '%MariaDB%', 'MariaDB ', 'MySQL '), SUBSTRING_INDEX(VERSION(), '-', 1)),"+
		" DATABASE(), CURRENT_USER(), @@read_only").Scan(&s.Version, &s.Database, &s.User, &s.ReadOnly)
	return s, err
}

// Clock asks a server for the time, to the microsecond, SQLite to the millisecond.
func Clock(ctx context.Context, db *sql.DB, d Dialect) (time.Time, error) {
	statement := "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)"
	if d == SQLite {
		statement = "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
	}
	var text string
	if err := db.QueryRowContext(ctx, statement).Scan(&text); err != nil {
		return time.Time{}, err
	}
	return time.Parse("2006-01-02 15:04:05.999999", text)
}
