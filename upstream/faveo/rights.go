package faveo

import (
	"context"
	"strings"

	"faveo-gateway/upstream/database"
)

// Rights are what the database user may do besides reading, by the names that GRANT has for them.
type Rights struct {
	// Server are rights on all databases or on the server itself, Database those on Faveo's whole database. Those on
	// single tables and those of roles are not looked at.
	Server, Database []string
}

// harmless are rights that change nothing.
const harmless = "'USAGE', 'SELECT', 'SHOW VIEW', 'SHOW DATABASES'"

// Rights reads what the user was granted too much; nothing for SQLite. Its error is an infrastructure fault.
//
// It asks for the names of rights and not for SHOW GRANTS, which shows the digest of the password on some servers.
func (db *DB) Rights(ctx context.Context) (Rights, error) {
	var r Rights
	if db.dialect != database.MySQL {
		return r, nil
	}
	err := db.ask(ctx, "rights", func(ctx context.Context) error {
		var user string
		if err := db.pool.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&user); err != nil {
			return err
		}
		at := strings.LastIndexByte(user, '@')
		if at < 0 {
			return nil // Nobody that rights could be given to.
		}
		grantee := "'" + user[:at] + "'@'" + user[at+1:] + "'"
		var err error
		if r.Server, err = db.rights(ctx, "user_privileges WHERE grantee = ?", grantee); err != nil {
			return err
		}
		r.Database, err = db.rights(ctx, "schema_privileges WHERE DATABASE() LIKE table_schema AND grantee = ?", grantee)
		return err
	})
	return r, err
}

func (db *DB) rights(ctx context.Context, of, grantee string) (names []string, err error) {
	rows, err := db.pool.QueryContext(ctx, "SELECT DISTINCT privilege_type FROM information_schema."+of+
		" AND privilege_type NOT IN ("+harmless+")", grantee)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
