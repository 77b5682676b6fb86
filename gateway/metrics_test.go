package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"
)

// scrape reads /metrics in the format of an Accept header.
func (w *world) scrape(accept string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+w.gateway.AdminAddress()+"/metrics", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	response, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { response.Body.Close() })
	return response
}

// families reads all metrics as Prometheus does when it takes native histograms.
func (w *world) families() map[string]*dto.MetricFamily {
	w.t.Helper()
	response := w.scrape("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	all, in := map[string]*dto.MetricFamily{}, bufio.NewReader(response.Body)
	for {
		f := &dto.MetricFamily{}
		if err := protodelim.UnmarshalFrom(in, f); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			w.t.Fatalf("metrics: %v", err)
		}
		all[f.GetName()] = f
	}
}

// TestDurations: every duration is a histogram of classic buckets that begin where the
// shortest ones are, and of native ones, for who takes those.
func TestDurations(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	w.login("alice", "AlicePass1!")
	w.send(http.MethodGet, "/page", "")
	found := 0
	for name, f := range w.families() {
		if !strings.HasPrefix(name, "faveo_gateway_") || f.GetType() != dto.MetricType_HISTOGRAM {
			continue
		}
		found++
		h := f.GetMetric()[0].GetHistogram()
		if h.Schema == nil {
			t.Errorf("%s has no native buckets", name)
		}
		if n := len(h.GetBucket()); n < 10 || n > 17 {
			t.Errorf("%s has %d classic buckets", name, n)
		} else if least, most := h.GetBucket()[0].GetUpperBound(), h.GetBucket()[n-1].GetUpperBound(); least > .001 || most < 10 {
			t.Errorf("%s reaches from %v to %v s", name, least, most)
		}
	}
	if found < 5 {
		t.Errorf("only %d durations", found)
	}
}

// TestOpenMetrics answers who asks for the format that has room for exemplars.
func TestOpenMetrics(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	response := w.scrape("application/openmetrics-text; version=1.0.0")
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/openmetrics-text") || !strings.HasSuffix(string(body), "# EOF\n") {
		t.Errorf("the answer is %s and ends with %q", kind, body[max(0, len(body)-40):])
	}
}

// TestConfigHash: replicas that were configured alike report the same hash, also on other
// addresses; another setting is another hash, and so is another rule in a file of the
// same name.
func TestConfigHash(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	file := filepath.Join(t.TempDir(), "site.yaml")
	hash := func(path string, over settings) string {
		t.Helper()
		if err := os.WriteFile(file, []byte("rules:\n  - {name: site, path: /api/v1/"+path+", effect: deny, reason: a test}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		w := start(t, merge(stores, merge(settings{"policy.files": file}, over)))
		found := regexp.MustCompile(`(?m)^faveo_gateway_config_hash (.+)$`).FindStringSubmatch(w.metrics())
		if found == nil {
			t.Fatal("no hash")
		}
		return found[1]
	}
	upstream := settings{"faveo.urls": "http://127.0.0.1:9"}
	all := []string{hash("one", upstream)}
	if again := hash("one", upstream); again != all[0] {
		t.Errorf("two hashes of one configuration: %s and %s", all[0], again)
	}
	all = append(all, hash("one", merge(upstream, settings{"sessions.max_per_user": "7"})), hash("other", upstream))
	if slices.Sort(all); len(slices.Compact(all)) != 3 {
		t.Errorf("the hashes are %v, want three", all)
	}
}

// TestFullRedisIsCounted: the operator sees from the metrics why nobody can log in.
func TestFullRedisIsCounted(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	redis := miniredis.RunT(t)
	w := start(t, merge(stores, settings{"redis.url": "redis://" + redis.Addr()}))
	w.login("alice", "AlicePass1!")
	const full = `faveo_gateway_dependency_failures_total{dependency="redis",reason="full"} `
	if !strings.Contains(w.metrics(), full+"0\n") {
		t.Error("there is no series yet, or something is counted")
	}
	redis.SetError("OOM command not allowed when used memory > 'maxmemory'.")
	w.wantProblem("a login", w.send(http.MethodPost, "/api/v1/authenticate?username=alice&password=AlicePass1%21", ""), http.StatusServiceUnavailable, "unavailable")
	metrics := w.metrics()
	redis.SetError("")
	if !strings.Contains(metrics, full) || strings.Contains(metrics, full+"0\n") {
		t.Error("what Redis refused is not counted")
	}
	if !strings.Contains(metrics, `faveo_gateway_logins_total{result="error"} 1`) {
		t.Error("the login is not counted as an error")
	}
}

// TestMetricsContract: what operators have built on, by name, type and labels. More metrics
// may come; these stay.
func TestMetricsContract(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	e := w.exposition()
	families := w.families()
	const counter, gauge, histogram = dto.MetricType_COUNTER, dto.MetricType_GAUGE, dto.MetricType_HISTOGRAM
	for _, want := range []struct {
		name   string
		kind   dto.MetricType
		labels string
	}{
		{"ambiguous_requests_total", counter, "reason"},
		{"apikey_checks_total", counter, "result"},
		{"build_info", gauge, "commit goversion version"},
		{"dependency_duration_seconds", histogram, "dependency operation"},
		{"dependency_up", gauge, "dependency"},
		{"http_in_flight_requests", gauge, ""},
		{"http_request_duration_seconds", histogram, "method route"},
		{"http_requests_total", counter, "code method route"},
		{"lockouts_total", counter, ""},
		{"login_hash_queue", gauge, ""},
		{"login_hash_seconds", histogram, ""},
		{"logins_total", counter, "result"},
		{"policy_decisions_total", counter, "effect mode rule"},
		{"rate_limited_total", counter, "limit"},
		{"revocation_latency_seconds", histogram, ""},
		{"session_cache_total", counter, "result"},
		{"sessions_active", gauge, ""},
		{"signing_key_age_seconds", gauge, "state"},
		{"signing_key_rotations_total", counter, "result"},
		{"token_sources_total", counter, "source"},
		{"tokens_checked_total", counter, "result"},
		{"upstream_duration_seconds", histogram, "upstream"},
		{"upstream_requests_total", counter, "code upstream"},
		{"upstream_up", gauge, "upstream"},
	} {
		name := "faveo_gateway_" + want.name
		f := families[name]
		if f == nil || f.GetType() != want.kind {
			t.Errorf("%s is missing, or is no %v", name, want.kind)
			continue
		}
		if want.kind == histogram {
			name += "_count"
		}
		labels := slices.Sorted(maps.Keys(e[name].labels))
		labels = slices.DeleteFunc(labels, func(label string) bool { return slices.Contains(targetLabels, label) })
		if got := strings.Join(labels, " "); got != want.labels {
			t.Errorf("%s has the labels %q, want %q", name, got, want.labels)
		}
		// Who reads the Help learns by which labels; how else would he find their values?
		for _, label := range labels {
			if label != "goversion" && !strings.Contains(f.GetHelp(), label) {
				t.Errorf("the Help of %s does not tell of %s: %s", name, label, f.GetHelp())
			}
		}
	}
}
