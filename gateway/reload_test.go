package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"faveo-gateway/gateway/config"
	"faveo-gateway/upstream/standin"
)

// reload asks the admin API for a reload.
func (w *world) reload() answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+w.gateway.AdminAddress()+"/admin/v1/reload", http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+reloadToken)
	return w.do(r)
}

const reloadToken = "a-token-of-the-admin-API-0000000001"

// metric returns the line of a metric without labels.
func (w *world) metric(name string) string {
	w.t.Helper()
	for line := range strings.Lines(w.metrics()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	w.t.Fatalf("no metric %s", name)
	return ""
}

func TestReload(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"admin.token": reloadToken}))
	token := "Authorization: Bearer " + w.login("agent_support", "AgentSupport1!")
	tickets := func() int { return w.send(http.MethodGet, "/api/v1/helpdesk/tickets", "", token).status }
	large := strings.Repeat("a", 3000)
	post := func() int {
		return w.send(http.MethodPost, "/api/v1/helpdesk/create", "subject="+large, token, "Content-Type: application/x-www-form-urlencoded").status
	}
	if got := tickets(); got != http.StatusOK {
		t.Fatalf("before: tickets %d", got)
	}
	hash := w.metric("faveo_gateway_config_hash")

	rules := filepath.Join(t.TempDir(), "site.yaml")
	write(t, rules, "rules:\n- {name: closed, methods: [GET], path: /api/v1/helpdesk/tickets, effect: deny, reason: closed for a while}\n")
	w.set(settings{
		"policy.files": rules, "server.max_body_bytes": "2048", "server.max_parameter_bytes": "2048", "observability.log.level": "error",
		"redis.timeout": "700ms", "server.timeouts.idle": "1m",
	})
	got := w.reload()
	want := `{"taken":["server.timeouts.idle","server.max_body_bytes","server.max_parameter_bytes","policy.files","observability.log.level"],"restart":["redis.timeout"]}` + "\n"
	if got.status != http.StatusOK || got.body != want {
		t.Fatalf("reload: %d %s\nwant %s", got.status, got.body, want)
	}
	if got := tickets(); got != http.StatusForbidden {
		t.Errorf("a rule of the new policy: tickets %d, want 403", got)
	}
	if got := post(); got != http.StatusRequestEntityTooLarge {
		t.Errorf("the new bound of bodies: %d, want 413", got)
	}
	if now := w.metric("faveo_gateway_config_hash"); now == hash {
		t.Error("config_hash is as it was before another policy")
	}

	// The file of the policy alone.
	write(t, rules, "rules: []\n")
	if got := w.reload(); got.body != `{"taken":["policy.files"],"restart":["redis.timeout"]}`+"\n" {
		t.Errorf("another content of the file: %d %s", got.status, got.body)
	}
	if got := tickets(); got != http.StatusOK {
		t.Errorf("without the rule: tickets %d", got)
	}
	if strings.Contains(w.log.String(), `"msg":"the configuration was reloaded"`) {
		t.Error("at the level error, an event of level info was logged")
	}
}

