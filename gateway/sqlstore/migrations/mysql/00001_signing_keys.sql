-- +goose Up
-- kid and algorithm compare byte by byte: key ids are case sensitive.
-- active_slot is 1 for the active key and NULL for every other one, so that
-- the unique index lets only one key be active. created_at is Unix seconds.
CREATE TABLE IF NOT EXISTS faveo_gateway_signing_keys (
    kid VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    algorithm VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    active_slot TINYINT UNSIGNED NULL,
    sealed VARBINARY(8192) NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kid),
    UNIQUE KEY faveo_gateway_signing_keys_active (active_slot),
    CHECK ((state = 'active' AND active_slot = 1) OR (state <> 'active' AND active_slot IS NULL))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
