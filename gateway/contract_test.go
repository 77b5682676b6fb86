package gateway_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"faveo-gateway/upstream/faveo/faveotest"
)

// difference is a recording that the gateway answers otherwise, on purpose.
type difference struct {
	reason string
	status int
	body   string
}

// The bodies of the gateway's own answers in the table below.
const (
	invalidCredentials = `{"error":"invalid_credentials","status_code":401}`
	methodNotAllowed   = `{"success":false,"error":"method_not_allowed","message":"Method not allowed","status_code":405,"request_id":"<id>"}`
	unavailable        = `{"success":false,"error":"unavailable","message":"The service is unavailable for the moment","status_code":503,"request_id":"<id>"}`
)

// differences is every intended difference from Faveo v2.0.3, by the name of the
// recording, for a gateway that keeps PHP's status codes and internal notes.
var differences = map[string]difference{
	"banned-user":  {"banned accounts may not log in", 200, invalidCredentials},
	"deleted-user": {"deleted accounts may not log in", 200, invalidCredentials},

	"json-null-username-right-password-of-null-name-user": {"NULL is no name", 200, invalidCredentials},
	"json-username-array":                   {"only text is a name", 200, invalidCredentials},
	"json-username-array-two":               {"only text is a name", 200, invalidCredentials},
	"json-username-array-int-zero":          {"only text is a name", 200, invalidCredentials},
	"json-username-nested-array":            {"only text is a name", 200, invalidCredentials},
	"json-username-object":                  {"only text is a name", 200, invalidCredentials},
	"json-username-false-admin-password":    {"only text is a name", 200, invalidCredentials},
	"json-username-int-zero-admin-password": {"only text is a name", 200, invalidCredentials},
	"json-username-int":                     {"only text is a name", 200, invalidCredentials},
	"json-username-float":                   {"only text is a name", 200, invalidCredentials},
	"form-username-array":                   {"only text is a name", 200, invalidCredentials},
	"form-username-array-two":               {"only text is a name", 200, invalidCredentials},
	"form-password-array":                   {"only text is a password", 200, invalidCredentials},

	"password-nul-suffix":               {"a password with NUL is wrong", 200, invalidCredentials},
	"password-nul-suffix-garbage":       {"a password with NUL is wrong", 200, invalidCredentials},
	"password-nul-only-empty-hash-user": {"a password with NUL is wrong", 200, invalidCredentials},
	"json-password-nul-escape":          {"a password with NUL is wrong", 200, invalidCredentials},
	"trailing-nul-user-name":            {"a name with NUL is wrong", 200, invalidCredentials},

	"method-get":             {"one form for every error", 405, methodNotAllowed},
	"method-get-accept-json": {"one form for every error", 405, methodNotAllowed},
	"method-put":             {"one form for every error", 405, methodNotAllowed},
	"method-delete":          {"one form for every error", 405, methodNotAllowed},

	"database-down": {"no SQL in an answer, and 503 for a fault", 503, unavailable},
}

// TestContract replays every recorded login against a gateway that is set to
// answer as PHP does, and compares status, content type and body.
func TestContract(t *testing.T) {
	inOrder(t)
	stores, db := onMariaDB(t)
	faulty := newSwitch(t, "127.0.0.1:3306")
	stores["faveo.database"] = strings.Replace(db.URL, "127.0.0.1:3306", faulty.address(), 1)
	w := start(t, merge(stores, settings{"login.strict_status": "false", "login.hide_internal_note": "false"}))

	var same, different int
	for _, recording := range faveotest.Recordings(t, "authenticate") {
		t.Run(recording.Name, func(t *testing.T) {
			w := w.in(t)
			defer db.Apply(t, recording.Precondition)()
			if recording.Name == "database-down" {
				mend := faulty.cut()
				defer func() {
					mend()
					eventually(t, "the database is back", func() bool {
						return w.send("POST", "/api/v1/authenticate?username=nobody&password=x", "").status != http.StatusServiceUnavailable
					})
				}()
			}
			got := w.replay(recording)
			want, intended := wanted(recording)
			if got.status != want.status || normal(got.body) != normal(want.body) {
				t.Errorf("answer is\n%d %s\nwant\n%d %s", got.status, normal(got.body), want.status, normal(want.body))
			}
			if !intended {
				sameContentType(t, got, recording)
				same++
			} else {
				different++
			}
		})
	}
	if different != len(differences) {
		t.Errorf("%d recordings differ on purpose, the table names %d", different, len(differences))
	}
	t.Logf("%d recordings answered alike, %d different on purpose", same, different)
}

