package standin_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"faveo-gateway/upstream/standin"
)

const (
	contract = "../../testdata/faveo-contract"
	secret   = "stand-in-test-secret-0000000000000000000000000000000000000000001"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is the clock of every test that does not bring its own.
func now() time.Time { return time.Date(2026, time.June, 1, 10, 0, 0, 0, time.UTC) }

func newFaveo() *standin.Faveo { return standin.New(standin.Options{Secret: secret, Now: now}) }

// claims are Faveo's claims as contract section 2 says to mint them.
func claims(sub string, at time.Time) map[string]any {
	return map[string]any{
		"iss": "http://helpdesk.example.test/api/v1/authenticate",
		"iat": at.Unix() - 5, "nbf": at.Unix() - 5, "exp": at.Unix() + 60,
		"jti": "aB3dE5gH7jK9mN1p", "sub": sub, "prv": "87e0af1ef9fd15812fdec97153a14e0b047546aa",
	}
}

func mint(t *testing.T, sub string) string {
	t.Helper()
	return sign(t, secret, map[string]any{"typ": "JWT", "alg": "HS256"}, claims(sub, now()))
}

func sign(t *testing.T, key string, header, claims map[string]any) string {
	t.Helper()
	var parts [2]string
	for i, part := range []map[string]any{header, claims} {
		data, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(data)
	}
	signed := parts[0] + "." + parts[1]
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// send sends a request with a token, unless that is empty, and a form, unless that is empty.
func send(t *testing.T, f http.Handler, method, uri, token, form string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, uri, strings.NewReader(form))
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// recording is one file of the contract.
type recording struct {
	Name    string
	Time    int64
	Request struct {
		Method, Path, Query, Body string
		Headers                   map[string][]string
	}
	Response struct {
		Status    int
		Headers   map[string][]string
		Body      string
		Truncated any `json:"body_truncated_from"`
	}
}

// recordings reads a folder of the contract and fails when it is empty.
func recordings(t *testing.T, pattern string) []recording {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(contract, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no recordings match %s: %v", pattern, err)
	}
	all := make([]recording, len(names))
	for i, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &all[i]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[i].Name = strings.TrimSuffix(filepath.Base(name), ".json")
	}
	return all
}

// request rebuilds the recorded request.
func (rec recording) request() *http.Request {
	uri := rec.Request.Path
	if rec.Request.Query != "" {
		uri += "?" + rec.Request.Query
	}
	r := httptest.NewRequest(rec.Request.Method, uri, bytes.NewReader([]byte(rec.Request.Body)))
	for name, values := range rec.Request.Headers {
		if name == "Host" {
			r.Host = values[0]
			continue
		}
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	return r
}
