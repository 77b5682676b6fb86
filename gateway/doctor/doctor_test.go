package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/doctor"
)

// find returns the findings of a check.
func find(r doctor.Report, id doctor.ID) (found []doctor.Finding) {
	for _, f := range r.Checks {
		if f.ID == id {
			found = append(found, f)
		}
	}
	return found
}

func TestHealthySite(t *testing.T) {
	r := doctor.Examine(t.Context(), healthy())
	for _, f := range r.Checks {
		if f.Result != doctor.Good || f.Found == "" || f.Advice != "" {
			t.Errorf("%+v, want ok and nothing to do", f)
		}
	}
	if !r.Healthy() || r.Count(doctor.Good) != len(r.Checks) || len(r.Checks) < 32 {
		t.Errorf("%d checks, %d of them ok", len(r.Checks), r.Count(doctor.Good))
	}
}

var errDown = errors.New("it broke")

// refused is what dialling a closed port gives, as deep as a driver wraps it.
func refused(address string) error {
	to, _ := net.ResolveTCPAddr("tcp", address)
	return fmt.Errorf("faveo: ping: %w", &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)})
}

// redis breaks the one Redis of a site.
func redis(change func(*doctor.RedisNode)) func(*doctor.Site) {
	return func(s *doctor.Site) {
		n := node()
		change(&n)
		s.Redis.Nodes = says([]doctor.RedisNode{n})
	}
}

func php(change func(*doctor.Upstream)) func(*doctor.Site) {
	return func(s *doctor.Site) { change(&s.PHP[0]) }
}

var on = true

