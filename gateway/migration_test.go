package gateway_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// faveoToken is a token as Faveo itself writes it (faveo-contract README, section
// 2): its header, its claims in their order, its secret.
func faveoToken(userID int, id string, issued time.Time, life time.Duration) string {
	claims := fmt.Sprintf(
		`{"iss":"http:\/\/helpdesk.example.com\/api\/v1\/authenticate","iat":%d,"exp":%d,"nbf":%d,"jti":"%s","sub":"%d","prv":"87e0af1ef9fd15812fdec97153a14e0b047546aa"}`,
		issued.Unix(), issued.Add(life).Unix(), issued.Unix(), id, userID)
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(input))
	return input + "." + encode(mac.Sum(nil))
}

// accepting are the settings of a gateway that accepts tokens of Faveo's.
func accepting(stores settings) settings {
	return merge(stores, settings{"tokens.accept_faveo_tokens_until": time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)})
}

// logout logs out with a token, which has to succeed.
func (w *world) logout(name, token string) {
	w.t.Helper()
	if got := w.send(http.MethodPost, "/api/v1/authenticate/logout", "", bearer(token)); got.status != http.StatusOK {
		w.t.Fatalf("logout, %s: %d %s", name, got.status, got.body)
	}
}

// TestMigration goes live in front of people who hold tokens of Faveo's: these go
// on, and get what they never had: an end.
func TestMigration(t *testing.T) {
	stores, db := onMariaDB(t)
	closed := start(t, stores)
	over := accepting(stores)
	w, other := start(t, over), start(t, over)
	issued := time.Now().Add(-time.Minute)

	token := faveoToken(4, "aaaaaaaaaaaaaaaa", issued, time.Hour)
	closed.wantProblem("before it is switched on", closed.send(http.MethodGet, priority, "", bearer(token)), 401, "token_invalid")
	w.wantServed("a token of Faveo", token)
	other.wantServed("the same on another replica", token)
	if seen, _ := w.faveo.LastRequest(); strings.Contains(seen.Header.Get("Authorization"), token) {
		t.Error("PHP got the client's token")
	}
	if !strings.Contains(w.metrics(), `faveo_gateway_tokens_checked_total{result="faveo"} 1`) {
		t.Error("it is not counted")
	}
	list := w.sessions(token)
	if len(list) != 1 || !list[0].Current {
		t.Errorf("its sessions are %+v", list)
	}
	w.logout("a token that was shown", token)
	w.wantRefused("after its logout", token)
	w.wantRefused("after its logout, once more", token)

	unseen := faveoToken(4, "bbbbbbbbbbbbbbbb", issued, time.Hour)
	w.logout("before any use", unseen)
	other.wantRefused("a token whose first sight was its logout", unseen)

	// All of a user, also those that nobody has shown yet.
	late := faveoToken(4, "cccccccccccccccc", issued, time.Hour)
	alice := w.login("alice", "AlicePass1!")
	w.send(http.MethodPost, "/api/v1/authenticate/logout", `{"all":true}`, bearer(alice), "Content-Type: application/json")
	w.wantRefused("a token from before all sessions were ended", late)
	w.wantServed("somebody else's", faveoToken(5, "dddddddddddddddd", issued, time.Hour))

	// A refresh makes it a token of the gateway's.
	agent := faveoToken(2, "eeeeeeeeeeeeeeee", issued, time.Hour)
	successor := w.refresh(agent)
	closed.wantServed("the successor, which needs no migration", successor)

	db.Exec(t, "UPDATE users SET ban = 1 WHERE id = 6")
	w.wantRefused("a banned account", faveoToken(6, "ffffffffffffffff", issued, time.Hour))
	w.wantRefused("an account that is not there", faveoToken(999999, "gggggggggggggggg", issued, time.Hour))
	w.wantProblem("an expired one", w.send(http.MethodGet, priority, "", bearer(faveoToken(5, "h", issued.Add(-2*time.Hour), time.Hour))), 401, "token_expired")
}

