package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3/lock"
)

var _ lock.SessionLocker = mysqlLock{}

// mysqlLock lets one session at a time migrate a database. The lock belongs to
// the session, so the server frees it when a replica dies. Lock names are
// shared by all databases of a server and at most 64 characters long, hence
// the hash. The nodes of a Galera cluster do not share them: there, migrate
// from one replica first.
type mysqlLock struct{}

const (
	mysqlLockName = `CONCAT('faveo_gateway_migrate_', MD5(DATABASE()))`
	// lockWait is how long a replica waits for another one to migrate.
	lockWait = time.Minute
	// unlockWait bounds the freeing of the lock, which no caller waits for.
	unlockWait = 5 * time.Second
)

// SessionLock waits for the lock.
func (mysqlLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	var got sql.NullInt64
	err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(`+mysqlLockName+`, ?)`, int(lockWait.Seconds())).Scan(&got)
	if err != nil {
		return fmt.Errorf("wait for the migration lock: %w", err)
	}
	if got.Int64 != 1 {
		return errors.New("another replica has held the migration lock for a minute")
	}
	return nil
}

// SessionUnlock frees the lock. A session that cannot free it is closed, lest
// it go back to the pool with the lock.
func (mysqlLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, unlockWait)
	defer cancel()
	var freed sql.NullInt64
	err := conn.QueryRowContext(ctx, `SELECT RELEASE_LOCK(`+mysqlLockName+`)`).Scan(&freed)
	if err == nil && freed.Int64 == 1 {
		return nil
	}
	discard := conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(discard, driver.ErrBadConn) || errors.Is(discard, sql.ErrConnDone) {
		discard = nil
	}
	return errors.Join(errors.New("the migration lock was lost"), err, discard)
}
