package faveo_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo"
)

func TestValidateReportsEveryFault(t *testing.T) {
	good := faveo.Options{
		Database: "mysql://root@127.0.0.1/faveo", Timeout: time.Second, MaxConnections: 1, Version: "auto", PublicPath: "/srv",
	}
	for name, test := range map[string]struct {
		change func(*faveo.Options)
		want   []string
	}{
		"good":             {func(*faveo.Options) {}, nil},
		"nothing":          {func(o *faveo.Options) { *o = faveo.Options{} }, []string{"database", "timeout", "max_connections", "version"}},
		"other version":    {func(o *faveo.Options) { o.Version = "3" }, []string{"version"}},
		"negative":         {func(o *faveo.Options) { o.Timeout, o.MaxConnections = -1, -1 }, []string{"timeout", "max_connections"}},
		"many connections": {func(o *faveo.Options) { o.MaxConnections = 10001 }, []string{"max_connections"}},
		"relative path":    {func(o *faveo.Options) { o.PublicPath = "srv" }, []string{"public_path"}},
	} {
		o := good
		test.change(&o)
		var got []string
		o.Validate(func(option, message string) {
			if message == "" {
				t.Errorf("%s: %s without a message", name, option)
			}
			got = append(got, option)
		})
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: faults of %v, want %v", name, got, test.want)
		}
	}
}

// TestOpenRefuses: Open names every fault and no password.
func TestOpenRefuses(t *testing.T) {
	_, err := faveo.Open(t.Context(), faveo.Options{Database: "postgres://user:S3cr3t@host/name", Version: "3"})
	for _, want := range []string{"database must begin with mysql://", "version must be", "timeout must be"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "S3cr3t") {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

// TestWrongPassword: a refused password of the database is a fault, and not shown.
func TestWrongPassword(t *testing.T) {
	service.MariaDB(t)
	db := openURL(t, "mysql://nobody:Wr0ng@"+service.MariaDBAddress+"/faveo", faveo.Options{})
	_, err := db.FindByLogin(t.Context(), "alice")
	if err == nil || errors.Is(err, faveo.ErrNotFound) || strings.Contains(err.Error(), "Wr0ng") {
		t.Errorf("got %v, want a fault without the password", err)
	}
}
