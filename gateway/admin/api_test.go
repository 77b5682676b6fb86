package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"faveo-gateway/gateway/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret = "the-admin-token-0123456789"
	kid    = "bEOxdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7abc"
	sid    = "AAAAAAAAAAAAAAAAAAAAAA"
)

// fake is what is behind the API: it writes down what was called, and fails when it
// is told to.
type fake struct {
	calls []string
	// caller is who has asked for the last of them.
	caller admin.Caller
	fault  error
	panic  any
}

func (f *fake) call(ctx context.Context, format string, args ...any) error {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	f.caller = admin.CallerOf(ctx)
	if _, bounded := ctx.Deadline(); !bounded {
		return errors.New("a call without a deadline")
	}
	if f.panic != nil {
		panic(f.panic)
	}
	return f.fault
}

var created = time.Date(2026, 11, 25, 13, 0, 0, 0, time.UTC)

func (f *fake) Status(ctx context.Context) (admin.KeyStatus, error) {
	return admin.KeyStatus{
		Keys:     []admin.Key{{KID: kid, Algorithm: "ES256", State: "active", CreatedAt: created}},
		Replicas: []admin.Replica{{ID: "r1", Host: "one", Algorithm: "ES256"}},
	}, f.call(ctx, "status")
}

func (f *fake) Rotate(ctx context.Context, algorithm string) (admin.Key, error) {
	return admin.Key{KID: kid, Algorithm: "EdDSA", State: "pending", CreatedAt: created}, f.call(ctx, "rotate %q", algorithm)
}

func (f *fake) Revoke(ctx context.Context, kid string) (admin.Revoked, error) {
	return admin.Revoked{Key: admin.Key{KID: kid, State: "revoked"}, SessionsEnded: 3}, f.call(ctx, "revoke %s", kid)
}

func (f *fake) Reseal(ctx context.Context) (int, error) { return 2, f.call(ctx, "reseal") }

// sessions fits the fake to another interface.
type sessions struct{ *fake }

func (s sessions) List(ctx context.Context, user uint64, limit int) ([]admin.Session, bool, error) {
	return nil, user == 0, s.call(ctx, "list %d %d", user, limit)
}

func (s sessions) End(ctx context.Context, user uint64, id string) (int, error) {
	return 1, s.call(ctx, "end %d %s", user, id)
}

func (s sessions) EndUser(ctx context.Context, user uint64) (int, error) {
	return 4, s.call(ctx, "end user %d", user)
}

func (s sessions) EndAll(ctx context.Context) (int, error) { return 5, s.call(ctx, "end all") }

// desk is a Handler with its fakes, its log and what it told of.
type desk struct {
	*admin.Handler
	fake *fake
	log  *bytes.Buffer
	told *[]admin.Event
}

func newDesk() desk {
	d := desk{fake: &fake{}, log: &bytes.Buffer{}, told: &[]admin.Event{}}
	d.Handler = admin.New(admin.Options{
		Gatherer: prometheus.NewRegistry(), CheckTimeout: time.Second,
		Token: secret, ListenHost: "gateway.internal", Hosts: []string{"admin.example.test"},
		Keys: d.fake, Sessions: sessions{d.fake}, APIKeys: apiKeys{d.fake}, Lockouts: lockouts{d.fake}, Audit: trail{d.fake}, Policy: rules{d.fake},
		Log: slog.New(slog.NewJSONHandler(d.log, nil)), Observe: func(e admin.Event) { *d.told = append(*d.told, e) },
	})
	return d
}

// change is one thing that a test does to a request.
type change func(*http.Request)

func header(name string, values ...string) change {
	return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
}

func without(name string) change { return func(r *http.Request) { r.Header.Del(name) } }

func host(name string) change { return func(r *http.Request) { r.Host = name } }

func body(kind, text string) change {
	return func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(text))
		r.ContentLength = int64(len(text))
		r.Header.Set("Content-Type", kind)
	}
}

