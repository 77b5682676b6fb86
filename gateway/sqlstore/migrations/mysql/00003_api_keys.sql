-- +goose Up
-- Managed API keys. id compares byte by byte. The times are Unix seconds, NULL for what
-- has not happened or never will. user_id is 0 for a key that stands for nobody, rate is
-- empty for one without its own. scopes and networks are lists of texts in JSON; secrets
-- are digests, of which no key can be made, the newest first. version grows by one with
-- each change; last_used_at is not part of it. mac is over all the others, in hexadecimal,
-- under a key that is not in the database: a row that is changed here is not believed.
CREATE TABLE IF NOT EXISTS faveo_gateway_api_keys (
    id VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    version BIGINT NOT NULL,
    name VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    scopes MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    networks TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    rate VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    secrets TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    mac CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NULL,
    revoked_at BIGINT NULL,
    last_used_at BIGINT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