// illnesses break a healthy site in one place each. Advice is checked to be there wherever
// something is to be done.
var illnesses = []struct {
	name   string
	change func(*doctor.Site)
	id     doctor.ID
	want   doctor.Result
	text   string
}{
	{"broken policy", func(s *doctor.Site) { s.Settings.Policy = fails[int](errors.New("policy: rule.yaml:4: bad")) }, doctor.CheckPolicy, doctor.Failed, "rule.yaml:4"},
	{"short secret", func(s *doctor.Site) {
		s.Settings.Warnings = []string{"faveo.jwt_secret: it is short; set a longer one"}
	}, doctor.CheckJWTSecret, doctor.Unwise, "it is short"},
	{"known secret", func(s *doctor.Site) {
		s.Settings.Warnings, s.Settings.SecretKnown = []string{"faveo.jwt_secret: everybody knows it"}, true
	}, doctor.CheckJWTSecret, doctor.Failed, "everybody knows"},
	{"derived key", func(s *doctor.Site) { s.Settings.Warnings = []string{"state.encryption_keys: none given"} }, doctor.CheckEncryptionKeys, doctor.Unwise, "none given"},
	{"plain http", func(s *doctor.Site) { s.Settings.Warnings = []string{"faveo.urls[1]: http beyond this machine: bad"} }, doctor.CheckUpstreamEncryption, doctor.Unwise, "faveo.urls[1]"},
	{"no audit trail", func(s *doctor.Site) { s.Settings.Warnings = []string{"observability.audit.to: off"} }, doctor.CheckSettings, doctor.Unwise, "observability.audit.to"},
	{"no admin token", func(s *doctor.Site) { s.Settings.AdminToken = false }, doctor.CheckAdminToken, doctor.Unwise, "none"},
	{"front unnamed", func(s *doctor.Site) {
		s.Settings.TrustsProxies, s.Settings.Front = false, "server.listen is a loopback address"
	}, doctor.CheckTrustedProxies, doctor.Unwise, "loopback"},
	{"installer's life", func(s *doctor.Site) { s.Settings.TokenLife = 4 * time.Minute }, doctor.CheckTokenLife, doctor.Unwise, "4m,"},
	{"debug", func(s *doctor.Site) { s.Settings.Debug = &on }, doctor.CheckFaveoDebug, doctor.Unwise, "APP_DEBUG"},
	{"no .env", func(s *doctor.Site) { s.Settings.Debug = nil }, doctor.CheckFaveoDebug, doctor.Skipped, "--faveo-env"},

	{"no Redis", func(s *doctor.Site) { s.Redis.Nodes = fails[[]doctor.RedisNode](refused("10.9.9.9:6379")) }, doctor.CheckRedisReachable, doctor.Failed, "nothing listens at 10.9.9.9:6379"},
	{"old Redis", redis(func(n *doctor.RedisNode) { n.Version = "4.0.14" }), doctor.CheckRedisReachable, doctor.Failed, "4.0.14"},
	{"replica", redis(func(n *doctor.RedisNode) { n.Replica = true }), doctor.CheckRedisRole, doctor.Failed, "replica"},
	{"cluster by the wrong URL", redis(func(n *doctor.RedisNode) { n.Clustered, n.ClusterState = true, "ok" }), doctor.CheckRedisRole, doctor.Failed, "cluster"},
	{"cluster without all slots", func(s *doctor.Site) {
		redis(func(n *doctor.RedisNode) { n.Clustered, n.ClusterState = true, "fail" })(s)
		s.Redis.Cluster = true
	}, doctor.CheckRedisRole, doctor.Failed, `"fail"`},
	{"evicts", redis(func(n *doctor.RedisNode) { n.Eviction = "allkeys-lru" }), doctor.CheckRedisEviction, doctor.Unwise, "allkeys-lru"},
	{"hides eviction", redis(func(n *doctor.RedisNode) { n.Eviction = "" }), doctor.CheckRedisEviction, doctor.Unwise, "cannot be seen"},
	{"nearly full", redis(func(n *doctor.RedisNode) { n.UsedMemory = 250 << 20 }), doctor.CheckRedisMemory, doctor.Unwise, "250 MiB of 256 MiB"},
	{"full", redis(func(n *doctor.RedisNode) { n.UsedMemory = 256 << 20 }), doctor.CheckRedisMemory, doctor.Failed, "256 MiB"},
	{"hides memory", redis(func(n *doctor.RedisNode) { n.UsedMemory, n.MaxMemory = 0, 0 }), doctor.CheckRedisMemory, doctor.Unwise, "cannot be seen"},
	{"snapshots", redis(func(n *doctor.RedisNode) { n.AppendOnly, n.Snapshots = false, "3600 1" }), doctor.CheckRedisPersistence, doctor.Unwise, "save 3600 1"},
	{"memory only", redis(func(n *doctor.RedisNode) { n.AppendOnly = false }), doctor.CheckRedisPersistence, doctor.Unwise, "logs everybody out"},
	{"hides persistence", redis(func(n *doctor.RedisNode) { n.AppendOnly, n.SnapshotsTold = false, false }), doctor.CheckRedisPersistence, doctor.Unwise, "cannot be seen"},
	{"disk full", redis(func(n *doctor.RedisNode) { n.WriteFault = "the last snapshot could not be saved" }), doctor.CheckRedisPersistence, doctor.Failed, "could not be saved"},
	{"one of three evicts", func(s *doctor.Site) {
		other := node()
		other.Address, other.Eviction = "10.0.0.2:6379", "volatile-ttl"
		s.Redis.Nodes = says([]doctor.RedisNode{node(), other, node()})
	}, doctor.CheckRedisEviction, doctor.Unwise, "10.0.0.2:6379: maxmemory-policy volatile-ttl"},
	{"Redis is ahead", func(s *doctor.Site) { s.Redis.Clock = says(noon.Add(time.Minute)) }, doctor.CheckRedisClock, doctor.Unwise, "1m0s ahead of"},

	{"no database", func(s *doctor.Site) { s.Database.Server = fails[doctor.Server](refused("10.9.9.9:3306")) }, doctor.CheckDatabaseReachable, doctor.Failed, "nothing listens at"},
	{"no table", func(s *doctor.Site) { s.Database.Tables = says([]doctor.Table{{Name: "users", Absent: true}}) }, doctor.CheckDatabaseTables, doctor.Failed, "no table users"},
	{"no column", func(s *doctor.Site) {
		s.Database.Tables = says([]doctor.Table{{Name: "users", Lacks: []string{"ban", "is_delete"}}})
	}, doctor.CheckDatabaseTables, doctor.Failed, "users has no ban, is_delete"},
	{"no right", func(s *doctor.Site) {
		s.Database.Tables = says([]doctor.Table{{Name: "users", Denied: true}, {Name: "tickets"}})
	}, doctor.CheckDatabaseRights, doctor.Failed, "no SELECT on users"},
	{"root", func(s *doctor.Site) { s.Database.Excess = says(doctor.Excess{Server: []string{"SUPER", "FILE"}}) }, doctor.CheckDatabaseExcess, doctor.Unwise, "FILE, SUPER"},
	{"bytes", func(s *doctor.Site) {
		s.Database.Collations = says(map[string]string{"user_name": "", "email": "utf8mb4_unicode_ci"})
	}, doctor.CheckDatabaseCollation, doctor.Unwise, "user_name by bytes"},
	{"case", func(s *doctor.Site) {
		s.Database.Collations = says(map[string]string{"user_name": "utf8mb4_bin", "email": "utf8mb4_bin"})
	}, doctor.CheckDatabaseCollation, doctor.Unwise, "differ by case"},
	{"two collations", func(s *doctor.Site) {
		s.Database.Collations = says(map[string]string{"user_name": "utf8mb4_general_ci", "email": "utf8mb4_unicode_ci"})
	}, doctor.CheckDatabaseCollation, doctor.Unwise, "differently"},
	{"database is behind", func(s *doctor.Site) { s.Database.Clock = says(noon.Add(-time.Hour)) }, doctor.CheckDatabaseClock, doctor.Unwise, "1h0m0s behind"},
	{"version is NULL", func(s *doctor.Site) {
		s.Database.Version = says(doctor.FaveoVersion{Shape: "2", Assumed: true})
	}, doctor.CheckFaveoVersion, doctor.Unwise, "does not say"},
	{"unknown version", func(s *doctor.Site) {
		s.Database.Version = says(doctor.FaveoVersion{Stored: "v3.0", Shape: "2", Assumed: true})
	}, doctor.CheckFaveoVersion, doctor.Unwise, "v3.0 is not known"},
	{"version not told", func(s *doctor.Site) { s.Database.Version = fails[doctor.FaveoVersion](errDown) }, doctor.CheckFaveoVersion, doctor.Unwise, "it broke"},
	{"installer's password", func(s *doctor.Site) {
		s.Database.Administrator = says(doctor.Administrator{Exists: true, Opens: true})
	}, doctor.CheckDefaultAdministrator, doctor.Failed, "demo_admin"},

	{"no state", func(s *doctor.Site) { s.State.Server = fails[doctor.Server](errDown) }, doctor.CheckStateReachable, doctor.Failed, "it broke"},
	{"no tables", func(s *doctor.Site) { s.State.Migrations = says(doctor.Migrations{Pending: []string{"00001_x"}}) }, doctor.CheckStateMigrations, doctor.Unwise, "no tables yet"},
	{"old tables", func(s *doctor.Site) {
		s.State.Migrations = says(doctor.Migrations{Applied: 1, Pending: []string{"00002_y"}})
	}, doctor.CheckStateMigrations, doctor.Unwise, "pending: 00002_y"},
	{"newer tables", func(s *doctor.Site) { s.State.Migrations = says(doctor.Migrations{Applied: 4, Unknown: []int64{99}}) }, doctor.CheckStateMigrations, doctor.Unwise, "newer program"},
	{"cannot write", func(s *doctor.Site) { s.State.Lacks = says([]string{"INSERT on faveo_gateway_audit"}) }, doctor.CheckStateRights, doctor.Failed, "no INSERT on faveo_gateway_audit"},
	{"read-only server", func(s *doctor.Site) { s.State.Server = says(doctor.Server{Version: "MySQL 8.4.2", ReadOnly: true}) }, doctor.CheckStateRights, doctor.Failed, "takes no writes"},
	{"sealed by another key", func(s *doctor.Site) { s.State.Keys = says(doctor.Keys{Stored: 1, Fault: errDown}) }, doctor.CheckSigningKeys, doctor.Failed, "it broke"},

	{"no PHP", php(func(u *doctor.Upstream) { u.Answer = fails[doctor.Answer](refused("127.0.0.1:8000")) }), doctor.CheckPHPReachable, doctor.Failed, "nothing listens"},
	{"PHP is ill", php(func(u *doctor.Upstream) { u.Answer = says(doctor.Answer{Status: 500}) }), doctor.CheckPHPReachable, doctor.Failed, "500"},
	{"no Faveo", php(func(u *doctor.Upstream) { u.Answer = says(doctor.Answer{Status: 404}) }), doctor.CheckPHPReachable, doctor.Failed, "is this a Faveo?"},
	{"another secret", php(func(u *doctor.Upstream) { u.Bridge = says(doctor.BridgeRefused) }), doctor.CheckPHPBridgeToken, doctor.Failed, "another secret"},
	{"no verdict", php(func(u *doctor.Upstream) { u.Bridge = fails[doctor.Bridge](errDown) }), doctor.CheckPHPBridgeToken, doctor.Failed, "it broke"},
	{"PHP is behind", php(func(u *doctor.Upstream) { u.Clock = says(noon.Add(-10 * time.Second)) }), doctor.CheckPHPClock, doctor.Failed, "not yet valid"},
	{"PHP is ahead", php(func(u *doctor.Upstream) { u.Clock = says(noon.Add(time.Minute)) }), doctor.CheckPHPClock, doctor.Failed, "expired"},
	{"no Date", php(func(u *doctor.Upstream) { u.Clock = fails[time.Time](doctor.ErrNoDate) }), doctor.CheckPHPClock, doctor.Unwise, "no Date"},
	{"open port", php(func(u *doctor.Upstream) { u.Exposed = says(doctor.Exposure{Open: []string{"10.0.0.2:8000"}}) }), doctor.CheckPHPExposed, doctor.Unwise, "10.0.0.2:8000"},
	{"elsewhere", php(func(u *doctor.Upstream) { u.Exposed = says(doctor.Exposure{Elsewhere: true}) }), doctor.CheckPHPExposed, doctor.Skipped, "another machine"},

	{"leads to PHP", func(s *doctor.Site) {
		s.Public = says(doctor.Public{URL: "http://h", Source: "APP_URL", Who: doctor.AnswererFaveo})
	}, doctor.CheckPublicAddress, doctor.Unwise, "leads to PHP"},
	{"leads elsewhere", func(s *doctor.Site) {
		s.Public = says(doctor.Public{URL: "http://h", Source: "APP_URL", Who: doctor.AnswererOther})
	}, doctor.CheckPublicAddress, doctor.Unwise, "neither"},
	{"leads nowhere", func(s *doctor.Site) {
		s.Public = says(doctor.Public{URL: "http://h", Source: "APP_URL", Fault: &net.DNSError{Name: "h"}})
	}, doctor.CheckPublicAddress, doctor.Skipped, "the name h cannot be resolved"},
	{"nobody says", func(s *doctor.Site) { s.Public = says(doctor.Public{}) }, doctor.CheckPublicAddress, doctor.Skipped, "neither APP_URL"},
}

