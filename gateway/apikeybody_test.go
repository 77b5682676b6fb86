package gateway_test

import (
	"bytes"
	"crypto/rand"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// TestUploadWithAKey: whoever is proved by the head of a request may send much, whoever
// is not is a stranger, whatever the body may hold.
func TestUploadWithAKey(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	w := start(t, merge(managed(stores), settings{"server.max_body_bytes": "8388608"}))
	bound, unbound := w.newKey(settings{"user": "4", "scopes": "customer"}), w.newKey(settings{"scopes": "customer"})
	narrow := w.newKey(settings{"user": "4", "scopes": "authenticated"})
	token := w.login("alice", "AlicePass1!")
	file := make([]byte, 5<<20)
	rand.Read(file)

	if got := w.upload(file, bound.header()); got.status != http.StatusOK {
		t.Errorf("upload with the key in the header: %d %s", got.status, got.body)
	}
	if seen, _ := w.faveo.LastRequest(); seen.BodySize < len(file) || !bytes.Contains(seen.Body, file[:64<<10]) {
		t.Errorf("PHP got a body of %d bytes for a file of %d", seen.BodySize, len(file))
	}
	w.wantBridge("4")
	if got := w.uploadWith(file, nil, "?api_key="+bound.secret); got.status != http.StatusOK {
		t.Errorf("upload with the key in the query: %d %s", got.status, got.body)
	}
	if got := w.uploadWith(file, map[string]string{"api_key": unbound.secret}, "", bearer(token)); got.status != http.StatusOK {
		t.Errorf("upload with a token, and a key of nobody's in the body: %d %s", got.status, got.body)
	}
	w.wantBridge("4")
	before := len(w.faveo.Requests())
	w.wantProblem("over max_body_bytes", w.upload(make([]byte, 9<<20), bound.header()), 413, "request_too_large")
	w.wantProblem("without a key", w.upload(file), 401, "token_not_provided")
	w.wantProblem("with the key in the body", w.uploadWith(file, map[string]string{"api_key": bound.secret}, ""), 401, "token_not_provided")
	w.wantProblem("with a key of nobody's", w.upload(file, unbound.header()), 401, "token_not_provided")
	w.wantProblem("with a key of nobody's, and a token in the body", w.uploadWith(file, map[string]string{"token": token}, "", unbound.header()), 401, "token_not_provided")
	w.wantProblem("with the key in the header, and a token in the body", w.uploadWith(file, map[string]string{"token": token}, "", bound.header()), 400, "ambiguous_request")
	w.wantProblem("with the key in the header, and another in the body", w.uploadWith(file, map[string]string{"api_key": unbound.secret}, "", bound.header()), 400, "ambiguous_request")
	w.wantProblem("out of scope", w.upload(file, narrow.header()), 403, "forbidden")
	w.wantProblem("with a key that is none", w.upload(file, "X-API-Key: "+bound.secret+"x"), 401, "token_invalid")
	if n := len(w.faveo.Requests()); n != before {
		t.Errorf("PHP got %d of the refused ones", n-before)
	}
	w.wantHidden(bound.secret, unbound.secret)
}

// uploadWith is upload with more fields in the form, before the file, and a query.
func (w *world) uploadWith(file []byte, fields map[string]string, query string, header ...string) answer {
	w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range merge(settings{"ticket_id": "1", "reply_content": "see the file"}, fields) {
		if err := form.WriteField(name, value); err != nil {
			w.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("media_attachment[]", "photo.jpg")
	if err != nil {
		w.t.Fatal(err)
	}
	part.Write(file)
	form.Close()
	return w.send(http.MethodPost, "/api/v1/helpdesk/reply"+query, body.String(), append(header, "Content-Type: "+form.FormDataContentType())...)
}

// TestKeysNeverReachTheWebUI: pages are passed through with what is theirs, and an API
// key is not, in whatever spelling PHP would read one.
func TestKeysNeverReachTheWebUI(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	w := start(t, managed(stores))
	key := w.newKey(settings{"user": "1", "scopes": "admin"})
	for _, name := range []string{"X-API-Key", "x-api-key", "X_API_KEY", "X-API_Key", "X_Api-Key", "X.API.Key", "X-Api.Key"} {
		for _, path := range []string{"/", "/auth/login", "/dashboard?page=2", priority, "/api/v1/helpdesk/check-url"} {
			got := w.raw("GET " + path + " HTTP/1.1\r\nHost: faveo.test\r\nConnection: close\r\n" + name + ": " + key.secret + "\r\n\r\n")
			if strings.Contains(got, "violation") || strings.Contains(got, key.secret) || strings.Contains(got, " 500 ") {
				t.Errorf("%s at %s: %s", name, path, got)
			}
		}
	}
	// A key opens no page, and none of its user's rights is in what PHP gets.
	w.send("GET", "/dashboard", "", key.header())
	if seen, _ := w.faveo.LastRequest(); seen.Header.Get("Authorization") != "" {
		t.Errorf("a page came with the Authorization %q", seen.Header.Get("Authorization"))
	}
	w.wantHidden(key.secret)
}
