-- +goose Up
-- Managed API keys. The times are Unix seconds, NULL for what has not happened or never
-- will. user_id is 0 for a key that stands for nobody, rate is empty for one without its
-- own. scopes and networks are lists of texts in JSON; secrets are digests, of which no
-- key can be made, the newest first. version grows by one with each change; last_used_at
-- is not part of it. mac is over all the others, in hexadecimal, under a key that is not in
-- the database: a row that is changed here is not believed.
CREATE TABLE IF NOT EXISTS faveo_gateway_api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    scopes TEXT NOT NULL,
    networks TEXT NOT NULL,
    rate TEXT NOT NULL,
    secrets TEXT NOT NULL,
    mac TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NULL,
    revoked_at INTEGER NULL,
    last_used_at INTEGER NULL
) STRICT;
