package faveo

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// noCase is the collation of SQLite under which lookupStatements search.
const noCase = "NOCASE"

// loginColumns are the columns that a login is looked up in, by name.
type loginColumns map[string]loginColumn

// loginColumn is how a column compares. Without a collation it compares bytes.
type loginColumn struct{ charset, collation string }

// FoldName returns a digest, 32 hexadecimal digits, of the name as the column that FindByLogin searches for it folds
// it: two names that the column takes for equal have one digest, whether an account has that name or not. Every text
// has one; names that no column can hold are digested as they are.
//
// Whoever has the digest can find the name by guessing. Its error is an infrastructure fault.
func (db *DB) FoldName(ctx context.Context, username string) (string, error) {
	if !holdable(username) {
		return digestName("", username), nil
	}
	bounded, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	columns, err := db.columns.get(bounded)
	if err != nil {
		return "", err
	}
	column := columnOf(username)
	folded, holds, err := db.fold(ctx, columns[column], username)
	if err != nil {
		return "", err
	}
	if !holds {
		return digestName("", username), nil
	}
	return digestName(column, folded), nil
}

// digestName makes a text that was folded in one column, or "" in none, different from those of the other.
func digestName(column, folded string) string {
	sum := sha256.Sum256([]byte("faveo-gateway login name\x00" + column + "\x00" + folded))
	return hex.EncodeToString(sum[:16])
}

// fold returns a text that all names have in common which the column takes for equal. holds is false when its character
// set lacks a character of the name, see isIncomparable.
func (db *DB) fold(ctx context.Context, c loginColumn, name string) (folded string, holds bool, err error) {
	switch c.collation {
	case noCase:
		return foldASCII(name), true, nil
	case "":
		return name, true, nil
	}
	err = db.ask(ctx, "fold_name", func(ctx context.Context) error {
		shortest, err := db.shortestEqual(ctx, c, name)
		if err != nil {
			return err
		}
		folded, holds, err = db.weigh(ctx, c, shortest)
		return err
	})
	return folded, holds, err
}

// foldASCII makes equal what NOCASE takes for equal.
func foldASCII(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// shortestEqual cuts from the end of the name what the column does not see there: blanks, in most collations, and
// characters without a weight. Weights do not tell, for a text has those of its blanks, on each of the levels that a
// collation may have; but the longer a beginning of the name, the rather it is equal.
func (db *DB) shortestEqual(ctx context.Context, c loginColumn, name string) (string, error) {
	if name == "" || isASCIIWord(name[len(name)-1]) {
		return name, nil // As nearly all names do, it ends in something that every collation sees.
	}
	var (
		letters   = []rune(name)
		statement = c.sql("SELECT CONVERT(? USING charset) = CONVERT(? USING charset) COLLATE collation")
		failure   error
	)
	n := sort.Search(len(letters), func(n int) bool {
		if failure != nil {
			return true
		}
		var equal bool
		failure = db.pool.QueryRowContext(ctx, statement, string(letters[:n]), name).Scan(&equal)
		return equal
	})
	return string(letters[:n]), failure
}

func isASCIIWord(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// weigh returns what the column compares in place of the text, and whether it can hold the text.
func (db *DB) weigh(ctx context.Context, c loginColumn, text string) (weights string, holds bool, err error) {
	var held string
	err = db.pool.QueryRowContext(ctx, c.sql("SELECT CONVERT(CONVERT(? USING charset) USING utf8mb4),"+
		" WEIGHT_STRING(CONVERT(? USING charset) COLLATE collation)"), text, text).Scan(&held, &weights)
	return weights, held == text, err
}

// sql puts the names of the character set and the collation into a statement.
func (c loginColumn) sql(statement string) string {
	return strings.NewReplacer("charset", c.charset, "collation", c.collation).Replace(statement)
}

// collationName is what such a name may be made of, to be part of a statement.
var collationName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// readLoginColumns asks how the two columns compare.
func (db *DB) readLoginColumns(ctx context.Context) (loginColumns, error) {
	columns := loginColumns{}
	err := db.ask(ctx, "login_columns", func(ctx context.Context) error {
		rows, err := db.pool.QueryContext(ctx, db.lookup.loginColumns)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var name string
			var charset, collation sql.NullString
			if err := rows.Scan(&name, &charset, &collation); err != nil {
				return err
			}
			for _, part := range []sql.NullString{charset, collation} {
				if part.Valid && !collationName.MatchString(part.String) {
					return fmt.Errorf("users.%s has a collation of no known form", name)
				}
			}
			columns[strings.ToLower(name)] = loginColumn{charset.String, collation.String}
		}
		return rows.Err()
	})
	if err == nil && len(columns) < 2 {
		err = errors.New("faveo: the table users has no email or no user_name")
	}
	return columns, err
}
