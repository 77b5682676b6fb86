-- +goose Up
-- The audit trail (gateway/audit). A hash is made of all columns of its row up to
-- key_id, as they are; so they are written once and never changed. occurred_at is
-- microseconds since 1970 in UTC: DATETIME(occurred_at / 1000000, 'unixepoch'). events
-- is how many equal ones the row stands for.
CREATE TABLE IF NOT EXISTS faveo_gateway_audit (
    sequence INTEGER NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    subject TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    request_id TEXT NOT NULL,
    detail TEXT NOT NULL,
    events INTEGER NOT NULL,
    previous BLOB NOT NULL CHECK (LENGTH(previous) = 32),
    key_id TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (LENGTH(hash) = 32),
    mac BLOB NOT NULL CHECK (LENGTH(mac) = 32)
) STRICT;
-- The one row tells where the trail ends, and behind which entry it begins.
CREATE TABLE IF NOT EXISTS faveo_gateway_audit_head (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    last_sequence INTEGER NOT NULL,
    last_hash BLOB NOT NULL CHECK (LENGTH(last_hash) = 32),
    start_sequence INTEGER NOT NULL,
    start_hash BLOB NOT NULL CHECK (LENGTH(start_hash) = 32),
    key_id TEXT NOT NULL,
    mac BLOB NOT NULL CHECK (LENGTH(mac) = 32)
) STRICT;
INSERT OR IGNORE INTO faveo_gateway_audit_head VALUES (1, 0, ZEROBLOB(32), 0, ZEROBLOB(32), '', ZEROBLOB(32));
