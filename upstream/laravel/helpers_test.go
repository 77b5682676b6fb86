package laravel_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"faveo-gateway/upstream/laravel"
)

var limits = laravel.Limits{Body: 8 << 20, Parameters: 1 << 20}

// parse reads raw bytes as Go's server would; nil when net/http refuses them.
func parse(tb testing.TB, raw string) *http.Request {
	tb.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return nil
	}
	return r
}

// raw spells a request.
func raw(method, target, contentType, body string) string {
	var b strings.Builder
	b.WriteString(method + " " + target + " HTTP/1.1\r\nHost: helpdesk.example.test\r\n")
	if contentType != "" {
		b.WriteString("Content-Type: " + contentType + "\r\n")
	}
	if body != "" || method == http.MethodPost {
		b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	return b.String() + "\r\n" + body
}

// read reads and loads a request, with the limits of the tests.
func read(tb testing.TB, text string) (*laravel.Request, error) {
	tb.Helper()
	r := parse(tb, text)
	if r == nil {
		tb.Fatalf("net/http does not take %q", text)
	}
	q, err := laravel.NewReader("", limits).Read(r)
	if err != nil {
		return nil, err
	}
	tb.Cleanup(func() { _ = q.Close() })
	return q, q.LoadBody(limits.Body)
}

// mustRead fails when the request is refused.
func mustRead(tb testing.TB, text string) *laravel.Request {
	tb.Helper()
	q, err := read(tb, text)
	if err != nil {
		tb.Fatalf("%q is refused: %v", text, err)
	}
	return q
}

// reason returns why a request is refused, "" when it is not, and the error's
// text when it fails otherwise.
func reason(err error) laravel.Reason {
	var ambiguous *laravel.Ambiguous
	switch {
	case err == nil:
		return ""
	case errors.As(err, &ambiguous):
		return ambiguous.Reason
	default:
		return laravel.Reason("error: " + err.Error())
	}
}

func rebuild(tb testing.TB, q *laravel.Request) *http.Request {
	tb.Helper()
	out, err := q.Rebuild(context.Background())
	if err != nil {
		tb.Fatalf("Rebuild: %v", err)
	}
	return out
}

func bodyOf(tb testing.TB, r *http.Request) string {
	tb.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		tb.Fatal(err)
	}
	if r.ContentLength >= 0 && int64(len(b)) != r.ContentLength {
		tb.Errorf("Content-Length is %d, the body has %d bytes", r.ContentLength, len(b))
	}
	return string(b)
}

// multipart spells a body with boundary X from names and values.
func multipart(namesAndValues ...string) string {
	var b strings.Builder
	for i := 0; i < len(namesAndValues); i += 2 {
		b.WriteString("--X\r\nContent-Disposition: form-data; name=\"" + namesAndValues[i] + "\"\r\n\r\n" + namesAndValues[i+1] + "\r\n")
	}
	return b.String() + "--X--\r\n"
}
