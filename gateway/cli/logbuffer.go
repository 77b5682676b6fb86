package cli

import (
	"bufio"
	"io"
	"sync"
	"time"
)

// The log is written in large pieces: a system call for each request's event is
// a twentieth of what the request costs.
const (
	logBufferSize = 32 << 10
	logFlushEvery = 200 * time.Millisecond
)

// logBuffer holds back what is logged for a moment. It is safe for concurrent
// use. What the process had not flushed when it was killed is lost; Close loses
// nothing.
type logBuffer struct {
	mu     sync.Mutex
	buffer *bufio.Writer
	stop   chan struct{}
	done   chan struct{}
}

// newLogBuffer returns a logBuffer in front of out. Close it.
func newLogBuffer(out io.Writer) *logBuffer {
	b := &logBuffer{buffer: bufio.NewWriterSize(out, logBufferSize), stop: make(chan struct{}), done: make(chan struct{})}
	go b.flushNowAndThen()
	return b
}

// Write implements io.Writer.
func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(line)
}

// Close flushes and stops flushing.
func (b *logBuffer) Close() error {
	close(b.stop)
	<-b.done
	return b.flush()
}

func (b *logBuffer) flushNowAndThen() {
	defer close(b.done)
	ticker := time.NewTicker(logFlushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-ticker.C:
			_ = b.flush() // The next Write gets the same error.
		}
	}
}

func (b *logBuffer) flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Flush()
}