// TestContractByDefault replays the recordings against the default settings: the
// table above holds, and two rules change answers beyond it.
func TestContractByDefault(t *testing.T) {
	inOrder(t)
	stores, db := onMariaDB(t)
	w := start(t, stores)
	for _, recording := range faveotest.Recordings(t, "authenticate") {
		if recording.Name == "database-down" {
			continue // TestContract cuts the connection for it; nothing of the defaults plays a part.
		}
		t.Run(recording.Name, func(t *testing.T) {
			w := w.in(t)
			defer db.Apply(t, recording.Precondition)()
			got := w.replay(recording)
			want, _ := wanted(recording)
			// login.strict_status: a refusal is a 401.
			if want.body == invalidCredentials {
				want.status = http.StatusUnauthorized
			}
			// login.hide_internal_note: customers do not read the staff's notes.
			want.body = strings.Replace(want.body, `"internal_note":"vip customer"`, `"internal_note":null`, 1)
			if got.status != want.status || normal(got.body) != normal(want.body) {
				t.Errorf("answer is\n%d %s\nwant\n%d %s", got.status, normal(got.body), want.status, normal(want.body))
			}
			if got.status == http.StatusUnauthorized && strings.Contains(got.body, "token") {
				t.Error("the body of a refusal contains the word token, which the iOS app takes for success")
			}
		})
	}
}

// collated are the recordings that a database without Faveo's collation answers
// otherwise, and the one that cannot be had without MariaDB.
var collated = map[string]string{
	"fullwidth-user-name":                  "full width letters equal ASCII",
	"unicode-user-name-ascii-fold":         "accents are ignored",
	"unicode-user-name-decomposed":         "composed and decomposed letters are equal",
	"database-session-time-zone-plus-0530": "SQLite has no session time zone",
	"database-down":                        "a file is never down",
}

// TestContractOnTheDemosDatabase replays the recordings against SQLite, as the
// demo uses it, without any service but Redis.
func TestContractOnTheDemosDatabase(t *testing.T) {
	inOrder(t)
	requireRedis(t)
	db := faveotest.NewSQLite(t)
	w := start(t, settings{
		"faveo.database": db.URL, "faveo.public_path": db.PublicPath, "redis.key_prefix": "fgw-test-" + rand.Text() + ":",
		"state.database":      "sqlite://" + t.TempDir() + "/gateway.sqlite",
		"login.strict_status": "false", "login.hide_internal_note": "false",
	})
	for _, recording := range faveotest.Recordings(t, "authenticate") {
		if _, out := collated[recording.Name]; out {
			continue
		}
		t.Run(recording.Name, func(t *testing.T) {
			w := w.in(t)
			defer db.Apply(t, recording.Precondition)()
			got := w.replay(recording)
			want, _ := wanted(recording)
			if got.status != want.status || normal(got.body) != normal(want.body) {
				t.Errorf("answer is\n%d %s\nwant\n%d %s", got.status, normal(got.body), want.status, normal(want.body))
			}
		})
	}
}

