package token_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/token"
)

const recordings = "../../testdata/faveo-contract"

// recording is what the tests read of one recorded exchange.
type recording struct {
	Name    string
	Time    int64
	Request struct {
		Method, Path, Query, Body string
		Headers                   map[string][]string
	}
	Response struct {
		Status int
		Body   string
	}
}

// readRecordings returns the recordings of a folder and fails when it is empty.
func readRecordings(t testing.TB, folder string) []recording {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(recordings, folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", folder, err)
	}
	var all []recording
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, r)
	}
	return all
}

// seed returns the JWT secret behind the recordings.
func seed(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(recordings, "seed.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Secret string `json:"jwt_secret"`
	}
	if err := json.Unmarshal(text, &s); err != nil || s.Secret == "" {
		t.Fatalf("no secret in the seed: %v", err)
	}
	return s.Secret
}

// candidates returns all texts of the recorded request that may be tokens.
func (r recording) candidates() []string {
	values := []string{r.Request.Body}
	query, _ := url.ParseQuery(r.Request.Query)
	for _, v := range query {
		values = append(values, v...)
	}
	for _, v := range r.Request.Headers {
		values = append(values, v...)
	}
	var all []string
	for _, value := range values {
		_, bearer, _ := strings.Cut(value, " ")
		all = append(append(all, tokenLike.FindAllString(value, -1)...), value, bearer)
	}
	return all
}

var tokenLike = regexp.MustCompile(`[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]*\.[A-Za-z0-9_=-]*`)

// Unless they are wanted, tokens that Faveo issued or accepted are refused.
func TestRecordedFaveoTokensAreRefused(t *testing.T) {
	h := newHouse(t, token.HS256)
	checked := 0
	for _, r := range readRecordings(t, "token") {
		for _, candidate := range r.candidates() {
			claims, err := h.verifier.Verify(candidate)
			var refusal *token.Refusal
			if !errors.As(err, &refusal) || claims != (token.Claims{}) {
				t.Errorf("%s: %q gives %+v, %v", r.Name, candidate, claims, err)
			}
			checked++
		}
	}
	if checked < 200 {
		t.Errorf("only %d candidates found in the recordings", checked)
	}
}

// writtenByFaveo reads a token as the strict shape demands, in a way of its own:
// what Faveo's login writes, and a life of at most a day.
func writtenByFaveo(raw string) bool {
	segments := strings.Split(raw, ".")
	if len(segments) != 3 {
		return false
	}
	var parts [2][]byte
	for i := range parts {
		parts[i], _ = base64.RawURLEncoding.Strict().DecodeString(segments[i])
	}
	var header, claims map[string]any
	if json.Unmarshal(parts[0], &header) != nil || json.Unmarshal(parts[1], &claims) != nil ||
		len(header) != 2 || header["typ"] != "JWT" || header["alg"] != "HS256" || len(claims) != 7 {
		return false
	}
	for name, form := range map[string]string{
		"iss": `^https?://[^"?#]+/api/v1/authenticate$`, "jti": `(?s)^.+$`, "sub": `^[1-9][0-9]*$`,
		"prv": `^87e0af1ef9fd15812fdec97153a14e0b047546aa$`,
	} {
		if text, ok := claims[name].(string); !ok || len(text) > 256 || !regexp.MustCompile(form).MatchString(text) {
			return false
		}
	}
	var times struct{ Iat, Nbf, Exp *int64 }
	if json.Unmarshal(parts[1], &times) != nil || times.Iat == nil || times.Nbf == nil || times.Exp == nil {
		return false
	}
	return *times.Iat < *times.Exp && *times.Nbf <= *times.Exp && *times.Exp-*times.Iat <= 24*3600
}

// What Faveo accepted in the shape that it writes is accepted here, in the second
// in which Faveo was asked, and everything else is refused.
func TestRecordedFaveoTokens(t *testing.T) {
	h := newHouse(t, token.ES256, migrating(t, func(o *token.Options) {
		o.Config.Leeway = 0 // as Faveo has it
		o.Config.AcceptFaveoTokensUntil = start.AddDate(1, 0, 0)
	}))
	accepted, refused, judgedByPHP := 0, 0, 0
	for _, r := range readRecordings(t, "token") {
		h.clock.Set(time.Unix(r.Time, 0))
		for _, raw := range r.candidates() {
			good := writtenByFaveo(raw) && phpAccepts(raw, seed(t), r.Time)
			claims, err := h.verifier.Verify(raw)
			if (err == nil) != good || claims.Faveo != good {
				t.Errorf("%s: %.60s gives %+v, %v; want accepted: %v", r.Name, raw, claims, err, good)
			}
			if good {
				accepted++
			} else {
				refused++
			}
		}
		// Where PHP said no to the only token, it was not for its user: so do we.
		if raw, found := strings.CutPrefix(strings.Join(r.Request.Headers["Authorization"], ""), "Bearer "); found &&
			r.Response.Status != 200 && !strings.HasPrefix(r.Name, "user-") {
			judgedByPHP++
			if _, err := h.verifier.Verify(raw); err == nil {
				t.Errorf("%s: accepted, PHP answered %d", r.Name, r.Response.Status)
			}
		}
	}
	if accepted < 30 || refused < 100 || judgedByPHP < 40 {
		t.Errorf("only %d accepted, %d refused, %d refused by PHP", accepted, refused, judgedByPHP)
	}
}
