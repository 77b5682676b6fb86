package audit

import (
	"context"
	"io"
	"sync"
)

var _ Sink = (*Stream)(nil)

// Stream is a Sink of JSON lines on a writer, a trail of its own that begins with it.
// It is safe for concurrent use.
type Stream struct {
	mu   sync.Mutex
	head Head
	// batch are the lines of the last one, of which written bytes are out. Where that
	// is not all of them an attempt failed, and the next one goes on from there.
	batch    []byte
	written  int
	write    func([]byte) (int, error)
	sync     func() error // after each batch, until which it is not out
	unsynced bool
}

// NewStream returns a Stream on w. A writer that blocks holds up the trail, whatever
// context there is.
func NewStream(w io.Writer) *Stream {
	return &Stream{write: w.Write, sync: func() error { return nil }}
}

// Append implements Sink.
func (s *Stream) Append(ctx context.Context, unsure Link, seal func(Head) Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	if unsure != (Link{}) && unsure == s.head.Last {
		return nil
	}
	b := seal(s.head)
	var text []byte
	for i := range b.Entries {
		var err error
		if text, err = appendLine(text, &b.Entries[i]); err != nil {
			return err
		}
	}
	s.head, s.batch, s.written, s.unsynced = b.Head, text, 0, true
	return s.flush()
}

// flush brings out what is not yet.
func (s *Stream) flush() error {
	if !s.unsynced {
		return nil
	}
	n, err := s.write(s.batch[s.written:])
	if s.written += n; err != nil {
		return err
	}
	if err := s.sync(); err != nil {
		return err
	}
	s.unsynced, s.batch = false, nil
	return nil
}
