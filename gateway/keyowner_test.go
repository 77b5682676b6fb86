package gateway_test

import (
	"net/http"
	"testing"

	"faveo-gateway/gateway/storetest/service"
)

// TestKeyForNobody: a key that stands for an account that does not exist, or may not log
// in, is not made.
func TestKeyForNobody(t *testing.T) {
	stores, db := onMariaDB(t)
	w := start(t, managed(stores))
	db.Exec(t, "UPDATE users SET ban = 1 WHERE id = 3")
	for user, want := range map[string]int{
		"2": http.StatusCreated, "3": http.StatusBadRequest, "999999": http.StatusBadRequest, "18446744073709551615": http.StatusBadRequest,
	} {
		if got := w.manage(http.MethodPost, "apikeys", `{"name":"import","scopes":"staff","user":"`+user+`"}`); got.status != want {
			t.Errorf("user %s: %d %s, want %d", user, got.status, got.body, want)
		}
	}
	db.Exec(t, "RENAME TABLE users TO gone")
	got := w.manage(http.MethodPost, "apikeys", `{"name":"import","scopes":"staff","user":"2"}`)
	if got.status != http.StatusServiceUnavailable {
		t.Errorf("without the database: %d %s", got.status, got.body)
	}
	var keys int
	if err := service.MariaDB(t).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+db.Name+".faveo_gateway_api_keys").Scan(&keys); err != nil || keys != 1 {
		t.Errorf("%d keys were made, %v, want 1", keys, err)
	}
}
