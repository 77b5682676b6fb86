package doctor

// Part is what a check is about; the report is grouped by it.
type Part string

// The closed set of parts, in the order of the report.
const (
	PartConfiguration Part = "configuration" // settings and policy, offline
	PartRedis         Part = "redis"
	PartDatabase      Part = "database" // Faveo's
	PartState         Part = "state"    // the gateway's own tables
	PartPHP           Part = "php"      // each of faveo.urls
	PartPublic        Part = "public"   // where the world finds the helpdesk
)

// ID names a check for scripts and does not change.
type ID string

// The closed set of checks.
const (
	CheckPolicy             ID = "policy"              // the policy files load
	CheckSettings           ID = "settings"            // what else is allowed and unwise
	CheckJWTSecret          ID = "jwt-secret"          // not short, not well known
	CheckEncryptionKeys     ID = "encryption-keys"     // set, not derived
	CheckAdminToken         ID = "admin-token"         // there is one
	CheckTrustedProxies     ID = "trusted-proxies"     // the front is named, and nobody else
	CheckTokenLife          ID = "token-life"          // not the installer's 4 minutes
	CheckUpstreamEncryption ID = "upstream-encryption" // no plain HTTP beyond this machine
	CheckFaveoDebug         ID = "faveo-debug"         // APP_DEBUG is off

	CheckRedisReachable   ID = "redis-reachable"   // answers; its version
	CheckRedisRole        ID = "redis-role"        // takes writes, by this kind of URL
	CheckRedisEviction    ID = "redis-eviction"    // noeviction
	CheckRedisMemory      ID = "redis-memory"      // not full
	CheckRedisPersistence ID = "redis-persistence" // a restart forgets no session
	CheckRedisClock       ID = "redis-clock"

	CheckDatabaseReachable    ID = "database-reachable" // answers; its version
	CheckDatabaseTables       ID = "database-tables"    // tables and columns are Faveo's
	CheckDatabaseRights       ID = "database-rights"    // what has to be read can be
	CheckDatabaseExcess       ID = "database-excess-rights"
	CheckDatabaseCollation    ID = "database-collation" // what a login compares names by
	CheckDatabaseClock        ID = "database-clock"
	CheckFaveoVersion         ID = "faveo-version"         // known
	CheckDefaultAdministrator ID = "default-administrator" // the installer's password was changed

	CheckStateReachable  ID = "state-reachable"
	CheckStateMigrations ID = "state-migrations" // the tables are this program's
	CheckStateRights     ID = "state-rights"     // they can be written
	CheckSigningKeys     ID = "signing-keys"     // the encryption keys open them

	CheckPHPReachable   ID = "php-reachable"
	CheckPHPBridgeToken ID = "php-bridge-token" // Faveo accepts what the gateway signs
	CheckPHPClock       ID = "php-clock"
	CheckPHPExposed     ID = "php-exposed" // its port answers nobody else

	CheckPublicAddress ID = "public-address" // leads to a gateway
)
