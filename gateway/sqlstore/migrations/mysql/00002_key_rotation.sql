-- +goose Up
-- What a rotation needs to know of a key. configured is the tokens.algorithm under
-- which it was made; the times are Unix seconds, NULL for what has not happened.
-- pending_slot is 1 for the pending key and NULL for every other one, so that the
-- unique index lets only one key be pending. sealed is empty for a key that ended.
--
-- The server commits every ALTER TABLE by itself and takes it whole or not at all,
-- so the columns come in one, which is left out where it was done before the
-- migration was cut off. MySQL 8 has no ADD COLUMN IF NOT EXISTS.
SET @faveo_gateway_ddl = (SELECT IF(COUNT(*) > 0, 'DO 0', CONCAT('ALTER TABLE faveo_gateway_signing_keys',
    ' ADD COLUMN configured VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '''',',
    ' ADD COLUMN pending_slot TINYINT UNSIGNED NULL,',
    ' ADD COLUMN activated_at BIGINT NULL,',
    ' ADD COLUMN retired_at BIGINT NULL,',
    ' ADD COLUMN verify_until BIGINT NULL,',
    ' ADD COLUMN ended_at BIGINT NULL,',
    ' ADD UNIQUE KEY faveo_gateway_signing_keys_pending (pending_slot)'))
    FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'faveo_gateway_signing_keys' AND column_name = 'configured');
PREPARE faveo_gateway_ddl FROM @faveo_gateway_ddl;
EXECUTE faveo_gateway_ddl;
DEALLOCATE PREPARE faveo_gateway_ddl;
-- The keys from before, and these alone when it runs again.
UPDATE faveo_gateway_signing_keys SET configured = algorithm, activated_at = created_at WHERE configured = '';
