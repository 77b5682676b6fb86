package faveo

import "context"

// SessionText evaluates one expression in a session of the pool, to see what the room made of it.
func (db *DB) SessionText(ctx context.Context, expression string) (string, error) {
	var text string
	err := db.pool.QueryRowContext(ctx, "SELECT "+expression).Scan(&text)
	return text, err
}

// UsualHash is the prefix that VerifyNothing computes with after a measurement.
func (db *DB) UsualHash(ctx context.Context) (string, error) {
	if err := db.MeasureHashes(ctx); err != nil {
		return "", err
	}
	return db.hashes.Load().usual, nil
}

// CostliestHash is the prefix of kind and parameters that MeasureHashes takes the time of, "" for none in use.
func (db *DB) CostliestHash(ctx context.Context) (bcrypt, argon2 string, err error) {
	prefixes, err := db.readHashKinds(ctx)
	bcrypt, argon2 = costliest(prefixes)
	return bcrypt, argon2, err
}

// CompleteHash is the hash that VerifyNothing verifies against.
func CompleteHash(prefix string) string { return completeHash(prefix) }

// Exec changes the database, for which the room has no way of its own.
func (db *DB) Exec(ctx context.Context, statement string) error {
	_, err := db.pool.ExecContext(ctx, statement)
	return err
}
