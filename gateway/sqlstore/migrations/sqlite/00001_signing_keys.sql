-- +goose Up
-- active_slot is 1 for the active key and NULL for every other one, so that
-- the unique index lets only one key be active. created_at is Unix seconds.
CREATE TABLE IF NOT EXISTS faveo_gateway_signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL,
    active_slot INTEGER NULL UNIQUE,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CHECK ((state = 'active' AND active_slot = 1) OR (state <> 'active' AND active_slot IS NULL))
) STRICT;
