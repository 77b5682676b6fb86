package faveo

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// The answer filters take out of Faveo's JSON what customers must not see, while it streams by: memory does not grow
// with the answer. What they leave in goes through byte for byte.
//
// Each wraps a body in a reader of the filtered one. An empty body stays empty. The reader fails with ErrUnfilterable
// where the text is not strict JSON (RFC 8259 in UTF-8, at most 512 values deep, as PHP writes it) or not of a shape
// that the filter knows, and with the body's own error where that fails: what was read before is then a part of a
// filtered answer, and the rest must not be sent by other means. It is not safe for concurrent use.

// ErrUnfilterable is an answer that a filter does not understand, so that nothing more of it may be shown.
var ErrUnfilterable = errors.New("answer cannot be filtered")

// chunkSize is how much of a body is read at once, in bytes.
const chunkSize = 8 << 10

// editor decides what of a JSON text goes on.
type editor interface {
	// edit appends to f.out what remains of the next bytes, and moves f.ready behind what is decided.
	edit(f *filter, p []byte) error
}

// filter reads a body, has it edited and hands it out.
type filter struct {
	src    io.Reader
	editor editor
	scan   scanner
	in     []byte
	out    []byte
	sent   int // out[:sent] has been read
	ready  int // out[sent:ready] may be read, the rest is undecided
	err    error
}

// Read implements io.Reader.
func (f *filter) Read(p []byte) (int, error) {
	for idle := 0; f.sent == f.ready && f.err == nil && len(p) > 0; {
		before := f.scan.offset
		f.advance()
		if idle++; f.scan.offset != before {
			idle = 0
		}
		if idle == 100 { // As bufio does with a reader that neither reads nor fails.
			f.err = io.ErrNoProgress
		}
	}
	n := copy(p, f.out[f.sent:f.ready])
	f.sent += n
	if f.sent < f.ready || len(p) == 0 {
		return n, nil
	}
	return n, f.err
}

// advance reads and edits one chunk. Everything ready was sent before.
func (f *filter) advance() {
	if f.ready > 0 {
		f.out = append(f.out[:0], f.out[f.ready:]...)
		f.sent, f.ready = 0, 0
	}
	if f.in == nil {
		f.in = make([]byte, chunkSize)
	}
	n, err := f.src.Read(f.in)
	if n > 0 {
		f.out = slices.Grow(f.out, n)
		if f.err = f.editor.edit(f, f.in[:n]); f.err != nil {
			f.err = fmt.Errorf("%w: %w, before byte %d", ErrUnfilterable, f.err, f.scan.offset)
			return
		}
	}
	if err == io.EOF && f.scan.offset > 0 && !f.scan.complete() { //nolint:errorlint // A wrapped io.EOF is no end.
		err = fmt.Errorf("%w: it ends in the middle, at byte %d", ErrUnfilterable, f.scan.offset)
	}
	f.err = err
}
