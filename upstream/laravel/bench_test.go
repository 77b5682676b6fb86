package laravel_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"faveo-gateway/upstream/laravel"
)

// hot is what a client with a bearer header sends all day.
func hot(target string) *http.Request {
	r := withTarget(http.MethodGet, target)
	r.URL, _ = url.ParseRequestURI(target)
	r.Header = http.Header{
		"Authorization": {"Bearer x.y.z"}, "Accept": {"application/json"}, "User-Agent": {"bench"},
		"Accept-Encoding": {"gzip"}, "X-Request-Id": {"1"},
	}
	return r
}

func BenchmarkReadAndRebuild(b *testing.B) {
	for name, target := range map[string]string{
		"no query":       "/api/v1/helpdesk/tickets",
		"short query":    "/api/v1/helpdesk/ticket?ticket_id=7&page=2",
		"token in query": "/api/v1/helpdesk/ticket?api_key=k&ip=null&token=x.y.z&ticket_id=7",
		"web":            "/dashboard/tickets?show=1",
	} {
		b.Run(name, func(b *testing.B) {
			reader, r := laravel.NewReader("", limits), hot(target)
			b.ReportAllocs()
			for b.Loop() {
				q, err := reader.Read(r)
				if err != nil {
					b.Fatal(err)
				}
				q.Take("token")
				q.Take("api_key")
				if err := q.LoadBody(0); err != nil {
					b.Fatal(err)
				}
				if _, err := q.Rebuild(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestHotPathAllocations keeps the common request cheap: the Request, the copy
// of http.Request and the header map.
func TestHotPathAllocations(t *testing.T) {
	reader, r := laravel.NewReader("", limits), hot("/api/v1/helpdesk/ticket?ticket_id=7&page=2")
	ctx := context.Background()
	got := testing.AllocsPerRun(100, func() {
		q, err := reader.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Rebuild(ctx); err != nil {
			t.Fatal(err)
		}
	})
	if got > 5 {
		t.Errorf("%v allocations, want at most 5", got)
	}
}
