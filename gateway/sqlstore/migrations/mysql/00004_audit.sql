-- +goose Up
-- The audit trail (gateway/audit). A hash is made of all columns of its row up to
-- key_id, as they are; so they are written once and never changed: the gateway needs
-- no UPDATE on this table, and DELETE only to prune. occurred_at is microseconds since
-- 1970 in UTC: FROM_UNIXTIME(occurred_at / 1000000). events is how many equal ones the
-- row stands for. Texts compare byte by byte.
CREATE TABLE IF NOT EXISTS faveo_gateway_audit (
    sequence BIGINT UNSIGNED NOT NULL,
    version TINYINT UNSIGNED NOT NULL,
    occurred_at BIGINT NOT NULL,
    kind VARCHAR(200) NOT NULL,
    outcome VARCHAR(200) NOT NULL,
    reason VARCHAR(200) NOT NULL,
    actor VARCHAR(200) NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    subject VARCHAR(200) NOT NULL,
    address VARCHAR(200) NOT NULL,
    agent VARCHAR(200) NOT NULL,
    request_id VARCHAR(200) NOT NULL,
    detail VARCHAR(200) NOT NULL,
    events BIGINT NOT NULL,
    previous BINARY(32) NOT NULL,
    key_id VARCHAR(8) NOT NULL,
    hash BINARY(32) NOT NULL,
    mac BINARY(32) NOT NULL,
    PRIMARY KEY (sequence)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
-- The one row tells where the trail ends, and behind which entry it begins. Whoever
-- appends or prunes locks it.
CREATE TABLE IF NOT EXISTS faveo_gateway_audit_head (
    id TINYINT UNSIGNED NOT NULL,
    last_sequence BIGINT UNSIGNED NOT NULL,
    last_hash BINARY(32) NOT NULL,
    start_sequence BIGINT UNSIGNED NOT NULL,
    start_hash BINARY(32) NOT NULL,
    key_id VARCHAR(8) NOT NULL,
    mac BINARY(32) NOT NULL,
    PRIMARY KEY (id),
    CHECK (id = 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
INSERT IGNORE INTO faveo_gateway_audit_head VALUES (1, 0, REPEAT(X'00', 32), 0, REPEAT(X'00', 32), '', REPEAT(X'00', 32));