func TestReloadIsAllOrNothing(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"admin.token": reloadToken}))
	token := "Authorization: Bearer " + w.login("agent_support", "AgentSupport1!")
	read := w.metric("faveo_gateway_config_last_reload_timestamp_seconds")
	rules := filepath.Join(t.TempDir(), "site.yaml")
	write(t, rules, "rules:\n- {name: closed, methods: [GET], path: /api/v1/helpdesk/tickets, effect: deni}\n")
	for _, c := range []struct {
		name string
		over settings
		says []string
	}{
		{"two bad values", settings{"limits.per_user": "often", "server.timeouts.read": "soon"}, []string{"limits.per_user", "server.timeouts.read"}},
		{"a good value and a bad policy", settings{"limits.per_user": "1/1h", "policy.files": rules}, []string{rules, "effect"}},
		{"a policy that is not there", settings{"limits.per_user": "1/1h", "policy.files": rules + ".not"}, []string{"site.yaml.not"}},
		{"a good value and an upstream that is none", settings{"limits.per_user": "1/1h", "faveo.urls": "gopher://faveo"}, []string{"faveo.urls"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.sources.Load()
			defer w.sources.Store(before)
			w.set(c.over)
			got := w.reload()
			if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `"error":"configuration_refused"`) {
				t.Fatalf("reload: %d %s", got.status, got.body)
			}
			for _, text := range c.says {
				if !strings.Contains(got.body, text) || !strings.Contains(w.log.String(), text) {
					t.Errorf("neither answer nor log may leave out %q: %s", text, got.body)
				}
			}
			if got := w.metric("faveo_gateway_config_last_reload_successful"); got != "0" {
				t.Errorf("config_last_reload_successful %s, want 0", got)
			}
			for range 3 {
				if got := w.send(http.MethodGet, "/api/v1/helpdesk/tickets", "", token); got.status != http.StatusOK {
					t.Fatalf("a part of it took effect: %d %s", got.status, got.body)
				}
			}
		})
	}
	if now := w.metric("faveo_gateway_config_last_reload_timestamp_seconds"); now != read {
		t.Errorf("the time of the last good reload is %s, was %s", now, read)
	}
	if got := w.reload(); got.status != http.StatusOK || got.body != `{"taken":[],"restart":[]}`+"\n" {
		t.Errorf("the good one again: %d %s", got.status, got.body)
	}
	if got := w.metric("faveo_gateway_config_last_reload_successful"); got != "1" {
		t.Errorf("config_last_reload_successful %s, want 1", got)
	}
}

// TestReloadWarns of what is unwise, as a start does, and once.
func TestReloadWarns(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"admin.token": reloadToken}))
	w.set(settings{"server.trusted_proxies": "0.0.0.0/0"})
	for _, body := range []string{`{"taken":["server.trusted_proxies"],"restart":[]}`, `{"taken":[],"restart":[]}`} {
		if got := w.reload(); got.body != body+"\n" {
			t.Fatalf("reload: %d %s, want %s", got.status, got.body, body)
		}
	}
	if n := strings.Count(w.log.String(), "every client is trusted to name its own address"); n != 1 {
		t.Errorf("warned %d times that everybody is trusted, want once", n)
	}
}

// TestReloadsUnderLoad reloads a hundred times while clients ask, on connections that
// stay and on new ones, and while one answer takes its time: each gets its answer.
func TestReloadsUnderLoad(t *testing.T) {
	const reloads = 100
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"admin.token": reloadToken}))
	other := secondStandin(t)
	token := w.login("agent_support", "AgentSupport1!")
	stop := make(chan struct{})
	var (
		asked atomic.Int64
		group sync.WaitGroup
	)
	end := sync.OnceFunc(func() {
		close(stop)
		group.Wait()
	})
	defer end()
	ask := func(client *http.Client, method, path string) error {
		r, err := http.NewRequestWithContext(context.Background(), method, w.url(path), http.NoBody)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %s: %d %s %w", method, path, response.StatusCode, body, err)
		}
		asked.Add(1)
		return nil
	}
	for i := range 6 {
		// Go's client asks again on a connection that was closed between two requests,
		// which would hide that; it does so for no request that has a body.
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%3 == 2}, Timeout: 20 * time.Second}
		defer client.CloseIdleConnections()
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := ask(client, http.MethodGet, "/api/v1/helpdesk/tickets"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range reloads {
		w.set(settings{
			"limits.per_user":        fmt.Sprintf("%d/1m", 900_000+i),
			"server.timeouts.idle":   fmt.Sprintf("%ds", 60+i),
			"proxy.timeouts.connect": fmt.Sprintf("%ds", 2+i%3),
			"policy.agents_see_all":  fmt.Sprint(i%2 == 0),
			"faveo.urls":             []string{w.upstream, w.upstream + "," + other, other}[i%3],
		})
		if got := w.reload(); got.status != http.StatusOK || strings.Contains(got.body, `"taken":[]`) {
			t.Fatalf("reload %d: %d %s", i, got.status, got.body)
		}
	}
	end()
	t.Logf("%d reloads, %d requests, none lost", reloads, asked.Load())
	if asked.Load() < reloads {
		t.Errorf("%d requests in %d reloads are no load", asked.Load(), reloads)
	}
}

