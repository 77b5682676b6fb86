package sqlstore

import (
	"os"
	"strings"
	"testing"
	"time"
)

// The session does not depend on how the server is set up. Its variables can
// be asked for from inside only.
func TestSessionIsStrictAndInUTC(t *testing.T) {
	db, _, err := openURL("mysql://root@127.0.0.1:3306/mysql", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mode, zone, charset string
	err = db.QueryRowContext(t.Context(), "SELECT @@SESSION.sql_mode, @@SESSION.time_zone, @@SESSION.character_set_client").Scan(&mode, &zone, &charset)
	if err != nil && os.Getenv("REQUIRE_SERVICES") != "1" {
		t.Skip("needs MariaDB on 127.0.0.1:3306 as root without password")
	}
	if err != nil || !strings.Contains(mode, "STRICT_ALL_TABLES") || zone != "+00:00" || charset != "utf8mb4" {
		t.Errorf("mode %s, zone %s, charset %s, error %v", mode, zone, charset, err)
	}
}
