package gateway_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/doctor"
	"faveo-gateway/gateway/storetest/service"
)

// TestDoctorOfAHealthySite has nothing to say, with the rights of the README, and leaves no
// trace in the stores.
func TestDoctorOfAHealthySite(t *testing.T) {
	inOrder(t)
	s := admit(t)
	for _, f := range s.examine().Checks {
		if f.Result != doctor.Good && (f.Result != doctor.Skipped || f.ID != doctor.CheckPublicAddress) {
			t.Errorf("%+v", f)
		}
	}
	if n := redisAskAt(t, s.redis, "DBSIZE"); n[0] != "0" {
		t.Errorf("Redis holds %s keys afterwards", n[0])
	}
	var rows int
	err := service.MariaDB(t).QueryRowContext(t.Context(), fmt.Sprintf("SELECT (SELECT COUNT(*) FROM %[1]s.faveo_gateway_signing_keys)"+
		" + (SELECT COUNT(*) FROM %[1]s.faveo_gateway_audit) + (SELECT COUNT(*) FROM %[1]s.faveo_gateway_api_keys)", s.database.Name)).Scan(&rows)
	if err != nil || rows != 0 {
		t.Errorf("the gateway's tables hold %d rows afterwards, %v", rows, err)
	}
}

func TestDoctorOfSettings(t *testing.T) {
	inOrder(t)
	s := admit(t)
	s.finds(doctor.CheckJWTSecret, doctor.Failed, "set another JWT_SECRET", settings{"faveo.jwt_secret": "changeme"})
	s.finds(doctor.CheckJWTSecret, doctor.Unwise, "shorter than 32 bytes", settings{"faveo.jwt_secret": "not-so-long-a-secret"})
	s.finds(doctor.CheckEncryptionKeys, doctor.Unwise, "openssl rand", settings{"state.encryption_keys": unset})
	s.finds(doctor.CheckAdminToken, doctor.Unwise, "admin.token", settings{"admin.token": unset})
	s.finds(doctor.CheckTokenLife, doctor.Unwise, "4m", settings{"tokens.ttl": "4m"})
	s.finds(doctor.CheckSettings, doctor.Unwise, "observability.audit.to", settings{"observability.audit.to": "off"})
	s.finds(doctor.CheckPolicy, doctor.Failed, "absent.yaml", settings{"policy.files": "/nonexistent/absent.yaml"})
	s.finds(doctor.CheckUpstreamEncryption, doctor.Unwise, "https", settings{"faveo.urls": "http://php.invalid"})
	s.finds(doctor.CheckTrustedProxies, doctor.Good, "counts as the client", settings{"server.trusted_proxies": unset})
	s.finds(doctor.CheckTrustedProxies, doctor.Unwise, "loopback", settings{"server.trusted_proxies": unset, "server.listen": "127.0.0.1:0"})
	s.facts.AppURL, s.facts.Debug = "https://helpdesk.invalid", true
	s.finds(doctor.CheckTrustedProxies, doctor.Unwise, "APP_URL is https", settings{"server.trusted_proxies": unset})
	s.finds(doctor.CheckFaveoDebug, doctor.Unwise, "APP_DEBUG=false")
	s.facts.Known = false
	s.finds(doctor.CheckFaveoDebug, doctor.Skipped, "--faveo-env")
}

func TestDoctorOfRedis(t *testing.T) {
	inOrder(t)
	s := admit(t)
	at := func(address string) settings { return settings{"redis.url": "redis://" + address} }
	forgetful := service.RedisWith(t, `save ""`, "maxmemory-policy allkeys-lru", "maxmemory 100kb")
	s.finds(doctor.CheckRedisReachable, doctor.Failed, "nothing listens at 127.0.0.1:1", at("127.0.0.1:1"))
	closed := service.Redis(t)
	redisAskAt(t, closed, "CONFIG", "SET", "requirepass", hiddenRedis)
	s.finds(doctor.CheckRedisReachable, doctor.Failed, "NOAUTH", at(closed))
	s.finds(doctor.CheckRedisReachable, doctor.Failed, "WRONGPASS", settings{"redis.url": "redis://nobody:" + hiddenRedis + "x@" + s.redis})
	s.finds(doctor.CheckRedisEviction, doctor.Unwise, "allkeys-lru", at(forgetful))
	s.finds(doctor.CheckRedisMemory, doctor.Failed, "of 0.1 MiB used", at(forgetful))
	s.finds(doctor.CheckRedisPersistence, doctor.Unwise, "logs everybody out", at(forgetful))
	s.finds(doctor.CheckRedisPersistence, doctor.Unwise, "snapshots only", at(service.RedisWith(t, "save 3600 1")))
	host, port, _ := net.SplitHostPort(forgetful)
	s.finds(doctor.CheckRedisRole, doctor.Failed, "replica", at(service.RedisWith(t, "replicaof "+host+" "+port)))
	masters := service.RedisCluster(t)
	s.finds(doctor.CheckRedisRole, doctor.Failed, "redis-cluster://", at(masters[0]))
	cluster := settings{"redis.url": "redis-cluster://" + strings.Join(masters, ",")}
	s.finds(doctor.CheckRedisRole, doctor.Good, "a master of a cluster", cluster)
	s.finds(doctor.CheckRedisReachable, doctor.Good, "3 masters", cluster)
}

