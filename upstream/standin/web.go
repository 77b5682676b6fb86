package standin

import (
	"crypto/rand"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	sessionCookie = "faveo_helpdesk_community_session"
	stylesheet    = "body { font-family: sans-serif; color: #333; }\n"
	maxEvents     = 1000
	maxPause      = 10 * time.Second
)

// serveAPIPage answers the two paths below /api that belong to the web UI. They need a browser session, which an API
// client does not have. It returns false for any other path.
func serveAPIPage(w http.ResponseWriter, in input) bool {
	switch {
	case in.path == "/api/user/test":
		redirect(w, "/auth/login")
	case in.path == "/api" && in.method == http.MethodPost:
		redirect(w, "/")
	case in.path == "/api":
		setSession(w)
		write(w, fail(http.StatusInternalServerError, object{{"error", `Attempt to read property "role" on null`}}))
	default:
		return false
	}
	return true
}

// serveWeb answers the web UI: pages with cookies, a static file, a slow stream and an upgraded connection.
func (f *Faveo) serveWeb(w http.ResponseWriter, r *http.Request, in input) {
	switch in.path {
	case "/":
		htmlPage(w, http.StatusOK, "Helpdesk", `<p>Welcome. <a href="/auth/login">Log in</a></p>`)
	case "/auth/login":
		f.webLogin(w, in)
	case "/dashboard":
		dashboard(w, r)
	case "/lb-faveo/css/app.css":
		w.Header().Set("Content-Type", "text/css")
		w.Header().Set("ETag", `"standin-1"`)
		http.ServeContent(w, r, "app.css", seedTime(0), strings.NewReader(stylesheet))
	case "/stream":
		stream(w, r, in.query)
	case "/echo":
		echo(w, r)
	default:
		htmlPage(w, http.StatusNotFound, "Not found", "<p>404: this page does not exist.</p>")
	}
}

// webLogin shows the form, and takes it. The names of its fields are Faveo's.
func (f *Faveo) webLogin(w http.ResponseWriter, in input) {
	setSession(w)
	if in.method != http.MethodPost {
		htmlPage(w, http.StatusOK, "Log in", `<form method="post" action="/auth/login">`+
			`<input type="hidden" name="_token" value="standin"><input name="email"><input name="password" type="password">`+
			`<button>Log in</button></form>`)
		return
	}
	f.mu.Lock()
	u := f.data.login(in.body.text("email"))
	f.mu.Unlock()
	if u == nil || in.body.text("password") != Password {
		redirect(w, "/auth/login")
		return
	}
	redirect(w, "/dashboard")
}

// dashboard wants a session cookie, of any value: the stand-in keeps no web sessions.
func dashboard(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie(sessionCookie); err != nil {
		redirect(w, "/auth/login")
		return
	}
	htmlPage(w, http.StatusOK, "Dashboard", "<p>You have a session.</p>")
}

// setSession sets the two cookies that Laravel sends with every page.
func setSession(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{
		Name: "XSRF-TOKEN", Value: rand.Text(), Path: "/", MaxAge: 7200, SameSite: http.SameSiteLaxMode,
	})
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: rand.Text(), Path: "/", MaxAge: 7200, SameSite: http.SameSiteLaxMode, HttpOnly: true,
	})
}

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	htmlPage(w, http.StatusFound, "Redirecting to "+to, `Redirecting to <a href="`+html.EscapeString(to)+`">`+html.EscapeString(to)+"</a>.")
}

// htmlPage sends a page. Title and body are HTML already.
func htmlPage(w http.ResponseWriter, status int, title, body string) {
	w.Header().Set("Content-Type", contentHTML)
	w.Header().Set("Cache-Control", "no-cache, private")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html>\n<html><head><title>%s</title>"+
		`<link rel="stylesheet" href="/lb-faveo/css/app.css"></head><body>%s</body></html>`+"\n", title, body)
}

// stream sends server-sent events one by one: chunks of them (default 5), pause milliseconds apart (default 100), each
// flushed. It ends early when the caller goes away.
func stream(w http.ResponseWriter, r *http.Request, query params) {
	chunks, pause := 5, 100*time.Millisecond
	if query.text("chunks") != "" {
		chunks = min(query.id("chunks"), maxEvents)
	}
	if query.text("pause") != "" {
		pause = min(time.Duration(query.id("pause"))*time.Millisecond, maxPause)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	for n := range chunks {
		if n > 0 && !wait(r, pause) {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %d\n\n", n+1); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
	}
}

// wait returns false when the caller went away first.
func wait(r *http.Request, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return false
	case <-timer.C:
		return true
	}
}

// echo switches to whatever protocol the request asks for and sends every byte back, until the other side closes or
// falls silent for a minute. It answers 426 to a request that asks for none (RFC 9110 section 15.5.22).
func echo(w http.ResponseWriter, r *http.Request) {
	protocol := r.Header.Get("Upgrade")
	if protocol == "" || !strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade") {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "426 Upgrade Required", http.StatusUpgradeRequired)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "upgrade is not possible here", http.StatusNotImplemented)
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(buffered, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+protocol+"\r\n")
	if key := r.Header.Get("Sec-Websocket-Key"); key != "" {
		_, _ = io.WriteString(buffered, "Sec-WebSocket-Accept: "+acceptKey(key)+"\r\n")
	}
	_, _ = io.WriteString(buffered, "\r\n")
	echoBytes(conn, buffered)
}