// TestIllnesses: each is found, by its check, and by no other.
func TestIllnesses(t *testing.T) {
	unbroken := map[doctor.ID]bool{}
	for _, f := range doctor.Examine(t.Context(), healthy()).Checks {
		unbroken[f.ID] = true
	}
	for _, ill := range illnesses {
		t.Run(ill.name, func(t *testing.T) {
			delete(unbroken, ill.id)
			s := healthy()
			ill.change(&s)
			r := doctor.Examine(t.Context(), s)
			found := find(r, ill.id)
			if len(found) != 1 || found[0].Result != ill.want || !strings.Contains(found[0].Found, ill.text) {
				t.Fatalf("%s: %+v, want %s about %q", ill.id, found, ill.want, ill.text)
			}
			if (found[0].Advice == "") != (ill.want == doctor.Skipped) {
				t.Errorf("the advice is %q", found[0].Advice)
			}
			for _, f := range r.Checks {
				if f.ID != ill.id && f.Result != doctor.Good && f.Result != doctor.Skipped {
					t.Errorf("%s is found, too: %s", f.ID, f.Found)
				}
			}
			if r.Healthy() != (ill.want != doctor.Failed) {
				t.Errorf("healthy is %t", r.Healthy())
			}
		})
	}
	for id := range unbroken {
		t.Errorf("no illness shows in %s", id)
	}
}

