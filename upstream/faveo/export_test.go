package faveo

import "context"

// SessionText evaluates one expression in a session of the pool, to see what the room made of it.
func (db *DB) SessionText(ctx context.Context, expression string) (string, error) {
	var text string
	err := db.pool.QueryRowContext(ctx, "SELECT "+expression).Scan(&text)
	return text, err
}

// UsualHash is the prefix that VerifyNothing computes with.
func (db *DB) UsualHash(ctx context.Context) (string, error) { return db.padding.get(ctx) }

// CompleteHash is the hash that VerifyNothing verifies against.
func CompleteHash(prefix string) string { return completeHash(prefix) }

// Exec changes the database, for which the room has no way of its own.
func (db *DB) Exec(ctx context.Context, statement string) error {
	_, err := db.pool.ExecContext(ctx, statement)
	return err
}