func TestDoctorOfTheDatabase(t *testing.T) {
	inOrder(t)
	s := admit(t)
	s.finds(doctor.CheckDatabaseReachable, doctor.Failed, "nothing listens at", settings{"faveo.database": "mysql://u:" + hiddenPassword + "@127.0.0.1:1/x"})
	s.finds(doctor.CheckDatabaseReachable, doctor.Failed, "Access denied", settings{"faveo.database": strings.Replace(s.as(s.user), hiddenPassword, "wrong", 1)})
	root := settings{"faveo.database": s.database.URL}
	s.finds(doctor.CheckDatabaseExcess, doctor.Unwise, "whole server", root)
	other := service.NewUser(t, hiddenPassword)
	s.grant(other, readersGrants[1:]...)
	s.finds(doctor.CheckDatabaseRights, doctor.Failed, "GRANT SELECT ON `"+s.database.Name+"`.`users` TO '"+other+"'@'127.0.0.1';", settings{"faveo.database": s.as(other)})

	s.database.Exec(t, "UPDATE settings_system SET version = NULL")
	s.finds(doctor.CheckFaveoVersion, doctor.Unwise, "set faveo.version")
	s.finds(doctor.CheckFaveoVersion, doctor.Good, "1.10, as faveo.version says", settings{"faveo.version": "1.10"})
	s.database.Exec(t, "UPDATE users SET password = '$2y$04$Z6XnrNUL9zZv.nnCLAzYhOckKRBFvA8VvZrY/WGdHJF5t6fiNhE8e' WHERE user_name = 'demo_admin'")
	s.finds(doctor.CheckDefaultAdministrator, doctor.Failed, "demo_admin has the password")
	s.database.Exec(t, "ALTER TABLE users MODIFY user_name VARCHAR(255) COLLATE utf8mb4_bin")
	s.finds(doctor.CheckDatabaseCollation, doctor.Unwise, "utf8mb4_bin")
	s.database.Exec(t, "ALTER TABLE tickets DROP COLUMN team_id")
	s.finds(doctor.CheckDatabaseTables, doctor.Failed, "tickets has no team_id")
	s.database.Exec(t, "DROP TABLE team_assign_agent")
	s.finds(doctor.CheckDatabaseTables, doctor.Failed, "no table team_assign_agent", root)
}

func TestDoctorOfTheState(t *testing.T) {
	inOrder(t)
	s := admit(t)
	in := func(url string) settings { return settings{"state.database": url} }
	s.finds(doctor.CheckStateReachable, doctor.Failed, "nothing listens at", in("mysql://u:"+hiddenPassword+"@127.0.0.1:1/x"))
	s.finds(doctor.CheckStateMigrations, doctor.Unwise, "no tables yet", in("mysql://root@"+service.MariaDBAddress+"/"+service.NewDatabase(t)))
	s.finds(doctor.CheckSigningKeys, doctor.Good, "none yet")
	reader := service.NewUser(t, hiddenPassword)
	s.grant(reader, "SELECT ON %s.*")
	s.finds(doctor.CheckStateRights, doctor.Failed, "no INSERT on faveo_gateway_signing_keys", in(s.as(reader)))
	s.finds(doctor.CheckStateRights, doctor.Failed, "GRANT DELETE on faveo_gateway_audit TO '"+s.user+"'@'127.0.0.1'", settings{"observability.audit.keep": "24h"})

	// A gateway of this site has run, and then another key was set.
	w := &world{t: t, log: &safeBuffer{}}
	stop := w.run(s.settings, settings{"observability.audit.to": "off", "redis.key_prefix": "other:"})
	stop()
	s.finds(doctor.CheckSigningKeys, doctor.Good, "open all of 1")
	s.finds(doctor.CheckSigningKeys, doctor.Failed, "encryption key", settings{"state.encryption_keys": strings.Repeat("abcd", 16)})

	s.database.Exec(t, "DELETE FROM faveo_gateway_migrations WHERE version_id = 4")
	s.finds(doctor.CheckStateMigrations, doctor.Unwise, "pending: 00004_audit")
	s.database.Exec(t, "INSERT INTO faveo_gateway_migrations (version_id, is_applied) VALUES (4, 1), (77, 1)")
	s.finds(doctor.CheckStateMigrations, doctor.Unwise, "newer program")
}

// TestDoctorIsPatientButNotForEver: everything accepts connections, and nothing answers.
func TestDoctorIsPatientButNotForEver(t *testing.T) {
	inOrder(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	at := silent.Addr().String()
	s := &surgery{T: t, settings: settings{
		"faveo.database": "mysql://u:" + hiddenPassword + "@" + at + "/x", "faveo.urls": "http://" + at, "faveo.jwt_secret": secret,
		"redis.url": "redis://:" + hiddenRedis + "@" + at, "faveo.timeout": "1m", "state.timeout": "1m", "redis.timeout": "1m",
	}}
	s.facts.AppURL = "http://" + at
	began := time.Now()
	report := s.examine()
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("it took %v", took)
	}
	if report.Count(doctor.Failed) != 4 || report.Healthy() {
		t.Errorf("%+v", report)
	}
	for _, f := range report.Checks {
		if f.Result == doctor.Failed && !strings.HasSuffix(f.Found, "no answer in time") {
			t.Errorf("%+v", f)
		}
	}
}