func TestGrantIsReadyToPaste(t *testing.T) {
	s := healthy()
	s.Database.Server = says(doctor.Server{Database: "fa`veo", User: "o'neil@%"})
	s.Database.Tables = says([]doctor.Table{{Name: "users", Denied: true}})
	got := find(doctor.Examine(t.Context(), s), doctor.CheckDatabaseRights)[0].Advice
	if want := "GRANT SELECT ON `fa``veo`.`users` TO 'o''neil'@'%';"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestEverythingIsDown: one failure for each dependency, and the rest skipped.
func TestEverythingIsDown(t *testing.T) {
	s := healthy()
	s.Redis.Nodes = fails[[]doctor.RedisNode](errDown)
	s.Database.Server, s.State.Server = fails[doctor.Server](errDown), fails[doctor.Server](errDown)
	s.PHP[0].Answer = fails[doctor.Answer](errDown)
	s.Redis.Clock = func(context.Context) (time.Time, error) { panic("asked of a Redis that does not answer") }
	r := doctor.Examine(t.Context(), s)
	if r.Count(doctor.Failed) != 4 || r.Count(doctor.Skipped) != 5+7+3+3 || r.Count(doctor.Unwise) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestSilenceIsBounded: what never answers is given up.
func TestSilenceIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := healthy()
		hang := func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("faveo: ping: %w", ctx.Err())
		}
		s.Redis.Nodes = func(ctx context.Context) ([]doctor.RedisNode, error) { return nil, hang(ctx) }
		s.Database.Version = func(ctx context.Context) (doctor.FaveoVersion, error) { return doctor.FaveoVersion{}, hang(ctx) }
		s.PHP[0].Exposed = func(ctx context.Context) (doctor.Exposure, error) { return doctor.Exposure{}, hang(ctx) }
		began := time.Now()
		r := doctor.Examine(t.Context(), s)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		for _, id := range []doctor.ID{doctor.CheckRedisReachable, doctor.CheckFaveoVersion, doctor.CheckPHPExposed} {
			if f := find(r, id)[0]; !strings.HasSuffix(f.Found, "no answer in time") {
				t.Errorf("%+v", f)
			}
		}
	})
}

