package token_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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

var tokenLike = regexp.MustCompile(`[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]*\.[A-Za-z0-9_=-]*`)

// Tokens that Faveo issued or accepted are no tokens of the gateway.
func TestRecordedFaveoTokensAreRefused(t *testing.T) {
	h := newHouse(t, token.HS256)
	checked := 0
	for _, r := range readRecordings(t, "token") {
		values := []string{r.Request.Body}
		query, _ := url.ParseQuery(r.Request.Query)
		for _, v := range query {
			values = append(values, v...)
		}
		for _, v := range r.Request.Headers {
			values = append(values, v...)
		}
		for _, value := range values {
			_, bearer, _ := strings.Cut(value, " ")
			for _, candidate := range append(tokenLike.FindAllString(value, -1), value, bearer) {
				claims, err := h.verifier.Verify(candidate)
				var refusal *token.Refusal
				if !errors.As(err, &refusal) || claims != (token.Claims{}) {
					t.Errorf("%s: %q gives %+v, %v", r.Name, candidate, claims, err)
				}
				checked++
			}
		}
	}
	if checked < 200 {
		t.Errorf("only %d candidates found in the recordings", checked)
	}
}
