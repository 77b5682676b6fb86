package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/cli"
)

// The benchmark compares processes: each role runs in a process of its own, this
// test binary started again, so that the CPU of the client and of the upstream
// does not count for the proxy in between.
const (
	roleVariable    = "FAVEO_GATEWAY_BENCH_ROLE"
	addressVariable = "FAVEO_GATEWAY_BENCH_ADDRESS"
	targetVariable  = "FAVEO_GATEWAY_BENCH_TARGET"
)

// playRole runs the role that a benchmark gave to this process, until its
// standard input ends.
func playRole(role string) {
	listener, err := net.Listen("tcp", os.Getenv(addressVariable))
	if err != nil {
		panic(err)
	}
	server := &http.Server{}
	switch role {
	case "upstream":
		body := append([]byte(`{"filler":"`), bytes.Repeat([]byte("x"), 1011)...)
		body = append(body, `"}`...)
		server.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write(body)
		})
	case "bare":
		server.Handler = bareProxy(os.Getenv(targetVariable))
	}
	go server.Serve(listener)
	io.Copy(io.Discard, os.Stdin)
}

// bareProxy is the reference: a tuned httputil.ReverseProxy and nothing else.
func bareProxy(target string) http.Handler {
	upstream, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	pool := sync.Pool{New: func() any { return make([]byte, 32<<10) }}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.SetXForwarded()
		},
		Transport:  &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
		BufferPool: bufferPool{&pool},
	}
}

type bufferPool struct{ pool *sync.Pool }

func (p bufferPool) Get() []byte  { return p.pool.Get().([]byte) }
func (p bufferPool) Put(b []byte) { p.pool.Put(b) } //nolint:staticcheck // SA6002: the reference is as ReverseProxy's users write it.

// BenchmarkProxied measures the CPU that one authenticated request costs in the
// gateway, all stages on, and the ratio to the bare proxy in the same run.
func BenchmarkProxied(b *testing.B) {
	m := newBench(b)
	token := m.login(b)
	m.compare(b, "/api/v1/helpdesk/tickets", "Bearer "+token, http.StatusOK)
}

// BenchmarkRefused measures the CPU of a request without a token.
func BenchmarkRefused(b *testing.B) {
	newBench(b).compare(b, "/api/v1/helpdesk/tickets", "", http.StatusUnauthorized)
}

// BenchmarkRefusedBadToken measures the CPU of a request with a forged token.
func BenchmarkRefusedBadToken(b *testing.B) {
	m := newBench(b)
	token := m.login(b)
	m.compare(b, "/api/v1/helpdesk/tickets", "Bearer "+token[:len(token)-8]+"AAAAAAAA", http.StatusUnauthorized)
}

// bench is the three processes.
type bench struct {
	client        *http.Client
	bare, gateway process
	// environ are the variables of the gateway.
	environ []string
}

type process struct {
	pid     int
	address string
}

func newBench(b *testing.B) *bench {
	b.Helper()
	stores, _ := onMariaDB(b)
	upstream := play(b, "upstream")
	environ := []string{
		"FAVEO_GATEWAY_FAVEO_URLS=http://" + upstream.address,
		"FAVEO_GATEWAY_FAVEO_JWT_SECRET=" + secret,
		"FAVEO_GATEWAY_FAVEO_DATABASE=" + stores["faveo.database"],
		"FAVEO_GATEWAY_REDIS_KEY_PREFIX=" + stores["redis.key_prefix"],
	}
	m := &bench{
		bare:    play(b, "bare", targetVariable+"=http://"+upstream.address),
		gateway: play(b, "gateway", environ...),
		client:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		environ: environ,
	}
	b.Cleanup(m.client.CloseIdleConnections)
	return m
}

// serve is the role "gateway": the real program, its log going nowhere.
func serve() {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	environ := append(os.Environ(),
		"FAVEO_GATEWAY_SERVER_LISTEN="+os.Getenv(addressVariable), "FAVEO_GATEWAY_ADMIN_LISTEN=127.0.0.1:0")
	environ = slices.DeleteFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, "FAVEO_GATEWAY_BENCH_") })
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	if code := cli.Run(ctx, cli.Process{Args: []string{"serve"}, Environ: environ, Stdout: null, Stderr: null}); code != 0 {
		panic("serve failed")
	}
}

// play starts this binary in a role and waits until it listens.
func play(b testing.TB, role string, environ ...string) process {
	b.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	command := exec.Command(os.Args[0])
	command.Env = append(append(os.Environ(), roleVariable+"="+role, addressVariable+"="+address), environ...)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		command.Wait()
	})
	for range 200 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return process{command.Process.Pid, address}
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatalf("the %s did not start", role)
	return process{}
}

func (m *bench) login(b *testing.B) string {
	b.Helper()
	w := &world{t: b, client: m.client}
	r, err := http.NewRequest(http.MethodPost, "http://"+m.gateway.address+"/api/v1/authenticate?username=demo_admin&password=AdminPass1%21", nil)
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(w.do(r).body, `"token":"`)
	token, _, found := strings.Cut(rest, `"`)
	if !found {
		b.Fatal("no token")
	}
	return token
}

// compare sends rounds of requests to both in turn and reports the medians. The
// machine's speed drifts; a ratio of neighbouring rounds does not.
func (m *bench) compare(b *testing.B, path, authorization string, status int) {
	b.Helper()
	const rounds, perRound, workers = 7, 4000, 8
	m.round(b, m.bare, path, authorization, http.StatusOK, perRound, workers)
	m.round(b, m.gateway, path, authorization, status, perRound, workers)
	var bare, ours, ratios []float64
	b.ResetTimer()
	for range rounds {
		x := m.round(b, m.bare, path, authorization, http.StatusOK, perRound, workers)
		y := m.round(b, m.gateway, path, authorization, status, perRound, workers)
		bare, ours, ratios = append(bare, x), append(ours, y), append(ratios, y/x)
	}
	b.ReportMetric(median(bare), "bare-µs/req")
	b.ReportMetric(median(ours), "gateway-µs/req")
	b.ReportMetric(median(ratios), "ratio")
}

// round returns the microseconds of CPU that the process spent on one request.
func (m *bench) round(b *testing.B, p process, path, authorization string, status, requests, workers int) float64 {
	b.Helper()
	before := cpu(b, p.pid)
	var wait sync.WaitGroup
	faults := make(chan error, workers)
	for range workers {
		wait.Go(func() {
			for range requests / workers {
				if err := m.one(p, path, authorization, status); err != nil {
					faults <- err
					return
				}
			}
		})
	}
	wait.Wait()
	select {
	case err := <-faults:
		b.Fatal(err)
	default:
	}
	return float64((cpu(b, p.pid) - before).Microseconds()) / float64(requests)
}

func (m *bench) one(p process, path, authorization string, status int) error {
	r, err := http.NewRequest(http.MethodGet, "http://"+p.address+path, nil)
	if err != nil {
		return err
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response, err := m.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != status {
		return fmt.Errorf("%s answered %d, want %d", p.address, response.StatusCode, status)
	}
	return nil
}

// cpu reads the time that all threads of a process have run, in nanoseconds.
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
	if err != nil || len(threads) == 0 {
		b.Skip("the CPU of another process is read from /proc, which is not here")
	}
	var ran time.Duration
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			b.Fatal(err)
		}
		nanoseconds, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(nanoseconds, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ran += time.Duration(n)
	}
	return ran
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
