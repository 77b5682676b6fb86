package laravel

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Rebuild returns a new request in ctx that says in one way what was read: the
// method, the path with its base, the query and the body encoded from the parsed
// parameters, a content type of its own, Content-Length from the body. A body
// without parameters is not sent at all. What Take removed is gone. A body that PHP
// does not read, and the path, query and body of a web request, go as they came,
// the body bounded by Limits.Body (reading beyond it
// is an *http.MaxBytesError).
//
// The header map is without the client's framing (Content-Length, Transfer-Encoding,
// Trailer, Expect). Map and values may be the client's own and must not be changed.
// The request is good until Close and may be built again, but bodies that stream
// do so once.
//
// Errors: those of LoadBody, which Rebuild calls with Limits.Body when nobody
// did before.
func (q *Request) Rebuild(ctx context.Context) (*http.Request, error) {
	if err := q.LoadBody(q.limits.Body); err != nil {
		return nil, err
	}
	out := q.in.WithContext(ctx)
	out.Method, out.RequestURI = q.Method, ""
	out.Header = q.rebuildHeader()
	out.TransferEncoding, out.Trailer = nil, nil
	out.Form, out.PostForm, out.MultipartForm, out.GetBody = nil, nil, nil, nil
	out.URL = q.rebuildURL()
	return out, q.rebuildBody(out)
}

// rebuildHeader returns the header without what describes the client's framing: a
// copy, or the client's own map when there is nothing to leave out.
func (q *Request) rebuildHeader() http.Header {
	if !q.isFramed() {
		return q.in.Header
	}
	h := make(http.Header, len(q.in.Header)+1)
	for name, values := range q.in.Header {
		switch name {
		case "Content-Length", "Transfer-Encoding", "Trailer", "Expect":
			continue
		case "Content-Type":
			if q.API && q.content.kind != contentOpaque {
				continue
			}
		}
		h[name] = values[:len(values):len(values)]
	}
	return h
}

// isFramed says whether the header describes a body. One with a body to rebuild
// gets a map of its own, too: the new type is written into it.
func (q *Request) isFramed() bool {
	for _, name := range [...]string{"Content-Length", "Transfer-Encoding", "Trailer", "Expect", "Content-Type"} {
		if _, there := q.in.Header[name]; there {
			return true
		}
	}
	return q.content.kind != 0
}

func (q *Request) rebuildURL() *url.URL {
	if q.API {
		q.url = url.URL{Path: q.fullPath, RawQuery: q.rebuildQuery()}
		return &q.url
	}
	plain, _, _ := unescapePath(q.fullPath)
	q.url = url.URL{Path: plain, RawPath: q.fullPath, RawQuery: q.rawQuery}
	return &q.url
}

// rebuildQuery encodes the query anew. When that gives the client's own text, it
// is that text and needs no memory.
func (q *Request) rebuildQuery() string {
	if q.Query.Len() == 0 {
		return ""
	}
	var room [512]byte
	encoded := appendForm(room[:0], &q.Query)
	if string(encoded) == q.rawQuery {
		return q.rawQuery
	}
	return string(encoded)
}

func (q *Request) rebuildBody(out *http.Request) error {
	switch {
	case !q.API || q.content.kind == contentOpaque:
		return q.streamBody(out)
	case q.content.kind == contentMultipart && q.Body.Len()+q.files.Len() > 0:
		return q.multipartBody(out)
	case q.Body.Len() == 0:
		out.Body, out.ContentLength = http.NoBody, 0
		return nil
	case q.content.kind == contentForm:
		setBody(out, typeForm, string(appendForm(nil, &q.Body)))
		return nil
	default:
		encoded, err := appendJSON(nil, &q.Body)
		setBody(out, typeJSON, string(encoded))
		return err
	}
}

// streamBody passes the client's body on, bounded.
func (q *Request) streamBody(out *http.Request) error {
	if q.in.Body == nil || q.in.Body == http.NoBody || q.in.ContentLength == 0 {
		out.Body, out.ContentLength = http.NoBody, 0
		return nil
	}
	if q.in.ContentLength > q.limits.Body {
		return ErrTooLarge
	}
	out.Body = http.MaxBytesReader(nil, q.in.Body, q.limits.Body)
	return nil
}

func setBody(out *http.Request, contentType, body string) {
	out.Header["Content-Type"] = []string{contentType}
	out.ContentLength = int64(len(body))
	out.GetBody = func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(body)), nil
	}
	out.Body, _ = out.GetBody()
}
