package gateway_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	otlp "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	span "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes OTLP over HTTP as a real one does.
type collector struct {
	*httptest.Server
	mu sync.Mutex
	// raw is all that it got, uncompressed.
	raw   bytes.Buffer
	spans []*span.Span
	// header is that of the last batch.
	header http.Header
}

func newCollector(t testing.TB) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var batch otlp.ExportTraceServiceRequest
		plain, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Errorf("a batch of traces: %v", err)
			return
		}
		body, err := io.ReadAll(plain)
		if err != nil || proto.Unmarshal(body, &batch) != nil {
			t.Errorf("a batch of traces is no OTLP: %v", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.raw.Write(body)
		c.header = r.Header
		for _, of := range batch.ResourceSpans {
			for _, in := range of.ScopeSpans {
				c.spans = append(c.spans, in.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// settings make a gateway send all its traces here.
func (c *collector) settings() settings {
	return settings{"observability.tracing.endpoint": c.URL, "observability.tracing.sample_ratio": "1"}
}
