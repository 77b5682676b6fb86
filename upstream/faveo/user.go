package faveo

import (
	"context"
	"strings"
	"unicode/utf8"

	"faveo-gateway/upstream/database"
	"faveo-gateway/upstream/laravel"
)

// maxNameBytes is the longest name that varchar(255) can hold, 255 characters of four bytes. Longer ones are not
// looked up. (A longer text can equal a shorter name under a collation that ignores some characters; no client sends
// that, and an attacker shall not buy expensive comparisons.)
const maxNameBytes = 4 * 255

// User is a whole `users` row with the version under which it will be printed. It is read only, and so safe for
// concurrent use.
type User struct {
	Account
	version Version
	row     row
}

// lookupStatements are the statements that the two databases spell differently: the two searches of a login, the
// collations of the columns that they search, the kinds of password hashes that are in use, and the count of those
// columns of department_assign_agents that exist.
//
// SELECT * is on purpose: Faveo prints every column of the row, so one that a plugin added must appear, at its place in
// the table (contract section 1). active = 1 belongs into the search: of several rows with one user_name PHP takes the
// first among the active ones and tries only its password.
type lookupStatements struct{ byEmail, byName, loginColumns, hashKinds, departmentColumns string }

var (
	mysqlLookup = lookupStatements{
		byEmail: "SELECT * FROM users WHERE email = ? AND active = 1 ORDER BY id LIMIT 1",
		byName:  "SELECT * FROM users WHERE user_name = ? AND active = 1 ORDER BY id LIMIT 1",
		loginColumns: "SELECT column_name AS name, character_set_name AS charset, collation_name AS collation" +
			" FROM information_schema.columns" +
			" WHERE table_schema = DATABASE() AND table_name = 'users' AND column_name IN ('email', 'user_name')",
		// As bytes, for a hash means something else in another case.
		hashKinds: "SELECT DISTINCT CAST(" + hashKind + " AS BINARY)" + hashKindsInUse,
		departmentColumns: "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()" +
			" AND table_name = 'department_assign_agents' AND column_name IN ('agent_id', 'department_id')",
	}
	// NOCASE folds ASCII only. That is enough for the demo, the only user of SQLite.
	sqliteLookup = lookupStatements{
		byEmail: "SELECT * FROM users WHERE email = ? COLLATE NOCASE AND active = 1 ORDER BY id LIMIT 1",
		byName:  "SELECT * FROM users WHERE user_name = ? COLLATE NOCASE AND active = 1 ORDER BY id LIMIT 1",
		loginColumns: "SELECT name, NULL AS charset, '" + noCase + "' AS collation FROM pragma_table_info('users')" +
			" WHERE name IN ('email', 'user_name')",
		hashKinds: "SELECT DISTINCT " + hashKind + hashKindsInUse,
		departmentColumns: "SELECT COUNT(*) FROM pragma_table_info('department_assign_agents')" +
			" WHERE name IN ('agent_id', 'department_id')",
	}
)

// FindByLogin finds the account that a login names: by email when PHP's FILTER_VALIDATE_EMAIL takes the name for an
// address, else by user_name, never by both. Of several rows it is the active one with the lowest id.
//
// ErrNotFound when there is none, when every such row is inactive, and for names that no column can hold: invalid
// UTF-8, a NUL byte (PHP finds those, contract section 5, 7 is closed here), more than 1020 bytes. Banned and deleted
// accounts are returned: ask MayLogin. Any other error is an infrastructure fault.
func (db *DB) FindByLogin(ctx context.Context, username string) (*User, error) {
	if !holdable(username) {
		return nil, ErrNotFound
	}
	statement := db.lookup.byName
	if columnOf(username) == columnEmail {
		statement = db.lookup.byEmail
	}
	return db.findUser(ctx, "login_lookup", func(ctx context.Context) (row, error) {
		r, err := db.readRow(ctx, statement, username)
		if isIncomparable(err, username) {
			return nil, ErrNotFound
		}
		return r, err
	})
}

// The columns that a login is looked up in.
const (
	columnEmail    = "email"
	columnUserName = "user_name"
)

// columnOf is the one that PHP searches for the name.
func columnOf(username string) string {
	if laravel.FilterEmail(username) {
		return columnEmail
	}
	return columnUserName
}

// holdable says that a column may hold the name.
func holdable(username string) bool {
	return len(username) <= maxNameBytes && utf8.ValidString(username) && !strings.ContainsRune(username, 0)
}

// FindByID finds the account with this id, whatever its state. ErrNotFound when there is none; any other error is an
// infrastructure fault.
func (db *DB) FindByID(ctx context.Context, id uint64) (*User, error) {
	return db.findUser(ctx, "user_by_id", func(ctx context.Context) (row, error) {
		return db.readRow(ctx, "SELECT * FROM users WHERE id = ?", id)
	})
}

func (db *DB) findUser(ctx context.Context, operation string, find func(context.Context) (row, error)) (*User, error) {
	version, err := db.Version(ctx)
	if err != nil {
		return nil, err
	}
	user := &User{version: version}
	err = db.ask(ctx, operation, func(ctx context.Context) error {
		r, err := find(ctx)
		if err != nil {
			return err
		}
		user.row = r
		user.Account, err = accountOf(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// isIncomparable says that the server could not compare this name with its column, because the column's character set
// lacks one of its characters: an emoji against a three-byte column (utf8_unicode_ci tables, SCHEMA.md). Such a column
// holds no such name. Every character set has ASCII, so for an ASCII name the same error is a fault of the database.
func isIncomparable(err error, name string) bool {
	return database.IsIncomparable(err) && strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
}
