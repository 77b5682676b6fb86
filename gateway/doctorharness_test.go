package gateway_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/doctor"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo/faveotest"
	"faveo-gateway/upstream/standin"
)

// What a site hides. Its own secret is a text as long as it has to be.
const (
	hiddenPassword = "S3cr3tOfTheDatabase"
	hiddenRedis    = "S3cr3tOfRedis"
	hiddenToken    = "S3cr3tOfTheAdminAPI0000000000000000"
	hiddenSealing  = "53ec3e7053ec3e7053ec3e7053ec3e7053ec3e7053ec3e7053ec3e7053ec3e70"
)

// surgery is a site with real stores and a stand-in for PHP, about which there is nothing
// to say, for a test to break.
type surgery struct {
	*testing.T
	database *faveotest.Database
	user     string
	redis    string
	upstream string
	settings settings
	facts    config.FaveoFacts
	// addresses are those of this machine beyond loopback.
	addresses []string
}

// readersGrants are those of the README for Faveo's tables, ownGrants for the gateway's.
var (
	readersGrants = []string{
		"SELECT ON %s.users", "SELECT ON %s.settings_system", "SELECT ON %s.settings_security", "SELECT ON %s.tickets",
		"SELECT ON %s.ticket_collaborator", "SELECT ON %s.team_assign_agent",
	}
	ownGrants = []string{
		"SELECT, INSERT, UPDATE ON %s.faveo_gateway_signing_keys", "SELECT, INSERT, UPDATE ON %s.faveo_gateway_api_keys",
		"SELECT, INSERT ON %s.faveo_gateway_audit", "SELECT, INSERT, UPDATE ON %s.faveo_gateway_audit_head",
		"SELECT ON %s.faveo_gateway_migrations",
	}
)

// admit makes a healthy site.
func admit(t *testing.T) *surgery {
	t.Helper()
	s := &surgery{T: t, database: faveotest.New(t), user: service.NewUser(t, hiddenPassword)}
	s.database.Exec(t, "UPDATE settings_system SET url = NULL")
	php := httptest.NewServer(standin.New(standin.Options{Secret: secret}))
	t.Cleanup(php.Close)
	s.upstream = php.URL
	s.redis = service.RedisWith(t, "appendonly yes", `save ""`)
	redisAskAt(t, s.redis, "ACL", "SETUSER", "gateway", "on", ">"+hiddenRedis, "~*", "&*", "+@all")
	s.facts = config.FaveoFacts{Known: true}
	s.settings = settings{
		"faveo.database":         s.as(s.user),
		"faveo.urls":             s.upstream,
		"faveo.jwt_secret":       secret,
		"redis.url":              "redis://gateway:" + hiddenRedis + "@" + s.redis,
		"state.encryption_keys":  hiddenSealing,
		"admin.token":            hiddenToken,
		"server.trusted_proxies": "127.0.0.1",
	}
	// Nothing of the gateway's own is there before this; root may make it.
	if _, err := gateway.Migrate(t.Context(), s.config(settings{"faveo.database": s.database.URL})); err != nil {
		t.Fatal(err)
	}
	s.grant(s.user, readersGrants...)
	s.grant(s.user, ownGrants...)
	return s
}

// as is the URL of the site's database for a user.
func (s *surgery) as(user string) string {
	return "mysql://" + user + ":" + hiddenPassword + "@" + service.MariaDBAddress + "/" + s.database.Name
}

func (s *surgery) grant(user string, grants ...string) {
	s.Helper()
	for _, grant := range grants {
		service.Exec(s, service.MariaDB(s), fmt.Sprintf("GRANT "+grant, s.database.Name)+" TO "+user+"@'127.0.0.1'")
	}
}

// config is the site's configuration under some other settings.
func (s *surgery) config(over ...settings) *config.Config {
	s.Helper()
	all := map[string]string{}
	for _, layer := range append([]settings{s.settings}, over...) {
		for path, text := range layer {
			if all[path] = text; text == unset {
				delete(all, path)
			}
		}
	}
	c, err := config.Load(config.Sources{Overrides: all})
	if err != nil {
		s.Fatalf("configuration: %v", err)
	}
	return c
}

// examine returns the findings. None may show a secret.
func (s *surgery) examine(over ...settings) doctor.Report {
	s.Helper()
	report, err := gateway.Examine(context.Background(), gateway.ExamineOptions{
		Config: s.config(over...), Faveo: s.facts,
		Addresses: func() (own []netip.Addr, _ error) {
			for _, text := range s.addresses {
				own = append(own, netip.MustParseAddr(text))
			}
			return own, nil
		},
	})
	if err != nil {
		s.Fatalf("Examine: %v", err)
	}
	printed, err := json.Marshal(report)
	if err != nil {
		s.Fatal(err)
	}
	for _, hidden := range []string{hiddenPassword, hiddenRedis, hiddenToken, hiddenSealing, secret, "changeme", "$2y$"} {
		if strings.Contains(string(printed), hidden) {
			s.Errorf("a secret is shown: %s", printed)
		}
	}
	return report
}

// finds expects a result of a check, and a text in what was found or advised.
func (s *surgery) finds(id doctor.ID, want doctor.Result, text string, over ...settings) {
	s.Helper()
	for _, f := range s.examine(over...).Checks {
		if f.ID == id {
			if f.Result != want || !strings.Contains(f.Found+" → "+f.Advice, text) {
				s.Errorf("%s: %+v, want %s about %q", id, f, want, text)
			}
			return
		}
	}
	s.Errorf("no check is called %s", cmp.Or(string(id), "nothing"))
}
