package faveotest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Seed is testdata/faveo-contract/seed.json. Numbers are json.Number.
type Seed struct {
	JWTSecret              string            `json:"jwt_secret"`
	JWTTTLMinutes          int               `json:"jwt_ttl_minutes"`
	Host                   string            `json:"host"`
	SettingsSystem         map[string]any    `json:"settings_system"`
	Users                  []map[string]any  `json:"users"` // _plain_password beside the columns.
	UserAdditionalInfos    []map[string]any  `json:"user_additional_infos"`
	ProfilePicFiles        map[string]string `json:"profile_pic_files"` // Base64 by file name.
	Tickets                []map[string]any  `json:"tickets"`
	TicketCollaborator     []map[string]any  `json:"ticket_collaborator"`
	Organization           []map[string]any  `json:"organization"`
	UserAssignOrganization []map[string]any  `json:"user_assign_organization"`
}

func (s Seed) tables() map[string][]map[string]any {
	return map[string][]map[string]any{
		"users":                    s.Users,
		"user_additional_infos":    s.UserAdditionalInfos,
		"tickets":                  s.Tickets,
		"ticket_collaborator":      s.TicketCollaborator,
		"organization":             s.Organization,
		"user_assign_organization": s.UserAssignOrganization,
	}
}

// Recording is one exchange with the real Faveo.
type Recording struct {
	Name string `json:"name"`
	Note string `json:"note"`
	// Precondition is what Database.Apply takes, nil for none.
	Precondition map[string]any `json:"precondition"`
	// Time is the Unix second of the request.
	Time     int64    `json:"time"`
	Request  Request  `json:"request"`
	Response Response `json:"response"`
}

// Request is what the client sent. Query is the raw text behind the question mark.
type Request struct {
	Method  string
	Path    string
	Query   string
	Headers http.Header
	Body    []byte
}

// Response is what Faveo answered, without Date, Server, Connection and length headers. TruncatedFrom is the length of
// a body that was cut for the recording, else 0.
type Response struct {
	Status        int
	Headers       http.Header
	Body          []byte
	TruncatedFrom int
}

// message is the form of both in the files; a body is text or base64.
type message struct {
	Method        string              `json:"method"`
	Path          string              `json:"path"`
	Query         string              `json:"query"`
	Status        int                 `json:"status"`
	Headers       map[string][]string `json:"headers"`
	Body          string              `json:"body"`
	BodyBase64    string              `json:"body_base64"`
	TruncatedFrom int                 `json:"body_truncated_from"`
}

func (m message) body() ([]byte, error) {
	if m.BodyBase64 != "" {
		return base64.StdEncoding.DecodeString(m.BodyBase64)
	}
	return []byte(m.Body), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Request) UnmarshalJSON(data []byte) error {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	body, err := m.body()
	*r = Request{Method: m.Method, Path: m.Path, Query: m.Query, Headers: m.Headers, Body: body}
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Response) UnmarshalJSON(data []byte) error {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	body, err := m.body()
	*r = Response{Status: m.Status, Headers: m.Headers, Body: body, TruncatedFrom: m.TruncatedFrom}
	return err
}

// HTTP makes the request anew, to be sent to a server at base ("http://127.0.0.1:8080"). The recorded Host header
// becomes the request's host.
func (r Request) HTTP(ctx context.Context, base string) (*http.Request, error) {
	address := base + r.Path
	if r.Query != "" {
		address += "?" + r.Query
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, address, bytes.NewReader(r.Body))
	if err != nil {
		return nil, fmt.Errorf("remaking a recorded request: %w", err)
	}
	request.Header = r.Headers.Clone()
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
		request.Header.Del("Host")
	}
	return request, nil
}

// LoadSeed reads seed.json; the test fails without it.
func LoadSeed(t testing.TB) Seed {
	t.Helper()
	var s Seed
	decodeFile(t, filepath.Join(contractFolder(t), "seed.json"), &s)
	if len(s.Users) == 0 {
		t.Fatal("seed.json holds no users")
	}
	return s
}

// Recordings reads the recordings of one folder of the contract ("authenticate", "token", "routes"…) in the order of
// their names. An empty or missing folder fails the test.
func Recordings(t testing.TB, folder string) []Recording {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(contractFolder(t), folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s (%v)", folder, err)
	}
	recordings := make([]Recording, len(files))
	for i, file := range files {
		decodeFile(t, file, &recordings[i])
	}
	return recordings
}

func decodeFile(t testing.TB, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// contractFolder walks up from the folder of the test to the module, wherever in it the test lies.
func contractFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		module, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil && strings.HasPrefix(string(module), "module faveo-gateway\n") {
			return filepath.Join(folder, "testdata", "faveo-contract")
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Fatal("the test does not run inside the module faveo-gateway")
		}
		folder = parent
	}
}
