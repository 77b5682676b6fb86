package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAnswersStream gets the first event of a slow page while PHP still holds
// the rest back.
func TestAnswersStream(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url("/stream?chunks=2&pause=10000"), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	if err != nil || line != "data: 1\n" {
		t.Errorf("first event is %q, %v", line, err)
	}
}

// TestUpload sends a file of several megabytes through the API and finds it
// whole, with the fields, and without the token.
func TestUpload(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"server.max_body_bytes": "8388608"}))
	token := w.login("demo_admin", "AdminPass1!")
	file := make([]byte, 5<<20)
	rand.Read(file)

	got := w.upload(file, "Authorization: Bearer "+token)
	if got.status != http.StatusOK {
		t.Fatalf("upload: %d %s", got.status, got.body)
	}
	seen, _ := w.faveo.LastRequest()
	if seen.BodySize < len(file) || seen.BodySize > len(file)+4096 {
		t.Errorf("PHP got a body of %d bytes for a file of %d", seen.BodySize, len(file))
	}
	// The stand-in keeps the beginning of the body: its fields and the file's.
	if !bytes.Contains(seen.Body, []byte(`name="ticket_id"`)) || !bytes.Contains(seen.Body, file[:64<<10]) {
		t.Error("PHP did not get the fields and the file as they were sent")
	}

	w.wantProblem("over max_body_bytes", w.upload(make([]byte, 9<<20), "Authorization: Bearer "+token), 413, "request_too_large")
	w.wantProblem("without a token", w.upload(file), 401, "token_not_provided")

	// A body of unknown length that nobody reads parameters from.
	endless := io.MultiReader(bytes.NewReader(make([]byte, 9<<20)))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url("/auth/login"), endless)
	if err != nil {
		t.Fatal(err)
	}
	w.wantProblem("streamed over max_body_bytes", w.do(r), 413, "request_too_large")
}

// upload posts a reply with an attachment.
func (w *world) upload(file []byte, header ...string) answer {
	w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range map[string]string{"ticket_id": "1", "reply_content": "see the file"} {
		if err := form.WriteField(name, value); err != nil {
			w.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("media_attachment[]", "photo.jpg")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		w.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		w.t.Fatal(err)
	}
	return w.send(http.MethodPost, "/api/v1/helpdesk/reply", body.String(), append(header, "Content-Type: "+form.FormDataContentType())...)
}

// TestUpgrade speaks another protocol through the web UI, and cannot on the API.
func TestUpgrade(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	c, err := net.Dial("tcp", w.gateway.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, "GET /echo HTTP/1.1\r\nHost: faveo.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	reader := bufio.NewReader(c)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: %v, %v", response, err)
	}
	io.WriteString(c, "hello")
	echoed := make([]byte, 5)
	if _, err := io.ReadFull(reader, echoed); err != nil || string(echoed) != "hello" {
		t.Errorf("echo is %q, %v", echoed, err)
	}
}

// TestDrain stops a gateway with a request in flight: readiness turns false, the
// request finishes, and Run returns without an error.
func TestDrain(t *testing.T) {
	stores, _ := onMariaDB(t)
	release := make(chan struct{})
	arrived := make(chan struct{})
	upstream := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-release
		}
		io.WriteString(w, `{"message":"User not found"}`)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go upstream.Serve(listener)
	t.Cleanup(func() { upstream.Close() })

	w := &world{t: t, log: &safeBuffer{}}
	stop := w.run(settings{"faveo.urls": "http://" + listener.Addr().String()}, stores)
	if got := w.admin("/readyz"); got.status != http.StatusOK {
		t.Fatalf("ready: %d %s", got.status, got.body)
	}
	finished := make(chan answer, 1)
	go func() { finished <- w.send("GET", "/slow", "") }()
	<-arrived
	stop()
	for {
		if got := w.admin("/readyz"); got.status == http.StatusServiceUnavailable && strings.Contains(got.body, "draining") {
			break
		}
	}
	close(release)
	if got := <-finished; got.status != http.StatusOK {
		t.Errorf("the request in flight: %d %s", got.status, got.body)
	}
}