// TestReportIsInOrder: whoever answers first.
func TestReportIsInOrder(t *testing.T) {
	s := healthy()
	second := s.PHP[0]
	second.Name = "127.0.0.1:8001"
	s.PHP = append(s.PHP, second)
	var parts []string
	for _, f := range doctor.Examine(t.Context(), s).Checks {
		if part := string(f.Part); len(parts) == 0 || parts[len(parts)-1] != part {
			parts = append(parts, part)
		}
		if f.ID == doctor.CheckPHPReachable && strings.HasPrefix(f.Found, "127.0.0.1:800") {
			parts = append(parts, f.Found[:14])
		}
	}
	want := "[configuration redis database state php 127.0.0.1:8000 php 127.0.0.1:8001 php public]"
	if got := fmt.Sprint(parts); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestFaultsOfOthersAreCleaned: a server's words do not move the cursor or fill the screen.
func TestFaultsOfOthersAreCleaned(t *testing.T) {
	s := healthy()
	s.State.Server = fails[doctor.Server](errors.New("\x1b[2Jbad\nnews " + strings.Repeat("x", 500)))
	found := find(doctor.Examine(t.Context(), s), doctor.CheckStateReachable)[0].Found
	if strings.ContainsAny(found, "\x1b\n") || len(found) > 250 || !strings.HasPrefix(found, "[2Jbad news x") {
		t.Errorf("%q", found)
	}
}
