package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestBrokenBodyIsNoSuccess sends a body that cannot be read to routes whose
// answer of success would be believed: the connection is cut, without a status.
func TestBrokenBodyIsNoSuccess(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	token := w.login("alice", "AlicePass1!")
	for _, path := range []string{"/api/v1/authenticate/logout", "/api/v1/authenticate", "/auth/login"} {
		got := w.raw("POST " + path + " HTTP/1.1\r\nHost: faveo.test\r\nAuthorization: Bearer " + token +
			"\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
		if strings.Contains(got, " 200 ") {
			t.Errorf("%s: answer is %q", path, got)
		}
	}
	if got := w.send("GET", "/api/v1/authenticate/user?token="+token, ""); got.status != http.StatusOK {
		t.Errorf("the session of the broken logout: %d %s", got.status, got.body)
	}
}

// raw sends bytes and returns all that comes back until the connection closes.
func (w *world) raw(request string) string {
	w.t.Helper()
	c, err := net.Dial("tcp", w.gateway.Address())
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(c, request)
	answer, _ := io.ReadAll(bufio.NewReader(c))
	return string(answer)
}

// TestStrangersBody bounds what somebody unknown may send.
func TestStrangersBody(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	const form = "Content-Type: application/x-www-form-urlencoded"
	large := "a=" + strings.Repeat("x", 200<<10)
	w.wantProblem("login", w.send("POST", "/api/v1/authenticate", large, form), 413, "request_too_large")
	w.wantProblem("API", w.send("POST", "/api/v1/helpdesk/create", large, form), 401, "token_not_provided")
	if got := w.send("POST", "/api/v1/helpdesk/create", large, form, "Authorization: Bearer "+w.login("demo_admin", "AdminPass1!")); got.status != http.StatusUnprocessableEntity {
		t.Errorf("somebody known is not answered by PHP: %d %s", got.status, got.body)
	}
}

// TestSlowPHPOutlivesTheReadTimeout lets PHP think for longer than a client may
// take to send its request.
func TestSlowPHPOutlivesTheReadTimeout(t *testing.T) {
	stores, _ := onMariaDB(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/helpdesk/") {
			time.Sleep(600 * time.Millisecond)
		}
		fmt.Fprint(w, `{"message":"User not found"}`)
	}))
	t.Cleanup(upstream.Close)
	w := &world{t: t, log: &safeBuffer{}}
	w.run(stores, settings{"faveo.urls": upstream.URL, "server.timeouts.read": "300ms", "server.timeouts.read_header": "300ms"})
	bearer := "Authorization: Bearer " + w.login("demo_admin", "AdminPass1!")
	for _, method := range []string{"GET", "POST"} {
		path := map[string]string{"GET": "/api/v1/helpdesk/tickets", "POST": "/api/v1/helpdesk/edit"}[method]
		got := w.send(method, path, strings.Repeat("a=1", len(method)-3), bearer, "Content-Type: application/x-www-form-urlencoded")
		if got.status != http.StatusOK {
			t.Errorf("%s: %d %s", method, got.status, got.body)
		}
	}
}

// TestHeadOfUser is answered by the gateway, as GET is: PHP has one bucket of 60
// a minute for it.
func TestHeadOfUser(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	token := w.login("alice", "AlicePass1!")
	before := len(w.faveo.Requests())
	if got := w.send("HEAD", "/api/v1/authenticate/user?token="+token, ""); got.status != http.StatusOK || got.body != "" {
		t.Errorf("HEAD: %d %q", got.status, got.body)
	}
	if len(w.faveo.Requests()) != before {
		t.Error("the request reached PHP")
	}
}

// TestLogoutAllIsReadOneWay refuses what is neither a yes nor a no.
func TestLogoutAllIsReadOneWay(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	for body, status := range map[string]int{`{"all":1}`: 200, `{"all":"true"}`: 200, `{"all":false}`: 200, `{"all":"yes"}`: 400, `{"all":[true]}`: 400, `{"all":2}`: 400} {
		token, other := w.login("alice", "AlicePass1!"), w.login("alice", "AlicePass1!")
		got := w.send("POST", "/api/v1/authenticate/logout", body, "Authorization: Bearer "+token, "Content-Type: application/json")
		if got.status != status {
			t.Errorf("%s: %d %s, want %d", body, got.status, got.body, status)
		}
		alive := w.send("GET", "/api/v1/authenticate/user?token="+other, "").status == http.StatusOK
		if ended := status == 200 && body != `{"all":false}`; alive == ended {
			t.Errorf("%s: the other session is alive: %v", body, alive)
		}
	}
}