// send sends a request that is good but for the changes.
func (d desk) send(method, target string, changes ...change) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "127.0.0.1:9090"
	r.Header.Set("Authorization", "Bearer "+secret)
	for _, apply := range changes {
		apply(r)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

// wantRefusal expects an answer in the one form, that nothing was called, and an
// event that warns and shows no secret.
func (d desk) wantRefusal(t *testing.T, w *httptest.ResponseRecorder, status int, code string) admin.Refusal {
	t.Helper()
	var got admin.Refusal
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	if w.Code != status || got.StatusCode != status || got.Error != code || got.Success || got.Message == "" || got.RequestID == "" {
		t.Errorf("got %d %s, want %d %s", w.Code, w.Body, status, code)
	}
	wantHeaders(t, w)
	if len(d.fake.calls) > 0 {
		t.Errorf("called %v", d.fake.calls)
	}
	event := d.event(t)
	if event["level"] != "WARN" || event["code"] != code || event["status"] != float64(status) || event["request_id"] != got.RequestID {
		t.Errorf("event is %v", event)
	}
	return got
}

func wantHeaders(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	h := w.Header()
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Type") != "application/json" || h.Get("Set-Cookie") != "" {
		t.Errorf("headers are %v", h)
	}
	if challenge := h.Get("WWW-Authenticate"); (w.Code == 401) != strings.HasPrefix(challenge, `Bearer realm="faveo-gateway admin"`) {
		t.Errorf("%d: challenge is %q", w.Code, challenge)
	}
}

// event returns the one event of the one request, which was told as it was logged,
// and empties the log.
func (d desk) event(t *testing.T) map[string]any {
	t.Helper()
	text := d.log.String()
	d.log.Reset()
	if strings.Contains(text, secret) || strings.Contains(text, "SECRET") && !strings.Contains(text, `"level":"ERROR"`) {
		t.Errorf("the log shows a secret: %s", text)
	}
	var event map[string]any
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		t.Fatalf("log is %q: %v", text, err)
	}
	if event["msg"] != "admin request" {
		t.Errorf("event is %v", event)
	}
	if told := *d.told; len(told) > 1 {
		t.Errorf("told %v, want one request", told)
	} else if len(told) == 1 {
		wantAlike(t, told[0], event)
	}
	*d.told = nil
	return event
}

// wantAlike expects that the log says of a request what was told of it.
func wantAlike(t *testing.T, told admin.Event, event map[string]any) {
	t.Helper()
	want := map[string]any{
		"request_id": told.RequestID, "client": told.Client, "method": told.Method, "route": told.Route, "status": float64(told.Status),
	}
	if told.Code != "" {
		want["code"] = told.Code
	}
	for _, attr := range told.About {
		want[attr.Key] = attr.Value.Any()
		if n, ok := want[attr.Key].(uint64); ok {
			want[attr.Key] = float64(n)
		}
	}
	logged := maps.Clone(event)
	for _, only := range []string{"time", "level", "msg", "duration_us", "error", "stack"} {
		delete(logged, only)
	}
	if !maps.Equal(logged, want) {
		t.Errorf("told %v, logged %v", want, logged)
	}
}