// TestLogoutOfAFaveoTokenIsAlwaysStored, whatever the account or the session is at that
// time.
func TestLogoutOfAFaveoTokenIsAlwaysStored(t *testing.T) {
	stores, db := onMariaDB(t)
	database := newSwitch(t, "127.0.0.1:3306")
	stores = merge(accepting(stores), settings{"sessions.refresh_overlap": "1s", "sessions.cache_ttl": "1s"})
	other := start(t, stores)
	w := start(t, merge(stores, settings{
		"faveo.database": strings.Replace(stores["faveo.database"], "127.0.0.1:3306", database.address(), 1),
	}))
	issued := time.Now().Add(-time.Minute)

	unseen := faveoToken(4, "aaaaaaaaaaaaaaaa", issued, time.Hour)
	mend := database.cut()
	w.logout("while the database is down", unseen)
	mend()
	other.wantRefused("a token that logged out while the database was down", unseen)

	banned := faveoToken(5, "bbbbbbbbbbbbbbbb", issued, time.Hour)
	db.Exec(t, "UPDATE users SET ban = 1 WHERE id = 5")
	other.logout("while the account is banned", banned)
	db.Exec(t, "UPDATE users SET ban = 0 WHERE id = 5")
	other.wantRefused("a token that logged out while its account was banned", banned)
	other.wantServed("another one of that account", faveoToken(5, "cccccccccccccccc", issued, time.Hour))

	superseded := faveoToken(2, "dddddddddddddddd", issued, time.Hour)
	successor := other.refresh(superseded)
	eventually(t, "the end of the overlap", func() bool {
		return other.send(http.MethodGet, priority, "", bearer(superseded)).status == http.StatusUnauthorized
	})
	other.wantServed("the successor", successor)
	other.logout("with a token that was refreshed", superseded)
	other.wantRefused("the whole family", successor)
}

// TestStolenFaveoToken is refreshed by a thief, and later by its owner: neither goes
// on.
func TestStolenFaveoToken(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, merge(accepting(stores), settings{"sessions.refresh_overlap": "1s", "sessions.cache_ttl": "1s"}))
	stolen := faveoToken(4, "aaaaaaaaaaaaaaaa", time.Now().Add(-time.Minute), time.Hour)
	thief := w.refresh(stolen)
	w.wantServed("the thief", thief)
	eventually(t, "the end of the overlap", func() bool {
		return w.send(http.MethodGet, priority, "", bearer(stolen)).status == http.StatusUnauthorized
	})
	w.wantProblem("the owner", w.send(http.MethodPost, "/api/v1/authenticate/refresh", "", bearer(stolen)), 401, "token_revoked")
	w.wantRefused("the thief afterwards", thief)
}

// TestEndOfEverythingEndsFaveoTokens, also those that nobody has shown yet.
func TestEndOfEverythingEndsFaveoTokens(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, managed(accepting(stores)))
	issued := time.Now().Add(-time.Minute)
	shown, unseen := faveoToken(4, "aaaaaaaaaaaaaaaa", issued, time.Hour), faveoToken(5, "bbbbbbbbbbbbbbbb", issued, time.Hour)
	w.wantServed("a token of Faveo", shown)
	if got := w.manage(http.MethodDelete, "sessions?all=true", ""); got.status != http.StatusOK || !strings.Contains(got.body, `"ended":1`) {
		t.Fatalf("end all: %d %s", got.status, got.body)
	}
	w.wantRefused("a token that was shown", shown)
	w.wantRefused("a token that was never shown", unseen)
	eventually(t, "a token that was issued afterwards", func() bool {
		later := faveoToken(4, fmt.Sprintf("%016d", time.Now().Unix()), time.Now(), time.Hour)
		return w.send(http.MethodGet, priority, "", bearer(later)).status == http.StatusOK
	})
}

// TestBridgeTokenDoesNotComeBack shows the front door the token that PHP got from
// the gateway, which is of Faveo's shape and has its signature.
func TestBridgeTokenDoesNotComeBack(t *testing.T) {
	stores, _ := onMariaDB(t)
	for _, issuer := range []string{"faveo-gateway", "http://helpdesk.example.com/api/v1/authenticate"} {
		w := start(t, merge(stores, settings{
			"tokens.accept_faveo_tokens_until": time.Now().Add(time.Hour).UTC().Format(time.RFC3339), "tokens.issuer": issuer,
		}))
		w.wantServed("a request", w.login("alice", "AlicePass1!"))
		seen, _ := w.faveo.LastRequest()
		bridge, ok := strings.CutPrefix(seen.Header.Get("Authorization"), "Bearer ")
		if !ok {
			t.Fatal("PHP got no bridge token")
		}
		w.wantProblem("issuer "+issuer, w.send(http.MethodGet, priority, "", bearer(bridge)), 401, "token_invalid")
	}
}
