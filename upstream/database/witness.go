package database

import (
	"context"
	"time"
)

// Witness returns a question whose answer shows that the database works: nil when
// anything came back, be it an error of the server. It takes a connection of its own each
// time, so that neither questions under way nor what became of older connections is in
// its way. query has one column and is one that is answered at once.
func (u URL) Witness(timeout time.Duration, query string) func(context.Context) error {
	return func(ctx context.Context) error {
		pool, err := u.Open(Settings{Timeout: timeout})
		if err != nil {
			return err
		}
		defer func() { _ = pool.Close() }()
		var one any
		if err := pool.QueryRowContext(ctx, query).Scan(&one); IsUnanswered(ctx, err) {
			return err
		}
		return nil
	}
}
