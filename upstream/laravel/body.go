package laravel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// LoadBody reads and parses the parameters of an API request's body: urlencoded
// and multipart forms and JSON, where PHP reads them. Bodies that PHP does not
// read, and bodies of web requests, are left alone. limit bounds the bytes read,
// Limits bounds them too, whichever is less.
//
// The first call decides: a body can be read once, so later calls return the
// same result whatever their limit. A caller that must not spool uploads for an
// unknown client passes a small limit first and accepts that a large body is then
// ErrTooLarge for good.
//
// JSON that PHP does not parse, or that is no object, counts as empty.
//
// Errors: *Ambiguous, ErrTooLarge, ErrClient (the body could not be read), ErrSpool
// (no room for uploads). After an error the request cannot be rebuilt.
func (q *Request) LoadBody(limit int64) error {
	if !q.loaded {
		q.loaded = true
		q.loadErr = q.load(max(0, min(limit, q.limits.Body)))
	}
	return q.loadErr
}

func (q *Request) load(limit int64) error {
	if !q.HasParameters() {
		return nil
	}
	if q.content.kind != contentMultipart {
		limit = max(0, min(limit, q.limits.Parameters))
	}
	if q.in.ContentLength > limit {
		return ErrTooLarge
	}
	body := &bodyReader{r: q.in.Body, left: limit}
	if err := q.parseBody(body); err != nil {
		return err
	}
	return ambiguous(q.crossCheck())
}

func (q *Request) parseBody(body *bodyReader) error {
	if q.content.kind == contentMultipart {
		return q.readMultipart(body)
	}
	text, err := readText(body, q.in.ContentLength)
	if err != nil {
		return err
	}
	if q.content.kind == contentJSON {
		return ambiguous(parseJSON(&q.Body, text))
	}
	return ambiguous(parseForm(&q.Body, text))
}

// crossCheck compares the places: a name in two of them must have one value, and
// an upload's name must be its alone, since Laravel lays uploads over parameters.
func (q *Request) crossCheck() Reason {
	if _, given := q.Body.Get(methodParameter); given {
		return ReasonMethodOverride
	}
	for name, v := range q.Query.All() {
		if w, given := q.Body.Get(name); given && !v.Equal(w) {
			return ReasonParameterConflict
		}
	}
	for name := range q.files.All() {
		if _, given := q.Input(name); given || name == methodParameter {
			return ReasonParameterConflict
		}
	}
	return ""
}

// readText reads a body whole. The length that the client announced is a hint.
func readText(body io.Reader, length int64) (string, error) {
	const most = 64 << 10
	var b bytes.Buffer
	// With room for the read that finds the end. io.Copy would bring 32 KiB of its own.
	b.Grow(int(min(max(length, 0), most)) + bytes.MinRead)
	_, err := b.ReadFrom(body)
	return b.String(), err
}

// bodyReader bounds a body and names its failures: ErrTooLarge, ErrClient.
type bodyReader struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader. One byte over the limit is asked for, to tell a body
// that is too large from one that just fits.
func (b *bodyReader) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if int64(n) > b.left {
		return 0, ErrTooLarge
	}
	b.left -= int64(n)
	return n, bodyError(err)
}

func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // io.Reader's contract is the value itself.
		return err
	case errors.As(err, &tooLarge):
		return ErrTooLarge
	default:
		return fmt.Errorf("%w: %w", ErrClient, err)
	}
}
