package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
)

var _ Sink = (*File)(nil)

// File is a Sink of JSON lines in a file, each batch of them brought to the disk before
// it counts as stored. The trail goes on from the last line that it finds there. It is
// safe for concurrent use; another process cannot open the same file.
//
// When somebody moves the file away, as programs that rotate logs do, the trail goes on
// in a new one. A process that starts with an empty file begins a new trail.
type File struct {
	stream *Stream
	path   string
	file   *os.File
}

// OpenFile opens the file, or makes it, readable by its owner alone. A last line that is
// not complete was cut off when a process or a machine died, before it counted as
// stored: it is taken out, and the log says so. A file that does not end with an entry
// is refused and left as it is.
func OpenFile(path string, keys Keys, log *slog.Logger) (*File, error) {
	file, err := openLocked(path)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	head, err := resume(file, keys, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("audit: %s: %w", path, err), file.Close())
	}
	f := &File{path: path, file: file}
	f.stream = &Stream{head: head, write: f.write, sync: f.sync}
	return f, nil
}

// Append implements Sink.
func (f *File) Append(ctx context.Context, unsure Link, seal func(Head) Batch) error {
	if err := f.follow(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return f.stream.Append(ctx, unsure, seal)
}

// Close closes the file, which ends the Sink.
func (f *File) Close() error {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	return f.file.Close()
}

func (f *File) write(text []byte) (int, error) { return f.file.Write(text) }

func (f *File) sync() error { return f.file.Sync() }

// follow opens a new file when the one that is open is not the one at the path. A batch
// that is not out is written there whole.
func (f *File) follow() error {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	have, err := f.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(f.path)
	switch {
	case err == nil && os.SameFile(have, there):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	next, err := openLocked(f.path)
	if err != nil {
		return err
	}
	if info, err := next.Stat(); err != nil || info.Size() != 0 {
		return errors.Join(fmt.Errorf("%s is another file now, and not an empty one", f.path), err, next.Close())
	}
	old := f.file
	f.file, f.stream.written = next, 0
	return old.Close()
}

// openLocked opens the file for this process alone.
func openLocked(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil {
		if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			err = fmt.Errorf("%s is open elsewhere: %w", path, err)
		}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// errForeign is why a file is refused.
var errForeign = errors.New("does not end with an entry of an audit trail: move the file away to begin a new one")

// resume returns the Head that the last line makes. A last entry that its own MAC does
// not prove makes one that is not proved either.
func resume(file *os.File, keys Keys, log *slog.Logger) (Head, error) {
	size, text, err := readEnd(file)
	if err != nil {
		return Head{}, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	torn := len(text) - len(whole)
	var h Head
	switch {
	case len(whole) > 0:
		e, ok := parseLine(whole[bytes.LastIndexByte(whole[:len(whole)-1], '\n')+1:])
		if !ok {
			return Head{}, errForeign
		}
		h = keys.headOf(&e)
	case int64(torn) < size || !isBeginning(text):
		return Head{}, errForeign
	}
	if torn > 0 {
		log.Warn("the last line of the audit trail was not complete and is taken out",
			slog.String("file", file.Name()), slog.Int("bytes", torn))
		err = file.Truncate(size - int64(torn))
	}
	return h, err
}

// readEnd returns the size of a file and the end of its text, longer than a line.
func readEnd(file *os.File) (size int64, text []byte, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, nil, err
	}
	size = info.Size()
	text = make([]byte, min(size, 2*maxLine))
	if len(text) > 0 {
		_, err = file.ReadAt(text, size-int64(len(text)))
	}
	return size, text, err
}

// headOf is the Head of a trail without one that ends with an entry.
func (k Keys) headOf(e *Entry) Head {
	h := Head{Last: e.Link()}
	switch v := k.judgeEntry(e); {
	case e.Hash != e.sum() || v == wrong: // Nothing proves it.
	case v == unknown:
		h.KeyID, h.MAC = e.KeyID, e.MAC
	default:
		h.KeyID, h.MAC = k.sign(h.text())
	}
	return h
}
