package laravel

import (
	"fmt"
	"io"
	"os"
)

// spool is one temporary file for all uploads of a request. It has no name from
// the moment it exists, so nothing is left behind however the process ends.
// The zero spool is ready for use.
type spool struct {
	file *os.File
	size int64
}

// section is a range of the spool.
type section struct{ offset, length int64 }

// spoolWriter makes the file at the first byte.
type spoolWriter struct {
	*spool
	dir string
}

// Write implements io.Writer. The error is ErrSpool.
func (w spoolWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if w.file == nil {
		if err := w.create(w.dir); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrSpool, err)
		}
	}
	n, err := w.file.WriteAt(p, w.size)
	w.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("%w: %w", ErrSpool, err)
	}
	return n, nil
}

func (s *spool) create(dir string) error {
	f, err := os.CreateTemp(dir, "faveo-gateway-upload-")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("unlink: %w (close: %w)", err, f.Close())
	}
	s.file = f
	return nil
}

// open returns the bytes of a section. Readers are independent of each other.
func (s *spool) open(part section) io.Reader {
	if part.length == 0 {
		return eofReader{}
	}
	return io.NewSectionReader(s.file, part.offset, part.length)
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

type eofReader struct{}

func (eofReader) Read([]byte) (int, error) { return 0, io.EOF }
