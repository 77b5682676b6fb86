package gateway_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo/faveotest"
	"faveo-gateway/upstream/standin"
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
	case "gateway":
		serve()
		return
	case "attackers":
		attackers()
		return
	default:
		playRole(role)
		return
	}
	goleak.VerifyTestMain(m)
}

// secret is the JWT_SECRET that the gateway and the stand-in share.
const secret = "a-secret-of-the-tests-000000000000000000000000000000000000000001"

// redisAddress is where the tests expect a real Redis.
const redisAddress = "127.0.0.1:6379"

// world is a whole gateway on free ports, with real stores and a stand-in Faveo.
type world struct {
	t       testing.TB
	gateway *gateway.Gateway
	faveo   *standin.Faveo
	log     *safeBuffer
	client  *http.Client
	// upstream is the URL of the stand-in.
	upstream string
	// sources are what the gateway reads, and reads again at a reload.
	sources *atomic.Pointer[config.Sources]
	// trust is how the client judges a gateway that speaks TLS; nil where it speaks HTTP.
	trust *tls.Config
}

// requireRedis skips, or fails when REQUIRE_SERVICES=1.
func requireRedis(t testing.TB) {
	t.Helper()
	c, err := net.DialTimeout("tcp", redisAddress, time.Second)
	service.Require(t, "Redis at "+redisAddress, err)
	c.Close()
}

// inOrder is for tests of answers that come one after the other: the race detector, under
// which they take minutes, has nothing to find in them.
func inOrder(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("a test of answers, not of concurrency; make test runs it")
	}
}

// settings are a configuration by path.
type settings map[string]string

// unset leaves a setting out that an earlier layer has.
const unset = "(unset)"

// start runs a gateway before the stand-in with the given settings over those
// of the tests, and stops it when the test ends.
func start(t testing.TB, over settings) *world {
	t.Helper()
	w := &world{t: t, faveo: standin.New(standin.Options{Secret: secret}), log: &safeBuffer{}}
	upstream := httptest.NewServer(w.faveo)
	t.Cleanup(upstream.Close)
	w.upstream = upstream.URL
	w.run(settings{"faveo.urls": upstream.URL}, over)
	return w
}

// onMariaDB are the settings of real stores: a fresh Faveo database with the
// contract's accounts, and Redis under a prefix of its own.
func onMariaDB(t testing.TB) (settings, *faveotest.Database) {
	t.Helper()
	requireRedis(t)
	db := faveotest.New(t)
	return settings{
		"faveo.database":    db.URL,
		"faveo.public_path": db.PublicPath,
		"redis.key_prefix":  "fgw-test-" + rand.Text() + ":",
	}, db
}

// run starts the gateway; later settings win. The returned function orders it to
// stop; that it stopped well is checked when the test ends.
func (w *world) run(layers ...settings) (stop func()) {
	w.t.Helper()
	w.open(layers...)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.gateway.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.t.Errorf("stop: %v", err)
		}
	})
	return stop
}

// open makes the gateway and its client, and leaves it to the test to run it, which
// has to.
func (w *world) open(layers ...settings) {
	w.t.Helper()
	all := map[string]string{
		"server.listen":           "127.0.0.1:0",
		"admin.listen":            "127.0.0.1:0",
		"faveo.jwt_secret":        secret,
		"login.min_failure_time":  "0s",
		"observability.log.level": "info",
		// Tests count what comes to PHP.
		"proxy.health.interval": "0s",
		// All tests log in from one address, and fail there more often than people do.
		"login.lockout.per_account": "off",
		"login.lockout.per_pair":    "off",
		"login.lockout.per_address": "off",
	}
	for _, layer := range layers {
		for path, text := range layer {
			all[path] = text
		}
	}
	maps.DeleteFunc(all, func(_, text string) bool { return text == unset })
	w.sources = new(atomic.Pointer[config.Sources])
	w.sources.Store(&config.Sources{Overrides: all})
	c, err := w.reread()
	if err != nil {
		w.t.Fatalf("configuration: %v", err)
	}
	level := new(slog.LevelVar)
	level.Set(c.Observability.Log.Level.Level())
	w.gateway, err = gateway.New(context.Background(), gateway.Options{
		Config: c, Reread: w.reread, Log: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: level})), LogLevel: level,
		Build: gateway.Build{Version: "tested"},
	})
	if err != nil {
		w.t.Fatalf("start: %v", err)
	}
	w.client = &http.Client{
		Transport:     &http.Transport{TLSClientConfig: w.trust.Clone(), ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       30 * time.Second,
	}
	w.t.Cleanup(w.client.CloseIdleConnections)
}

// reread reads the configuration as it is now.
func (w *world) reread() (*config.Config, error) {
	return config.Load(*w.sources.Load())
}

// set changes the configuration, which the gateway takes over at a reload.
func (w *world) set(over settings) {
	all := maps.Clone(w.sources.Load().Overrides)
	maps.Copy(all, over)
	w.sources.Store(&config.Sources{Overrides: all})
}

// url is the public address of a path.
func (w *world) url(path string) string {
	if w.trust != nil {
		return "https://" + w.gateway.Address() + path
	}
	return "http://" + w.gateway.Address() + path
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request as it is.
func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	response, err := w.client.Do(r)
	if err != nil {
		w.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatalf("%s %s: read answer: %v", r.Method, r.URL, err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

// send makes and sends a request. Headers are "Name: value".
func (w *world) send(method, path, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, w.url(path), strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return w.do(r)
}

// login returns the token of an account.
func (w *world) login(username, password string) string {
	w.t.Helper()
	form := url.Values{"username": {username}, "password": {password}}
	got := w.send(http.MethodPost, "/api/v1/authenticate", form.Encode(), "Content-Type: application/x-www-form-urlencoded")
	var success struct{ Token string }
	if err := json.Unmarshal([]byte(got.body), &success); err != nil || success.Token == "" {
		w.t.Fatalf("login %s: %d %s", username, got.status, got.body)
	}
	return success.Token
}

// metrics reads the private listener's /metrics.
func (w *world) metrics() string { return w.admin("/metrics").body }

func (w *world) admin(path string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+w.gateway.AdminAddress()+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(r)
}

// safeBuffer is a log that the test reads while the gateway writes.
type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
