package sqlstore_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/sqlstore"
	"faveo-gateway/gateway/storetest/service"
)

func survey(t *testing.T, url string) *sqlstore.Survey {
	t.Helper()
	s, err := sqlstore.OpenSurvey(sqlstore.Options{Database: url, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatalf("OpenSurvey: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// TestSurveyOfMigrations looks before there is anything, after it, after an upgrade that
// was never run and after one of a newer program.
func TestSurveyOfMigrations(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		store, s := open(t, sqlstore.Options{Database: url}), survey(t, url)
		want := func(when string, m sqlstore.Migrations) {
			t.Helper()
			got, err := s.Migrations(t.Context())
			if err != nil || got.Applied != m.Applied || !slices.Equal(got.Pending, m.Pending) || !slices.Equal(got.Unknown, m.Unknown) {
				t.Errorf("%s: %+v, %v, want %+v", when, got, err, m)
			}
		}
		want("empty", sqlstore.Migrations{Pending: all})
		want("still empty", sqlstore.Migrations{Pending: all})
		if _, err := store.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		want("migrated", sqlstore.Migrations{Applied: len(all)})
		exec := func(statement string) {
			t.Helper()
			service.Exec(t, raw(t, url), statement)
		}
		exec("INSERT INTO faveo_gateway_migrations (version_id, is_applied) VALUES (99, TRUE)")
		want("by a newer program", sqlstore.Migrations{Applied: len(all), Unknown: []int64{99}})
		exec("DELETE FROM faveo_gateway_migrations WHERE version_id IN (4, 99)")
		want("by an older one", sqlstore.Migrations{Applied: len(all) - 1, Pending: all[len(all)-1:]})
	})
}

// TestSurveyOfRights has the grants of the README, and then less.
func TestSurveyOfRights(t *testing.T) {
	name := service.NewDatabase(t)
	migrated(t, mysqlURL(name))
	grants := []string{
		"SELECT, INSERT, UPDATE ON %s.faveo_gateway_signing_keys", "SELECT, INSERT, UPDATE ON %s.faveo_gateway_api_keys",
		"SELECT, INSERT ON %s.faveo_gateway_audit", "SELECT, INSERT, UPDATE ON %s.faveo_gateway_audit_head", "SELECT ON %s.faveo_gateway_migrations",
	}
	as := func(grants ...string) *sqlstore.Survey {
		user := service.NewUser(t, "pw")
		for _, grant := range grants {
			service.Exec(t, service.MariaDB(t), fmt.Sprintf("GRANT "+grant, name)+" TO "+user+"@'127.0.0.1'")
		}
		return survey(t, "mysql://"+user+":pw@"+service.MariaDBAddress+"/"+name)
	}
	for _, test := range []struct {
		name            string
		survey          *sqlstore.Survey
		isTrail, pruned bool
		want            string
	}{
		{"the README's", as(grants...), true, false, "[]"},
		{"and pruned", as(grants...), true, true, "[DELETE on faveo_gateway_audit]"},
		{"a reader", as("SELECT ON %s.*"), false, false, "[INSERT on faveo_gateway_signing_keys UPDATE on faveo_gateway_signing_keys" +
			" INSERT on faveo_gateway_api_keys UPDATE on faveo_gateway_api_keys]"},
		{
			"a reader with a trail", as(append(grants[:2:2], "SELECT ON %s.*")...), true, false,
			"[INSERT on faveo_gateway_audit INSERT on faveo_gateway_audit_head UPDATE on faveo_gateway_audit_head]",
		},
		{
			"without API keys", as(append(grants[:1:1], grants[2:]...)...), true, false,
			"[SELECT on faveo_gateway_api_keys INSERT on faveo_gateway_api_keys UPDATE on faveo_gateway_api_keys]",
		},
		{"root", survey(t, mysqlURL(name)), true, true, "[]"},
		{"root, of an empty database", survey(t, mysqlURL(service.NewDatabase(t))), true, true, "[]"},
	} {
		got, err := test.survey.Lacks(t.Context(), test.isTrail, test.pruned)
		if err != nil || fmt.Sprint(got) != test.want {
			t.Errorf("%s: %v, %v, want %s", test.name, got, err, test.want)
		}
	}
}

// TestSurveyChangesNothing: it makes neither tables nor files, and the tables stay as they
// were to the last row.
func TestSurveyChangesNothing(t *testing.T) {
	look := func(s *sqlstore.Survey) {
		_, _ = s.Server(t.Context())
		_, _ = s.Migrations(t.Context())
		_, _ = s.Lacks(t.Context(), true, true)
		_, _ = s.Keys(t.Context())
	}
	t.Run("no file", func(t *testing.T) {
		url := sqliteURL(t, "absent.db")
		look(survey(t, url))
		if _, err := os.Stat(strings.TrimPrefix(url, "sqlite://")); !os.IsNotExist(err) {
			t.Errorf("a file was made: %v", err)
		}
	})
	databases(t, func(t *testing.T, url string) {
		empty := open(t, sqlstore.Options{Database: url})
		look(survey(t, url))
		if applied, err := empty.Migrate(t.Context()); err != nil || !slices.Equal(applied, all) {
			t.Fatalf("after the survey %v were to be applied, %v", applied, err)
		}
		if err := empty.AddActive(t.Context(), record("k1")); err != nil {
			t.Fatal(err)
		}
		s := survey(t, url)
		look(s)
		keys, err := s.Keys(t.Context())
		if err != nil || len(keys) != 1 || keys[0].State != record("k1").State || keys[0].KID != "k1" {
			t.Errorf("the keys are %+v, %v", keys, err)
		}
		server, err := s.Server(t.Context())
		if err != nil || !strings.Contains(server.Version, " ") {
			t.Errorf("the server is %+v, %v", server, err)
		}
	})
}
