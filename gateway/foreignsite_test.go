package gateway_test

import (
	"net/http"
	"testing"
)

// TestLoginFromForeignPages: a page of another site cannot make its visitors guess at
// passwords, and so lock out their owners at home.
func TestLoginFromForeignPages(t *testing.T) {
	stores, db := onMariaDB(t)
	cheapPasswords(t, db)
	w := start(t, merge(stores, settings{"login.lockout.per_pair": "3/15m"}))
	const form = "Content-Type: application/x-www-form-urlencoded"
	for range 5 {
		got := w.send(http.MethodPost, "/api/v1/authenticate", "username=alice&password=wrong", form, "Sec-Fetch-Site: cross-site")
		w.wantProblem("a form on another site", got, http.StatusForbidden, "forbidden")
	}
	for _, site := range []string{"same-origin", "same-site", "none", ""} {
		headers := []string{form}
		if site != "" {
			headers = append(headers, "Sec-Fetch-Site: "+site)
		}
		if got := w.send(http.MethodPost, "/api/v1/authenticate", "username=alice&password=cheap", headers...); got.status != http.StatusOK {
			t.Errorf("from %q: %d %s", site, got.status, got.body)
		}
	}
}