// TestRoutes carries out every operation.
func TestRoutes(t *testing.T) {
	const (
		key = `{"kid":"` + kid + `","algorithm":"EdDSA","state":"pending","created_at":"2026-11-25T13:00:00Z"}`
		all = `"keys":[{"kid":"` + kid + `","algorithm":"ES256","state":"active","created_at":"2026-11-25T13:00:00Z"}]`
		one = `"replicas":[{"id":"r1","host":"one","version":"","algorithm":"ES256","keys":[]}]`
	)
	json := func(text string) change { return body("application/json; charset=utf-8", text) }
	for _, try := range []struct {
		method, target string
		change         change
		status         int
		call, body     string
		event          map[string]any
	}{
		{"GET", "/admin/v1/keys", nil, 200, "status", `{"rotation":{},` + all + `,` + one + `}`, map[string]any{"route": "/admin/v1/keys", "client": "192.0.2.1"}},
		{"POST", "/admin/v1/keys", nil, 202, `rotate ""`, key, nil},
		{"POST", "/admin/v1/keys", json(`{}`), 202, `rotate ""`, key, nil},
		{"POST", "/admin/v1/keys/rotate", json(` {"algorithm":"EdDSA"} `), 202, `rotate "EdDSA"`, key, map[string]any{"route": "/admin/v1/keys/rotate"}},
		{"POST", "/admin/v1/keys/reseal", json(`{}`), 200, "reseal", `{"resealed":2}`, nil},
		{
			"POST", "/admin/v1/keys/" + kid + "/revoke", nil, 200, "revoke " + kid,
			`{"key":{"kid":"` + kid + `","algorithm":"","state":"revoked"},"sessions_ended":3}`,
			map[string]any{"route": "/admin/v1/keys/:kid/revoke", "kid": kid},
		},
		{"GET", "/admin/v1/sessions", nil, 200, "list 0 1000", `{"sessions":[],"more":true}`, nil},
		{"GET", "/admin/v1/sessions?user=7&limit=10000", nil, 200, "list 7 10000", `{"sessions":[],"more":false}`, map[string]any{"user_id": 7.0}},
		{"GET", "/admin/v1/sessions?limit=1", nil, 200, "list 0 1", `{"sessions":[],"more":true}`, nil},
		{"DELETE", "/admin/v1/sessions/" + sid, nil, 200, "end 0 " + sid, `{"ended":1}`, map[string]any{"session_id": sid}},
		{"DELETE", "/admin/v1/sessions/" + sid + "?user=18446744073709551615", nil, 200, "end 18446744073709551615 " + sid, `{"ended":1}`, nil},
		{"DELETE", "/admin/v1/sessions?user=7", nil, 200, "end user 7", `{"ended":4}`, map[string]any{"user_id": 7.0}},
		{"DELETE", "/admin/v1/sessions?all=true", nil, 200, "end all", `{"ended":5}`, nil},
		{"GET", "/admin/v1/replicas", nil, 200, "status", `{` + one + `}`, nil},
		{
			"GET", "/admin/v1/apikeys", nil, 200, "api keys",
			`{"apikeys":[{"id":"` + keyID + `","name":"billing","state":"active","scopes":[],"networks":[],"created_at":"2026-11-25T13:00:00Z"}]}`, nil,
		},
		{
			"GET", "/admin/v1/apikeys/" + keyID, nil, 200, "api key " + keyID,
			`{"id":"` + keyID + `","name":"billing","state":"expired","scopes":["staff"],"networks":[]}`,
			map[string]any{"route": "/admin/v1/apikeys/:apikey_id", "apikey_id": keyID},
		},
		{
			"POST", "/admin/v1/apikeys", json(`{"name":"billing","scopes":"staff"}`), 201, `create "billing" 0 "staff" "" "" ""`,
			`{"apikey":{"id":"` + keyID + `","name":"billing","state":"active","scopes":["staff"],"networks":[]},"secret":"` + apiKey + `"}`,
			map[string]any{"route": "/admin/v1/apikeys", "apikey_id": keyID},
		},
		{
			"POST", "/admin/v1/apikeys",
			json(`{"name":"billing","user":"7","scopes":"staff,customer","networks":"192.0.2.0/24,2001:db8::/32","rate":"600/1m","expires":"720h"}`),
			201, `create "billing" 7 "staff,customer" "192.0.2.0/24,2001:db8::/32" "600/1m" "720h"`,
			`{"apikey":{"id":"` + keyID + `","name":"billing","state":"active","user_id":7,"scopes":["staff","customer"],"networks":[],"rate":"600/1m"},"secret":"` + apiKey + `"}`,
			map[string]any{"apikey_id": keyID, "user_id": 7.0},
		},
		{
			"POST", "/admin/v1/apikeys/" + keyID + "/rotate", nil, 200, `rotate ` + keyID + ` ""`,
			`{"apikey":{"id":"` + keyID + `","name":"","state":"rotating","scopes":[],"networks":[]},"secret":"` + apiKey + `"}`,
			map[string]any{"route": "/admin/v1/apikeys/:apikey_id/rotate", "apikey_id": keyID},
		},
		{
			"POST", "/admin/v1/apikeys/" + keyID + "/rotate", json(`{"overlap":"0s"}`), 200, `rotate ` + keyID + ` "0s"`,
			`{"apikey":{"id":"` + keyID + `","name":"","state":"rotating","scopes":[],"networks":[]},"secret":"` + apiKey + `"}`, nil,
		},
		{
			"POST", "/admin/v1/apikeys/" + keyID + "/revoke", json(`{}`), 200, "revoke " + keyID,
			`{"id":"` + keyID + `","name":"","state":"revoked","scopes":[],"networks":[]}`,
			map[string]any{"route": "/admin/v1/apikeys/:apikey_id/revoke", "apikey_id": keyID},
		},
		{
			"GET", "/admin/v1/lockouts?limit=5", nil, 200, "lockouts 5",
			`{"lockouts":[{"kind":"account","user_id":7,"until":"2026-11-25T13:00:00Z"}],"more":true}`, nil,
		},
		{"DELETE", "/admin/v1/lockouts?user=7", nil, 200, "clear user 7", `{"cleared":1}`, map[string]any{"route": "/admin/v1/lockouts", "user_id": 7.0}},
		{"DELETE", "/admin/v1/lockouts?address=192.0.2.7", nil, 200, "clear address 192.0.2.7", `{"cleared":2}`, map[string]any{"address": "192.0.2.7"}},
		{"DELETE", "/admin/v1/lockouts?address=2001:db8::/64", nil, 200, "clear address 2001:db8::/64", `{"cleared":2}`, map[string]any{"address": "2001:db8::/64"}},
		{"DELETE", "/admin/v1/lockouts?all=true", nil, 200, "clear all", `{"cleared":3}`, nil},
		{
			"GET", "/admin/v1/audit?limit=1", nil, 200, "tail 1",
			`{"entries":[{"sequence":9,"time":"2026-11-25T13:00:00Z","kind":"login","outcome":"success","count":1,"hash":"` + digest + `"}]}`, nil,
		},
		{"GET", "/admin/v1/audit?after=0", nil, 200, "follow 0 1000", `{"entries":[]}`, nil},
		{"GET", "/admin/v1/audit?after=18446744073709551615&limit=10000", nil, 200, "follow 18446744073709551615 10000", `{"entries":[]}`, nil},
		{
			"GET", "/admin/v1/policy/explain?method=GET&path=/api/v1/helpdesk/ticket%3Fid%3D41&user=7&role=user&param=a%3D1%26b%5B%5D%3Dx%2520y&at=noon" +
				"&email=a@example.test&departments=1,4&teams=5&scope=staff,public&key_id=abc&key_name=shop&owner=7&collaborator=8,9&department=2&assignee=3&team=6",
			nil, 200, "explain {Method:GET Path:/api/v1/helpdesk/ticket?id=41 Params:[a=1 b[]=x y] At:noon Role:user User:7 Email:a@example.test " +
				"Departments:[1 4] Teams:[5] Scopes:[staff,public] KeyID:abc KeyName:shop Ticket:<nil>} " +
				"{Owner:7 Collaborators:[8 9] Department:2 Assignee:3 Team:6}",
			`{"request":"","caller":"","effect":"deny","reason":"blocked","because":"","enforced":false,"answer":"403 forbidden","status":403}`,
			map[string]any{"route": "/admin/v1/policy/explain", "user_id": 7.0},
		},
		{"GET", "/admin/v1/audit/verify", nil, 200, `verify 0 ""`, `{"checked":4,"unproved":0,"sequence":4,"hash":"` + digest + `","more":false}`, nil},
		{"GET", "/admin/v1/audit/verify?after=0", nil, 200, `verify 0 ""`, `{"checked":4,"unproved":0,"sequence":4,"hash":"` + digest + `","more":false}`, nil},
		{
			"GET", "/admin/v1/audit/verify?after=3&hash=" + digest, nil, 200, `verify 3 "` + digest + `"`,
			`{"checked":4,"unproved":0,"sequence":7,"hash":"` + digest + `","more":false}`, nil,
		},
	} {
		t.Run(try.method+" "+try.target, func(t *testing.T) {
			d := newDesk()
			var changes []change
			if try.change != nil {
				changes = append(changes, try.change)
			}
			w := d.send(try.method, try.target, changes...)
			if w.Code != try.status || w.Body.String() != try.body+"\n" {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, try.status, try.body)
			}
			wantHeaders(t, w)
			if !slices.Equal(d.fake.calls, []string{try.call}) {
				t.Errorf("called %v, want %s", d.fake.calls, try.call)
			}
			if len(*d.told) != 1 {
				t.Errorf("told %v", *d.told)
			}
			event := d.event(t)
			if event["level"] != "INFO" || event["method"] != try.method || event["status"] != float64(try.status) {
				t.Errorf("event is %v", event)
			}
			for name, want := range try.event {
				if event[name] != want {
					t.Errorf("event has %s %v, want %v", name, event[name], want)
				}
			}
		})
	}
}

// TestHosts lets in the names of the listener, in any case and with any port.
func TestHosts(t *testing.T) {
	for _, name := range []string{
		"127.0.0.1", "127.0.0.1:9090", "192.0.2.7:80", "[::1]:9090", "[::1]", "[fe80::1%25eth0]:9090", "localhost", "LocalHost:1234",
		"gateway.internal:9090", "admin.example.test", "Admin.Example.Test:443",
	} {
		if w := newDesk().send("GET", "/admin/v1/keys", host(name)); w.Code != 200 {
			t.Errorf("%q: %d %s", name, w.Code, w.Body)
		}
	}
}
