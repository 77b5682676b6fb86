package laravel

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

const (
	// maxFileUploads is php.ini's max_file_uploads.
	maxFileUploads = 20
	// multipartWindow is how much of a body is looked at at once; longer than
	// any boundary and any header.
	multipartWindow = 32 << 10
)

// upload is one file of a multipart body.
type upload struct {
	part    partHeader
	content section
}

// readMultipart reads the body as PHP's rfc1867 reader does, for bodies that are
// exactly of the form of RFC 2046 section 5.1.1: no preamble, no epilogue, CRLF
// only. Fields go to Body, files to the spool.
func (q *Request) readMultipart(body io.Reader) error {
	m := &multipartReader{
		in:     bufio.NewReaderSize(body, multipartWindow),
		marker: []byte("\n--" + q.content.boundary),
	}
	if err := m.start(); err != nil {
		return err
	}
	memory := q.limits.Parameters
	for fields := 0; !m.done; {
		part, err := m.header()
		if err != nil {
			return err
		}
		if part.file {
			err = q.readUpload(m, part)
		} else if fields++; fields > maxInputVars {
			err = ambiguous(ReasonParameterCount)
		} else {
			memory, err = q.readField(m, part, memory)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readField reads one value into memory and returns how much memory is left.
func (q *Request) readField(m *multipartReader, part partHeader, memory int64) (int64, error) {
	// PHP measures the uploads that follow by this field.
	if strings.EqualFold(part.name, "MAX_FILE_SIZE") {
		return 0, ambiguous(ReasonMultipartField)
	}
	memory -= int64(len(part.name))
	value := &cappedBuffer{left: memory}
	if err := m.content(value); err != nil {
		return 0, err
	}
	return value.left, ambiguous(q.Body.insertNamed(part.name, textValue(value.b.String())))
}

// readUpload copies one file to the spool.
func (q *Request) readUpload(m *multipartReader, part partHeader) error {
	if len(q.uploads) == maxFileUploads {
		return ambiguous(ReasonParameterCount)
	}
	start := q.spool.size
	if err := m.content(spoolWriter{spool: &q.spool, dir: q.limits.TempDir}); err != nil {
		return err
	}
	length := q.spool.size - start
	// PHP takes a file without a name for none, whatever it contains.
	if part.filename == "" && length > 0 {
		return ambiguous(ReasonMultipartField)
	}
	reason := q.files.insertNamed(part.name, fileValue(len(q.uploads)))
	q.uploads = append(q.uploads, upload{part: part, content: section{start, length}})
	return ambiguous(reason)
}

// multipartReader walks the parts.
type multipartReader struct {
	in *bufio.Reader
	// marker is "\n--boundary": PHP looks for it without the CR.
	marker []byte
	done   bool
}

// start reads the first delimiter, with which the body must begin.
func (m *multipartReader) start() error {
	first, err := m.in.Peek(len(m.marker) - 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !bytes.Equal(first, m.marker[1:]) {
		return ambiguous(ReasonMultipartFraming)
	}
	return m.delimiter(len(first))
}

// delimiter skips n bytes, the delimiter itself, and reads what must follow:
// CRLF and a part, or "--" and the end of the body.
func (m *multipartReader) delimiter(n int) error {
	if _, err := m.in.Discard(n); err != nil {
		return err
	}
	tail, err := m.in.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch string(tail) {
	case "\r\n":
		_, err = m.in.Discard(2)
		return err
	case "--":
		return m.end()
	default:
		return ambiguous(ReasonMultipartFraming)
	}
}

// end takes "--" and at most one CRLF before the end of the body.
func (m *multipartReader) end() error {
	m.done = true
	rest, err := m.in.Peek(5)
	if err == nil {
		return ambiguous(ReasonMultipartFraming)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	if s := string(rest); s != "--" && s != "--\r\n" {
		return ambiguous(ReasonMultipartFraming)
	}
	return nil
}

// content copies the part's bytes to w and reads the delimiter behind them. The
// marker without CR in front, or with anything but CRLF or "--" behind, is what
// PHP and other readers disagree about.
func (m *multipartReader) content(w io.Writer) error {
	for {
		window, err := m.in.Peek(multipartWindow)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if i := bytes.Index(window, m.marker); i >= 0 {
			if i == 0 || window[i-1] != '\r' {
				return ambiguous(ReasonMultipartFraming)
			}
			if _, err := w.Write(window[:i-1]); err != nil {
				return err
			}
			return m.delimiter(i + len(m.marker))
		}
		if err != nil {
			return ambiguous(ReasonMultipartFraming)
		}
		// The marker, and the CR in front of it, may begin in this window.
		n := len(window) - len(m.marker)
		if _, err := w.Write(window[:n]); err != nil {
			return err
		}
		if _, err := m.in.Discard(n); err != nil {
			return err
		}
	}
}

// cappedBuffer is a text that ends with ErrTooLarge.
type cappedBuffer struct {
	b    strings.Builder
	left int64
}

func (c *cappedBuffer) Write(p []byte) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, ErrTooLarge
	}
	return c.b.Write(p)
}