// TestReloadLeavesConnections asks on one raw connection before and after the bounds of
// connections were exchanged: no byte of it may be lost, and nobody asks twice for it.
func TestReloadLeavesConnections(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"admin.token": reloadToken}))
	conn, err := net.Dial("tcp", w.gateway.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range 4 {
		half := "GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n"
		if _, err := io.WriteString(conn, half); err != nil {
			t.Fatal(err)
		}
		w.set(settings{"server.timeouts.read": fmt.Sprintf("%ds", 100+i), "server.max_header_bytes": fmt.Sprint(8192 + i)})
		if got := w.reload(); got.status != http.StatusOK {
			t.Fatalf("reload: %d %s", got.status, got.body)
		}
		if _, err := io.WriteString(conn, "\r\n"); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 4096)
		n, err := conn.Read(buffer)
		if err != nil || !strings.HasPrefix(string(buffer[:n]), "HTTP/1.1 200 ") {
			t.Fatalf("request %d: %q, %v", i, buffer[:n], err)
		}
	}
}

func TestAdopt(t *testing.T) {
	load := func(over settings) *config.Config {
		t.Helper()
		c, err := config.Load(config.Sources{Overrides: merge(settings{"faveo.database": "mysql://faveo:x@db:3306/faveo", "faveo.jwt_secret": secret}, over)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old := load(nil)
	next := load(settings{"limits.per_ip": "5/1m", "redis.url": "redis://user:hidden@other:6379/0", "login.lockout.per_pair": "3/1m", "sessions.max_per_user": "3"})
	_, tls := old.Adopt(load(settings{"admin.tls.cert_file": "/a", "admin.tls.key_file": "/b"}))
	if want := []string{"admin.tls.cert_file", "admin.tls.key_file"}; !slices.Equal(tls.Restart, want) || tls.Taken != nil {
		t.Errorf("TLS where there was none: %+v, want a restart for %q", tls, want)
	}
	secured := load(settings{"admin.tls.cert_file": "/a", "admin.tls.key_file": "/b", "admin.tls.client_ca_file": "/c"})
	every := []string{"admin.tls.cert_file", "admin.tls.key_file", "admin.tls.client_ca_file"}
	if kept, tls := secured.Adopt(old); !slices.Equal(tls.Restart, every) || tls.Taken != nil || kept.Admin.TLS != secured.Admin.TLS {
		t.Errorf("no TLS where it asks for certificates: %+v, and %+v is in force; want all of it kept until a restart", tls, kept.Admin.TLS)
	}
	if kept, tls := old.Adopt(secured); !slices.Equal(tls.Restart, every) || tls.Taken != nil || kept.Admin.TLS != old.Admin.TLS {
		t.Errorf("TLS that asks for certificates where there was none: %+v", tls)
	}
	open := load(settings{"admin.tls.cert_file": "/d", "admin.tls.key_file": "/e"})
	if _, tls := secured.Adopt(open); !slices.Equal(tls.Taken, every) || tls.Restart != nil {
		t.Errorf("TLS that asks for no certificates any more, on purpose: %+v", tls)
	}
	adopted, change := old.Adopt(next)
	if want := []string{"login.lockout.per_pair", "limits.per_ip"}; !slices.Equal(change.Taken, want) {
		t.Errorf("taken %q, want %q", change.Taken, want)
	}
	if want := []string{"redis.url", "sessions.max_per_user"}; !slices.Equal(change.Restart, want) {
		t.Errorf("restart %q, want %q", change.Restart, want)
	}
	if adopted.Limits.PerIP != next.Limits.PerIP || adopted.Sessions.MaxPerUser != old.Sessions.MaxPerUser || old.Limits.PerIP.Limits() {
		t.Error("adopted is not what was taken over what was there")
	}
}

// secondStandin starts another Faveo of the same secret and returns its URL.
func secondStandin(t *testing.T) string {
	t.Helper()
	upstream := httptest.NewServer(standin.New(standin.Options{Secret: secret}))
	t.Cleanup(upstream.Close)
	return upstream.URL
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
