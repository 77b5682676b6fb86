package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// answer is the body of PHP's answer: it can be looked into without being held
// back, it can be edited, and it remembers that it broke off.
type answer struct {
	res  *http.Response
	body io.ReadCloser // as PHP sent it
	from io.Reader     // where Read goes on after head: a rawBody, or the edit of it
	head []byte        // read already, and not yet by Read
	err  error         // of Read, never io.EOF
	// broken: PHP's body broke off, which an edit may say in another way.
	broken bool
	hold   []byte // of the buffer pool, nil unless edited
	// room is as large as the transport's own buffer, so that looking into an
	// answer costs no further read from the connection and no further write.
	room [4 << 10]byte
}

// begin puts a between res and its body.
func (a *answer) begin(res *http.Response) {
	a.res, a.body, a.from = res, res.Body, (*rawBody)(a)
	res.Body = a
}

// reset drops everything of the last request but the room.
func (a *answer) reset(buffers *bufferPool) {
	if a.hold != nil {
		buffers.Put(a.hold)
	}
	a.res, a.body, a.from, a.head, a.err, a.hold, a.broken = nil, nil, nil, nil, nil, nil, false
}

// peek returns the first bytes, which stay to be read: as soon as they tell
// what begins here, at most the size of room, all of them when the body ends
// before. An error means that it broke off before they did.
func (a *answer) peek() ([]byte, error) {
	if len(a.head) > 0 {
		return a.head, nil
	}
	filled := 0
	for filled < len(a.room) {
		n, err := a.from.Read(a.room[filled:])
		filled += n
		if _, known := beginsError(a.room[:filled]); known || err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	a.head = a.room[:filled]
	return a.head, nil
}

// edit replaces the body by what change makes of it, and what the headers say
// of it (RFC 9110 section 8, RFC 9530, and their forerunners): that would be
// wrong, and a validator would tell whether what was taken out has changed. A
// short answer is held until it is whole: it gets its length, and a failure is an
// error instead of half an answer.
func (a *answer) edit(change func(io.Reader) io.Reader, buffers *bufferPool) error {
	for _, name := range [...]string{
		"Content-Length", "Content-Range", "Accept-Ranges", "Etag", "Last-Modified",
		"Content-Md5", "Digest", "Content-Digest", "Repr-Digest",
	} {
		delete(a.res.Header, name)
	}
	a.res.ContentLength = -1
	if a.res.Request.Method == http.MethodHead {
		return nil
	}
	unread := a.from
	if len(a.head) > 0 {
		unread = io.MultiReader(bytes.NewReader(a.head), a.from)
	}
	a.hold = buffers.Get()
	a.from = change(unread)
	n, err := fill(a.hold, a.from)
	a.head = a.hold[:n]
	a.res.Trailer = nil // Announced, or arrived already.
	switch {
	case err == io.EOF: //nolint:errorlint // A wrapped io.EOF is no end.
		a.from = http.NoBody
		a.res.ContentLength = int64(n)
		a.res.Header["Content-Length"] = []string{strconv.Itoa(n)}
	case err != nil:
		return fmt.Errorf("edit answer: %w", err)
	}
	return nil
}

// rawBody is the body as PHP sends it, of an answer.
type rawBody answer

// Read implements io.Reader.
func (b *rawBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		b.broken = true
	}
	return n, err
}

// fill reads until p is full or r has no more. io.ReadFull would not do: its
// io.ErrUnexpectedEOF for a short but whole text is also what r says of a
// text that broke off.
func fill(p []byte, r io.Reader) (int, error) {
	filled := 0
	for filled < len(p) {
		n, err := r.Read(p[filled:])
		filled += n
		if err != nil {
			return filled, err
		}
	}
	return filled, nil
}

// Read implements io.Reader.
func (a *answer) Read(p []byte) (int, error) {
	if len(a.head) > 0 {
		n := copy(p, a.head)
		a.head = a.head[n:]
		return n, nil
	}
	n, err := a.from.Read(p)
	if err != nil && err != io.EOF {
		a.err = err
	}
	return n, err
}

// Close implements io.Closer.
func (a *answer) Close() error {
	if a.hold != nil {
		a.res.Trailer = nil // It arrived with the end of the body.
	}
	return a.body.Close()
}
