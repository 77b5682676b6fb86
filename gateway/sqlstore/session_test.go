package sqlstore

import (
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/database"
)

// The session does not depend on how the server is set up. Its variables can
// be asked for from inside only.
func TestSessionIsStrictAndInUTC(t *testing.T) {
	service.MariaDB(t)
	url, err := database.Parse("mysql://root@" + service.MariaDBAddress + "/mysql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := open(url, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mode, zone, charset string
	err = db.QueryRowContext(t.Context(), "SELECT @@SESSION.sql_mode, @@SESSION.time_zone, @@SESSION.character_set_client").Scan(&mode, &zone, &charset)
	if err != nil || !strings.Contains(mode, "STRICT_ALL_TABLES") || zone != "+00:00" || charset != "utf8mb4" {
		t.Errorf("mode %s, zone %s, charset %s, error %v", mode, zone, charset, err)
	}
}
