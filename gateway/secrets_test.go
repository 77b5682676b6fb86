package gateway_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	span "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/crypto/bcrypt"

	"faveo-gateway/gateway/cli"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo/faveotest"
	"faveo-gateway/upstream/standin"
)

// hunt is a gateway at its most talkative, all of whose secrets are known, and the search
// for them in whatever it says.
type hunt struct {
	*world
	needles  *needles
	settings settings
	database *faveotest.Database
	// password is everybody's, installation Faveo's API key.
	password, installation string
	collector              *collector

	redis, mariadb *switchboard
	// php is what PHP does: one of the constants below.
	php atomic.Int32
	// lastKey and lastToken are the newest ones.
	lastKey, lastToken string
	// answers are those that give no secret, for what becomes known later.
	answers strings.Builder
	// statuses counts the answers.
	statuses map[int]int
}

// What PHP does.
const (
	phpAnswers int32 = iota
	phpHangsUp
	phpRefusesTheBridge
	phpFails
)

// mark makes a secret that is of this test only, with what each way to write it escapes.
func (h *hunt) mark(name, with string) string { return h.needles.add(name, rand.Text()+with) }

func newHunt(t *testing.T) *hunt {
	t.Helper()
	h := &hunt{needles: newNeedles(), statuses: map[int]int{}, collector: newCollector(t)}
	jwt := h.mark("faveo.jwt_secret", rand.Text())
	h.world = &world{t: t, faveo: standin.New(standin.Options{Secret: jwt}), log: &safeBuffer{}}
	php := httptest.NewServer(http.HandlerFunc(h.servePHP))
	t.Cleanup(php.Close)
	h.upstream = php.URL

	stores, db := onMariaDB(t)
	h.database = db
	h.password = h.mark("a password", ` "<&>é\+%`)
	hash, err := bcrypt.GenerateFromPassword([]byte(h.password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	stored := strings.Replace(string(hash), "$2a$", "$2y$", 1)
	h.needles.add("a password's hash", stored[7:])
	db.Exec(t, "UPDATE users SET password = ? WHERE active = 1", stored)
	h.installation = h.mark("the installation's API key", "")
	setInstallationKey(t, db, 1, 1, h.installation)

	dsn := h.mark("the database's password", `%:@/?`)
	user := service.NewUser(t, dsn)
	service.Exec(t, service.MariaDB(t), "GRANT ALL ON "+db.Name+".* TO "+user+"@'127.0.0.1'")
	redis := miniredis.NewMiniRedis()
	auth := h.mark("Redis's password", `:/@&`)
	redis.RequireAuth(auth)
	if err := redis.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	h.redis, h.mariadb = newSwitch(t, redis.Addr()), newSwitch(t, "127.0.0.1:3306")
	sealing := make([]byte, 32)
	rand.Read(sealing)

	h.settings = merge(stores, merge(h.collector.settings(), settings{
		"faveo.urls": php.URL, "faveo.jwt_secret": jwt,
		"faveo.database":        "mysql://" + url.UserPassword(user, dsn).String() + "@" + h.mariadb.address() + "/" + db.Name,
		"redis.url":             "redis://" + url.UserPassword("", auth).String() + "@" + h.redis.address() + "/0",
		"admin.token":           h.mark("admin.token", rand.Text()),
		"state.encryption_keys": h.needles.add("state.encryption_keys", fmt.Sprintf("%x", sealing)),
		"api_keys.pepper":       h.mark("api_keys.pepper", rand.Text()),
		"keys.publish_ahead":    "0s",
		"sessions.cache_ttl":    "1s", "sessions.refresh_overlap": "1s",
		"limits.per_route":              `["GET /api/v1/helpdesk/departments 1/1h"]`,
		"observability.log.level":       "debug",
		"observability.tracing.headers": "Authorization: " + h.mark("observability.tracing.headers", `&é\`),
		"login.lockout.per_pair":        "30/1h",
	}))
	h.needles.add("state.encryption_keys, as bytes", string(sealing))
	return h
}

// servePHP is the stand-in, or a PHP that is at fault.
func (h *hunt) servePHP(w http.ResponseWriter, r *http.Request) {
	switch h.php.Load() {
	case phpHangsUp:
		panic(http.ErrAbortHandler)
	case phpRefusesTheBridge:
		w.WriteHeader(http.StatusUnauthorized)
	case phpFails:
		w.WriteHeader(http.StatusInternalServerError)
	default:
		h.faveo.ServeHTTP(w, r)
	}
}

// try sends a request and searches the answer, unless it is one that gives a secret. That
// is what the answer's body is returned for.
func (h *hunt) try(base, method, path, body string, gives bool, headers ...string) answer {
	h.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, base+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	got := h.do(r)
	h.statuses[got.status]++
	if !gives || got.status >= http.StatusBadRequest {
		text := fmt.Sprintln(got.status, got.header, got.body)
		h.needles.want(h.t, "the answer to "+method+" "+path, text)
		h.answers.WriteString(text)
	}
	return got
}

func (h *hunt) public(method, path, body string, headers ...string) answer {
	h.t.Helper()
	return h.try("http://"+h.gateway.Address(), method, path, body, false, headers...)
}

// gives is public, for what gives a token.
func (h *hunt) gives(method, path, body string, headers ...string) (token string) {
	h.t.Helper()
	got := h.try("http://"+h.gateway.Address(), method, path, body, true, headers...)
	var success struct{ Token string }
	_ = json.Unmarshal([]byte(got.body), &success) // Where it is none, there is no token.
	if success.Token != "" {
		h.lastToken = h.needles.add("a token", success.Token)
	}
	return success.Token
}

// private calls the admin API as its operator.
func (h *hunt) private(method, path, body string, headers ...string) answer {
	h.t.Helper()
	return h.try("http://"+h.gateway.AdminAddress(), method, path, body, false, append(headers, "Authorization: Bearer "+h.settings["admin.token"], json_)...)
}

// newKey makes an API key, or another secret for one.
func (h *hunt) newKey(path, body string) (id, key string) {
	h.t.Helper()
	got := h.try("http://"+h.gateway.AdminAddress(), http.MethodPost, "/admin/v1/apikeys"+path, body, true, "Authorization: Bearer "+h.settings["admin.token"], json_)
	var made struct {
		APIKey struct{ ID string } `json:"apikey"`
		Secret string
	}
	if err := json.Unmarshal([]byte(got.body), &made); err != nil || len(made.Secret) < 40 {
		return "", ""
	}
	h.needles.add("an API key", made.Secret[17:]) // What precedes it is the id.
	h.lastKey = made.Secret
	return made.APIKey.ID, made.Secret
}

const (
	form_ = "Content-Type: application/x-www-form-urlencoded"
	json_ = "Content-Type: application/json"
)

// TestSecretsAreNowhere walks through all that the gateway does, and through its faults,
// and finds none of its secrets and none of its clients' but where they belong.
func TestSecretsAreNowhere(t *testing.T) {
	inOrder(t)
	h := newHunt(t)
	t.Run("serve", func(t *testing.T) {
		h.t = t
		h.run(h.settings)
		t.Cleanup(h.client.CloseIdleConnections)
		h.walk("all is well")
		for _, fault := range []struct {
			name  string
			begin func() (end func())
		}{
			{"PHP hangs up", h.phpDoes(phpHangsUp)},
			{"PHP refuses the bridge token", h.phpDoes(phpRefusesTheBridge)},
			{"PHP fails", h.phpDoes(phpFails)},
			{"Redis is down", h.redis.cut},
			{"the database is down", h.mariadb.cut},
		} {
			end := fault.begin()
			h.walk(fault.name)
			end()
		}
		for _, seen := range h.faveo.Requests() {
			if bridge := seen.Header.Get("Authorization"); bridge != "" {
				h.needles.add("a bridge token", strings.TrimPrefix(bridge, "Bearer "))
			}
		}
		h.searchAdmin()
	})
	h.needles.want(t, "the log", h.log.String())
	h.needles.want(t, "an answer", h.answers.String())
	h.needles.want(t, "what the collector got", h.collector.raw.String())

	// What was searched is what there is.
	for _, status := range []int{200, 201, 400, 401, 403, 404, 405, 413, 429, 500, 502, 503} {
		if h.statuses[status] == 0 {
			t.Errorf("nothing was answered %d: %v", status, h.statuses)
		}
	}
	requests := strings.Count(h.log.String(), `"msg":"request"`)
	answered := 0
	for s := range maps.Values(h.statuses) {
		answered += s
	}
	spans := slices.DeleteFunc(slices.Clone(h.collector.spans), func(s *span.Span) bool { return len(s.ParentSpanId) > 0 })
	if requests < 300 || len(spans) != requests {
		t.Errorf("%d events in the log, %d traces, %d answers", requests, len(spans), answered)
	}
	if want := h.settings["observability.tracing.headers"]; h.collector.header.Get("Authorization") != strings.TrimPrefix(want, "Authorization: ") {
		t.Errorf("the collector got the header %q", h.collector.header.Get("Authorization"))
	}
}

// command runs a management command with a token, and searches what it says.
func (h *hunt) command(line, token string) {
	h.t.Helper()
	var out bytes.Buffer
	cli.Run(h.t.Context(), cli.Process{
		Args:    append(strings.Fields(line), "--admin", "http://"+h.gateway.AdminAddress()),
		Environ: []string{"FAVEO_GATEWAY_ADMIN_TOKEN=" + token}, Stdout: &out, Stderr: &out,
	})
	h.needles.want(h.t, line, out.String())
}

func (h *hunt) phpDoes(what int32) func() func() {
	return func() func() {
		h.php.Store(what)
		return func() { h.php.Store(phpAnswers) }
	}
}

// searchAdmin searches what the private listener shows.
func (h *hunt) searchAdmin() {
	h.t.Helper()
	eventually(h.t, "the audit trail", func() bool {
		return h.private(http.MethodGet, "/admin/v1/audit?limit=1000", "").status == http.StatusOK
	})
	trail := h.private(http.MethodGet, "/admin/v1/audit?limit=1000", "")
	if entries := strings.Count(trail.body, `"hash"`); entries < 50 {
		h.t.Errorf("the audit trail has %d entries: %.300s", entries, trail.body)
	}
	for _, path := range []string{"/metrics", "/livez", "/readyz"} {
		h.private(http.MethodGet, path, "")
	}
	for _, line := range []string{
		"keys list", "keys status", "keys status -o json", "apikeys list", "apikeys list -o json", "sessions list", "sessions list -o json", "lockouts list", "audit tail", "audit verify", "version",
	} {
		h.command(line, h.settings["admin.token"])
		h.command(line, h.mark("a wrong admin token", rand.Text()))
	}
}

// walk sends every kind of request to both listeners.
func (h *hunt) walk(when string) {
	h.t.Helper()
	token := h.logins()
	h.tokens(token)
	h.apiKeys(token)
	h.odds(token)
	h.sessions(token)
	h.operate()
	if when == "all is well" && token == "" {
		h.t.Error("nobody was logged in")
	}
}

// logins logs in, rightly and wrongly, in every form.
func (h *hunt) logins() (token string) {
	const path = "/api/v1/authenticate"
	key := "X-API-Key: " + h.installation
	right := url.Values{"username": {"alice"}, "password": {h.password}}
	token = h.gives("POST", path, right.Encode(), form_, key)
	h.gives("POST", path+"?"+right.Encode(), "", key)
	h.gives("POST", path, `{"username":"alice","password":`+quoted(h.password)+`}`, json_, key)
	h.gives("POST", path, right.Encode(), form_) // Without the key.
	for _, name := range []string{"alice", "banned", "nobody", h.mark("a password in the place of a name", "@"+rand.Text())} {
		wrong := url.Values{"username": {name}, "password": {h.mark("a wrong password", ` "<&>é\+%`)}}
		h.public("POST", path, wrong.Encode(), form_, key)
		h.public("POST", path+"?"+wrong.Encode(), "", key)
		h.public("POST", path+"?"+wrong.Encode(), wrong.Encode()+"x", form_, key) // Given twice.
		h.public("POST", path, `{"username":`+quoted(name)+`,"password":[`+quoted(h.mark("a password in a list", ""))+`]}`, json_, key)
		h.public("POST", path, `{"username":`+quoted(name)+`,"password":`+quoted(h.mark("a password in broken JSON", "")), json_, key)
		h.public("POST", path, "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n"+h.mark("a password in a part", "")+"\r\n--b--\r\n", "Content-Type: multipart/form-data; boundary=b", key)
		h.public("POST", path, wrong.Encode(), form_, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(name+":"+h.mark("a password of Basic", ""))), key)
	}
	return token
}

// tokens shows tokens, good and bad ones, in each place.
func (h *hunt) tokens(good string) {
	key := "X-API-Key: " + h.installation
	bad := []string{good, h.mark("a made-up token", ""), h.needles.add("a token of Faveo's", faveoLike())}
	if len(good) > 20 {
		bad = append(bad, h.needles.add("a forged token", good[:len(good)-20]+"AAAAAAAAAAAAAAAAAAAA"), good+"."+h.mark("a fourth part", ""))
	}
	for _, token := range bad {
		at := url.QueryEscape(token)
		for _, path := range []string{priority, "/api/v1/authenticate/user", "/api/v1/authenticate/sessions", "/api/v1/helpdesk/api_key", "/api/v1/nothing", "/api/v1/helpdesk/departments"} {
			h.public("GET", path, "", bearer(token), key)
			h.public("GET", path+"?token="+at, "", key)
			h.public("GET", path+"?token="+at, "", bearer(token), key)
			h.public("GET", path+"?token[]="+at, "", key)
			h.public("GET", path+"?a=%zz&token="+at, "", key)
			h.public("GET", path, "", "Cookie: token="+at+"; laravel_session="+at)
			h.public("GET", path, "", "Authorization: Token "+token)
			h.public("GET", path, "", "Authorization: Basic x, Bearer "+token)
		}
		h.public("POST", "/api/v1/helpdesk/collaborator/get-ticket", "ticket_id=1&token="+at, form_, key)
		h.public("POST", "/api/v1/helpdesk/collaborator/get-ticket", `{"ticket_id":1,"token":`+quoted(token)+`}`, json_, key)
		h.public("POST", "/api/v1/helpdesk/collaborator/get-ticket", `{"ticket_id":{"a":`+quoted(token)+`}}`, json_, key, bearer(token))
		h.public("GET", "/?token="+at+"&password="+at, "")
		h.public("POST", "/login", "password="+at, form_, "Cookie: laravel_session="+at, "Authorization: Bearer "+token)
		h.public("GET", "/api/v1/helpdesk/url?url=https://user:"+at+"@elsewhere.test&token="+at, "")
		h.public("GET", "/.well-known/jwks.json?token="+at, "")
	}
}

// apiKeys makes, shows, changes and ends API keys.
func (h *hunt) apiKeys(token string) {
	id, key := h.newKey("", `{"name":"of a test","user":"4","scopes":"customer"}`)
	machineID, machine := h.newKey("", `{"name":"a machine's","scopes":"admin"}`)
	for _, key := range []string{key, machine, h.mark("a made-up API key", ""), h.forgedKey(key)} {
		at := url.QueryEscape(key)
		for _, path := range []string{priority, "/api/v1/helpdesk/tickets", "/api/v1/authenticate/user", "/api/v1/helpdesk/url"} {
			h.public("GET", path, "", "X-API-Key: "+key)
			h.public("GET", path+"?api_key="+at, "")
			h.public("GET", path+"?api_key="+at, "", bearer(token))
			h.public("GET", path, "", bearer(key))
			h.public("GET", path+"?api_key[]="+at, "", bearer(token))
			h.public("GET", path+"?api_key="+at, "", "X-API-Key: "+key)
		}
		h.public("POST", "/api/v1/helpdesk/create", "subject=x&api_key="+at, form_)
		h.public("POST", "/api/v1/authenticate", "username=alice&password=x&api_key="+at, form_)
	}
	for _, id := range []string{id, machineID, "unknown0"} {
		h.private("GET", "/admin/v1/apikeys/"+id, "")
		_, rotated := h.newKey("/"+id+"/rotate", `{"overlap":"1m"}`)
		h.public("GET", priority, "", "X-API-Key: "+rotated)
		h.private("POST", "/admin/v1/apikeys/"+id+"/revoke", "")
		h.public("GET", priority, "", "X-API-Key: "+rotated)
	}
}

// forgedKey is a well-formed key with another secret.
func (h *hunt) forgedKey(key string) string {
	if key == "" {
		return h.mark("a made-up API key", "")
	}
	return "fgw_" + h.mark("a forged API key", rand.Text())
}

// odds are requests that are refused before anything is known of them.
func (h *hunt) odds(token string) {
	at := url.QueryEscape(token)
	for _, path := range []string{"/api//v1/helpdesk/tickets", "/api/v1/../v1/helpdesk/tickets", "/index.php/api/v1/helpdesk/tickets", "/api/v1/helpdesk/ticket%73"} {
		h.public("GET", path+"?token="+at+"&password="+url.QueryEscape(h.password), "", bearer(token))
	}
	h.public("DELETE", "/api/v1/helpdesk/tickets?token="+at, "")
	h.public("BREW", priority+"?token="+at, "", bearer(token))
	h.public("POST", "/api/v1/helpdesk/reply?_method=PUT&token="+at, "", form_)
	h.public("POST", "/api/v1/helpdesk/reply?token="+at, strings.Repeat("a=b&", 1<<19), form_)
	h.public("GET", priority, "", bearer(token), bearer(token))
	h.public("GET", priority, "", "Authorization: Bearer "+token+" "+h.mark("behind a token", ""))
	h.public("GET", priority, "", "X-Forwarded-For: "+token, "X-Request-Id: "+h.mark("a request id of a stranger", ""), "User-Agent: "+h.mark("an agent", ""), bearer(token))
	h.public("GET", priority, "", "Traceparent: "+token, "Tracestate: a="+h.mark("a tracestate", ""), "Baggage: a="+h.mark("baggage", ""), bearer(token))
}

// sessions renews and ends them.
func (h *hunt) sessions(token string) {
	another := h.gives("POST", "/api/v1/authenticate/refresh", "", bearer(token))
	h.gives("POST", "/api/v1/authenticate/refresh?token="+url.QueryEscape(token), "")
	h.gives("POST", "/api/v1/authenticate/refresh", "", bearer(h.mark("a made-up token", "")))
	h.public("DELETE", "/api/v1/authenticate/sessions/"+rand.Text(), "", bearer(another))
	h.public("POST", "/api/v1/authenticate/logout", "", bearer(another))
	h.public("POST", "/api/v1/authenticate/logout?token="+url.QueryEscape(another), `{"all":true}`, json_)
	h.public("GET", priority, "", bearer(another))
}

// operate calls the whole admin API, and calls it wrongly.
func (h *hunt) operate() {
	for _, call := range []string{
		"GET keys", "POST keys", "POST keys/rotate", "POST keys/reseal", "POST keys/unknown/revoke", "GET sessions", "GET sessions?user=4&limit=10",
		"DELETE sessions?user=4", "DELETE sessions/unknown?user=4", "GET apikeys", "GET apikeys/unknown0", "GET lockouts", "DELETE lockouts?user=4", "GET audit?limit=5", "GET audit/verify",
		"GET replicas", "POST reload", "GET policy/explain?path=/api/v1/helpdesk/tickets", "GET nothing",
	} {
		method, path, _ := strings.Cut(call, " ")
		path = "/admin/v1/" + path
		h.private(method, path, "")
		h.private(method, path, `{"token":`+quoted(h.mark("a body", ` "<&>é\`))+`}`)
		h.private(method, path, "", "Origin: https://"+rand.Text()+".test")
		base := "http://" + h.gateway.AdminAddress()
		h.try(base, method, path, "", false)
		h.try(base, method, path, "", false, bearer(h.mark("a wrong admin token", rand.Text())))
		h.try(base, method, path, "", false, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("admin:"+h.mark("an admin's password", ""))))
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		h.try(base, method, path+separator+"token="+url.QueryEscape(h.settings["admin.token"]), "", false, "Cookie: token="+h.settings["admin.token"])
		// What has the form of an id is logged as one; a key, a token and Basic have not.
		for _, kind := range []string{"apikeys", "keys", "sessions"} {
			for _, secret := range []string{h.lastKey, h.lastToken, h.settings["admin.token"], h.mark("a secret in the place of an id", "="+rand.Text())} {
				h.private(method, "/admin/v1/"+kind+"/"+url.PathEscape(secret), "")
				h.private("POST", "/admin/v1/"+kind+"/"+url.PathEscape(secret)+"/revoke", "")
			}
		}
	}
	h.private("GET", "/metrics", "")
	h.private("GET", "/readyz", "")
}

func quoted(text string) string { return `"` + jsonText(text, false) + `"` }

// faveoLike is a token in the shape of Faveo's.
func faveoLike() string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + encode([]byte(`{"sub":"1","jti":"`+rand.Text()+`"}`)) + "." + encode([]byte(rand.Text()))
}
