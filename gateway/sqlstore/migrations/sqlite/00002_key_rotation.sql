-- +goose Up
-- What a rotation needs to know of a key. configured is the tokens.algorithm under
-- which it was made; the times are Unix seconds, NULL for what has not happened.
-- pending_slot is 1 for the pending key and NULL for every other one, so that the
-- unique index lets only one key be pending. sealed is empty for a key that ended.
-- SQLite runs a migration whole or not at all.
ALTER TABLE faveo_gateway_signing_keys ADD COLUMN configured TEXT NOT NULL DEFAULT '';
ALTER TABLE faveo_gateway_signing_keys ADD COLUMN pending_slot INTEGER NULL;
ALTER TABLE faveo_gateway_signing_keys ADD COLUMN activated_at INTEGER NULL;
ALTER TABLE faveo_gateway_signing_keys ADD COLUMN retired_at INTEGER NULL;
ALTER TABLE faveo_gateway_signing_keys ADD COLUMN verify_until INTEGER NULL;
ALTER TABLE faveo_gateway_signing_keys ADD COLUMN ended_at INTEGER NULL;
CREATE UNIQUE INDEX faveo_gateway_signing_keys_pending ON faveo_gateway_signing_keys (pending_slot);
UPDATE faveo_gateway_signing_keys SET configured = algorithm, activated_at = created_at;