// TestContractManual logs in as the manual of v1.10 shows it: parameters in the
// query, below a base path, timestamps and empty texts of that version.
func TestContractManual(t *testing.T) {
	stores, db := onMariaDB(t)
	db.Exec(t, `UPDATE users SET user_name = 'demoadmin', email = 'demo@example.test', ext = '', country_code = 0,
		phone_number = '', agent_sign = '', account_type = '', account_status = '', agent_tzone = '', daylight_save = '',
		limit_access = '', directory_listing = '', vacation_mode = '', company = '', internal_note = '',
		created_at = '2018-08-13 14:22:49', updated_at = '2018-08-13 14:23:14',
		password = (SELECT p FROM (SELECT password AS p FROM users WHERE id = 4) AS alice) WHERE id = 1`)
	w := start(t, merge(stores, settings{"faveo.version": "1.10", "server.base_path": "/community/public"}))
	got := w.send(http.MethodPost, "/community/public/api/v1/authenticate?username=demoadmin&password=AlicePass1%21", "")
	// The manual's e-mail is masked, and with it the hash of its picture.
	const want = `{"token":"<token>","user_id":{"id":1,"user_name":"demoadmin","first_name":"Demo","last_name":"Admin",` +
		`"gender":0,"email":"demo@example.test","ban":0,"active":1,"is_delete":0,"ext":"","country_code":0,"phone_number":"",` +
		`"mobile":null,"agent_sign":"","account_type":"","account_status":"","assign_group":1,"primary_dpt":1,` +
		`"agent_tzone":"","daylight_save":"","limit_access":"","directory_listing":"","vacation_mode":"","company":"",` +
		`"role":"admin","internal_note":"","profile_pic":"https:\/\/secure.gravatar.com\/avatar\/` +
		`9a04f420b082341408de70861f1d68ab?s=80&r=g&d=identicon","created_at":"2018-08-13 14:22:49",` +
		`"updated_at":"2018-08-13 14:23:14","user_language":null}}`
	if got.status != http.StatusOK || normal(got.body) != want {
		t.Errorf("answer is\n%d %s\nwant\n200 %s", got.status, normal(got.body), want)
	}
}

// TestContractV19 logs in to the oldest supported version: only the id.
func TestContractV19(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"faveo.version": "1.9"}))
	got := w.send(http.MethodPost, "/api/v1/authenticate?username=alice&password=AlicePass1%21", "")
	if got.status != http.StatusOK || normal(got.body) != `{"token":"<token>","user_id":4}` {
		t.Errorf("answer is %d %s", got.status, got.body)
	}
}

// TestLegacyClient gives the official Android app the status that it
// understands.
func TestLegacyClient(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	for agent, status := range map[string]int{
		"Dalvik/2.1.0 (Linux; U; Android 9; X Build/PPR1.180610.011)": http.StatusOK,
		"NotDalvik/2.1.0": http.StatusUnauthorized,
		"":                http.StatusUnauthorized,
	} {
		got := w.send(http.MethodPost, "/api/v1/authenticate?username=alice&password=wrong", "", "User-Agent: "+agent)
		if got.status != status || got.body != invalidCredentials {
			t.Errorf("agent %q: %d %s, want %d %s", agent, got.status, got.body, status, invalidCredentials)
		}
	}
}

// wanted is what the gateway answers to a recording: what Faveo did, unless the
// table above intends a difference.
func wanted(recording faveotest.Recording) (want difference, intended bool) {
	if want, intended = differences[recording.Name]; !intended {
		want = difference{status: recording.Response.Status, body: string(recording.Response.Body)}
	}
	return want, intended
}

// replay sends the recorded request.
func (w *world) replay(recording faveotest.Recording) answer {
	w.t.Helper()
	r, err := recording.Request.HTTP(w.t.Context(), w.url(""))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(r)
}

var (
	tokenText = regexp.MustCompile(`"token":"[A-Za-z0-9_.-]+"`)
	idText    = regexp.MustCompile(`"request_id":"[A-Z0-9]+"`)
)

// normal masks what is never the same twice.
func normal(body string) string {
	return idText.ReplaceAllString(tokenText.ReplaceAllString(body, `"token":"<token>"`), `"request_id":"<id>"`)
}

func sameContentType(t *testing.T, got answer, recording faveotest.Recording) {
	t.Helper()
	want := recording.Response.Headers.Get("Content-Type")
	if recording.Request.Method == http.MethodHead {
		return // An answer without a body has none; PHP's is of the body it left out.
	}
	if got.header.Get("Content-Type") != want {
		t.Errorf("Content-Type is %q, want %q", got.header.Get("Content-Type"), want)
	}
	if strings.HasPrefix(want, "application/json") && !json.Valid([]byte(got.body)) {
		t.Errorf("body is no JSON: %s", got.body)
	}
}

// merge returns both, b over a.
func merge(a, b settings) settings {
	all := settings{}
	for _, layer := range []settings{a, b} {
		for path, text := range layer {
			all[path] = text
		}
	}
	return all
}

// in returns the world reporting to a subtest.
func (w *world) in(t *testing.T) *world {
	copied := *w
	copied.t = t
	return &copied
}
