package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"faveo-gateway/upstream/faveo/faveotest"
)

// managedKey is a managed API key.
type managedKey struct {
	id string
	// secret is the whole text, as the client sends it.
	secret string
}

// newKey makes a managed API key through the admin API, of the members of the wish;
// without a name it gets one.
func (w *world) newKey(wish settings) managedKey {
	w.t.Helper()
	body, err := json.Marshal(merge(settings{"name": "of a test"}, wish))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.wantKey("create", w.manage(http.MethodPost, "apikeys", string(body)), http.StatusCreated)
}

// wantKey takes the key out of an answer of the admin API.
func (w *world) wantKey(name string, got answer, status int) managedKey {
	w.t.Helper()
	var made struct {
		APIKey struct{ ID string } `json:"apikey"`
		Secret string
	}
	if err := json.Unmarshal([]byte(got.body), &made); err != nil || got.status != status || made.APIKey.ID == "" || made.Secret == "" {
		w.t.Fatalf("%s an API key: %d %s", name, got.status, got.body)
	}
	return managedKey{made.APIKey.ID, made.Secret}
}

// header is how a client sends the key.
func (k managedKey) header() string { return "X-API-Key: " + k.secret }

// revokeKey revokes a key, which has to succeed.
func (w *world) revokeKey(key managedKey) {
	w.t.Helper()
	if got := w.manage(http.MethodPost, "apikeys/"+key.id+"/revoke", ""); got.status != http.StatusOK || !strings.Contains(got.body, `"state":"revoked"`) {
		w.t.Fatalf("revoke: %d %s", got.status, got.body)
	}
}

// wellFormedKey completes what comes before the checksum of a key: a CRC-32 as six of 62
// digits. Anybody can compute it.
func wellFormedKey(body string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	crc := crc32.ChecksumIEEE([]byte(body))
	var sum [6]byte
	for i := range sum {
		sum[5-i] = digits[crc%62]
		crc /= 62
	}
	return body + string(sum[:])
}

// withOtherSecret is a key with the same id, which is well formed.
func withOtherSecret(key string) string {
	other := "Z"
	if key[17:18] == other {
		other = "Y"
	}
	return wellFormedKey(key[:17] + other + key[18:60])
}

// Where a request may have its API key.
const (
	inHeader = "X-API-Key"
	inQuery  = "query"
	inForm   = "form"
	inJSON   = "JSON"
)

// keyed sends a request with its parameters, and with the API key in one of the places
// above; in "" it has none. In JSON the key is a literal.
func (w *world) keyed(method, path string, parameters url.Values, place, key string, headers ...string) answer {
	w.t.Helper()
	query, body := url.Values{}, parameters.Encode()
	kind := "application/x-www-form-urlencoded"
	if method != http.MethodPost {
		query, body = parameters, ""
	}
	switch place {
	case inHeader:
		headers = append(headers, "X-API-Key: "+key)
	case inQuery:
		query = url.Values{"api_key": {key}}
		if method != http.MethodPost {
			for name, values := range parameters {
				query[name] = values
			}
		}
	case inForm:
		body = strings.TrimPrefix(body+"&api_key="+url.QueryEscape(key), "&")
	case inJSON:
		kind, body = "application/json", `{"api_key":`+key+`}`
		if method == http.MethodPost {
			body = strings.TrimSuffix(jsonOf(parameters), "}") + `,"api_key":` + key + `}`
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	if body != "" {
		headers = append(headers, "Content-Type: "+kind)
	}
	return w.send(method, path, body, headers...)
}

// literal is a key as keyed takes it for a place.
func literal(place, key string) string {
	if place == inJSON {
		return `"` + key + `"`
	}
	return key
}

// jsonOf are parameters as a JSON object.
func jsonOf(parameters url.Values) string {
	object := map[string]string{}
	for name := range parameters {
		object[name] = parameters.Get(name)
	}
	text, err := json.Marshal(object)
	if err != nil {
		panic("texts always marshal: " + err.Error())
	}
	return string(text)
}

// wantHidden makes sure that PHP, the log, the metrics and the audit trail got nothing
// of these API keys, nor any other credential of a client.
func (w *world) wantHidden(keys ...string) {
	w.t.Helper()
	audit := w.manage(http.MethodGet, "audit?limit=1000", "")
	if audit.status != http.StatusOK {
		w.t.Fatalf("audit: %d %s", audit.status, audit.body)
	}
	var seen strings.Builder
	for _, r := range w.faveo.Requests() {
		fmt.Fprintf(&seen, "%s %v %s\n", r.URI, r.Header, r.Body)
	}
	for place, text := range map[string]string{
		"what PHP got": seen.String(), "the log": w.log.String(), "the metrics": w.metrics(),
		"the audit trail": audit.body,
	} {
		for _, key := range keys {
			// The secret alone is as bad as all of the key.
			if strings.Contains(text, key) || len(key) > 40 && strings.Contains(text, key[17:60]) {
				w.t.Errorf("the key %s is in %s", key, place)
			}
		}
	}
	// The first one is the gateway's own, which asks PHP at its start with a token of nobody's.
	if broken := w.faveo.Violations(); len(broken) > 1 {
		w.t.Errorf("PHP got credentials: %v", broken[1:])
	}
}

// wantBridge makes sure that the last request that PHP got was of that user.
func (w *world) wantBridge(sub string) {
	w.t.Helper()
	seen, _ := w.faveo.LastRequest()
	parts := strings.Split(seen.Header.Get("Authorization"), ".")
	if len(parts) != 3 {
		w.t.Fatalf("PHP got the Authorization %q", seen.Header.Get("Authorization"))
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !strings.Contains(string(claims), `"sub":"`+sub+`"`) {
		w.t.Errorf("PHP was told %s, %v, want sub %s", claims, err, sub)
	}
}

// cheaply gives accounts a hash of the passwords that they have which costs little.
func cheaply(t testing.TB, db *faveotest.Database, passwords map[string]string) {
	t.Helper()
	for name, password := range passwords {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		db.Exec(t, "UPDATE users SET password = ? WHERE user_name = ?", strings.Replace(string(hash), "$2a$", "$2y$", 1), name)
	}
}

// onMariaDBCheaply is onMariaDB with such hashes, for tests of something else than logins.
func onMariaDBCheaply(t testing.TB) (settings, *faveotest.Database) {
	t.Helper()
	stores, db := onMariaDB(t)
	cheaply(t, db, map[string]string{
		"alice": "AlicePass1!", "bob": "BobPass1!", "demo_admin": "AdminPass1!", "agent_support": "AgentSupport1!",
	})
	return stores, db
}
