package trace_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"faveo-gateway/gateway/trace"
)

// credential is what the tests send in a header.
const credential = "Basic c3BlY2lhbDpodW50ZXIy"

// toward returns a Tracer for a collector, and its log.
func toward(t *testing.T, h http.HandlerFunc, timeout time.Duration) (*trace.Tracer, *buffer, string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	log := &buffer{}
	o := options(log)
	o.Endpoint, o.Timeout = server.URL+"/v1/traces", timeout
	o.Headers = map[string]string{"Authorization": credential}
	tracer, err := trace.Open(o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return tracer, log, server.URL
}

func one(tracer *trace.Tracer) {
	_, q := tracer.Begin(request(), false)
	q.End(trace.Outcome{Method: "GET", Pattern: "/*", Route: "web", Status: 200})
}

func TestACollectorGetsOTLP(t *testing.T) {
	// Variables that OpenTelemetry would read change nothing.
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=other")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	got := make(chan *collector.ExportTraceServiceRequest, 1)
	tracer, log, _ := toward(t, func(w http.ResponseWriter, r *http.Request) {
		plain, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Errorf("not compressed: %v", err)
			return
		}
		body, err := io.ReadAll(plain)
		var batch collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &batch); err != nil {
			t.Errorf("not OTLP: %v", err)
		}
		if r.URL.Path != "/v1/traces" || r.Header.Get("Authorization") != credential ||
			r.Header.Get("Content-Type") != "application/x-protobuf" || err != nil {
			t.Errorf("%s with %v, %v", r.URL, r.Header, err)
		}
		got <- &batch
	}, 5*time.Second)
	one(tracer)
	if err := tracer.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
	span := (<-got).ResourceSpans[0].ScopeSpans[0].Spans[0]
	if span.Name != "GET /*" {
		t.Errorf("the collector got %v", span)
	}
	if log.String() != "" {
		t.Errorf("the log says %s", log)
	}
}

// TestACollectorThatFails refuses in every way that there is and repeats the credentials
// that it was sent. The log says that it fails, and not what it was sent.
func TestACollectorThatFails(t *testing.T) {
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
			w.WriteHeader(status)
			io.WriteString(w, "no: "+r.Header.Get("Authorization"))
		}
	}
	partial := func(w http.ResponseWriter, r *http.Request) {
		body, _ := proto.Marshal(&collector.ExportTraceServiceResponse{PartialSuccess: &collector.ExportTracePartialSuccess{
			RejectedSpans: 1, ErrorMessage: "bad " + r.Header.Get("Authorization"),
		}})
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Write(body)
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		says    string
	}{
		{"who refuses the credentials", echo(401), "the collector answered 401"},
		{"whose fault it is", echo(500), "the collector answered 500"},
		{"who is busy", echo(503), "the collector did not take"},
		{"who takes a part", partial, "the collector did not take all of it"},
		{"who answers what is no OTLP", echo(200), "the collector did not take all of it"},
		{"who hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "the collector cannot be reached"},
		{"who sends elsewhere", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				t.Error("a redirect was followed")
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "the collector answered 307"},
		{"who never answers", func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // Else net/http does not see that the client left.
			<-r.Context().Done()
		}, "in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tracer, log, _ := toward(t, c.handler, 300*time.Millisecond)
			one(tracer)
			err := tracer.Close(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("close: %v, want %q", err, c.says)
			}
			if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, c.says) {
				t.Errorf("the log says %q, want one line with %q", said, c.says)
			}
			if said := log.String() + err.Error(); strings.Contains(said, credential) || strings.Contains(said, "c3BlY2lhbD") {
				t.Errorf("the credentials are shown: %s", said)
			}
		})
	}
}

// TestStopDoesNotWaitForACollector ends in the time that it is given.
func TestStopDoesNotWaitForACollector(t *testing.T) {
	reached := make(chan struct{})
	tracer, _, _ := toward(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // Else net/http does not see that the client left.
		close(reached)
		<-r.Context().Done()
	}, time.Hour)
	one(tracer)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-reached
		stop()
	}()
	if err := tracer.Close(ctx); err == nil {
		t.Error("the lost spans are not told")
	}
}

// TestManySpansWhileTheCollectorIsDown drops what the queue does not hold, and returns.
func TestManySpansWhileTheCollectorIsDown(t *testing.T) {
	tracer, log, _ := toward(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, time.Second)
	for range 20_000 {
		one(tracer)
	}
	_ = tracer.Close(t.Context())
	if lines := strings.Count(log.String(), "\n"); lines != 1 {
		t.Errorf("the log has %d lines, want 1: %s", lines, log)
	}
}
