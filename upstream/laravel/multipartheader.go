package laravel

import (
	"errors"
	"io"
	"slices"
	"strings"
)

const (
	// maxPartHeaders and maxPartHeader bound the header of one part; PHP's own
	// reader loses its way in lines above 5 KiB.
	maxPartHeaders = 4
	maxPartHeader  = 2 << 10
)

// partHeader is what PHP takes from the header of one part.
type partHeader struct {
	name string
	// file is set when there is a filename, be it empty.
	file        bool
	filename    string
	contentType string
}

// header reads the lines up to the empty one. Known are Content-Disposition,
// Content-Type, Content-Length (which PHP ignores) and a Content-Transfer-Encoding
// that changes nothing, each once.
func (m *multipartReader) header() (partHeader, error) {
	var part partHeader
	var seen [maxPartHeaders]string
	for n := 0; ; n++ {
		line, err := m.line()
		if err != nil {
			return part, err
		}
		if line == "" {
			return part, ambiguous(part.check())
		}
		name, value, ok := strings.Cut(line, ": ")
		name = lowerASCII(name)
		if !ok || n == maxPartHeaders || slices.Contains(seen[:n], name) || !part.set(name, value) {
			return part, ambiguous(ReasonMultipartHeader)
		}
		seen[n] = name
	}
}

// line reads one line without its CRLF. Control bytes are refused, tabs among
// them, so a folded line cannot pass.
func (m *multipartReader) line() (string, error) {
	for n := 2; ; n++ {
		b, err := m.in.Peek(n)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if err != nil || n > maxPartHeader {
			return "", ambiguous(ReasonMultipartHeader)
		}
		if b[n-2] == '\r' && b[n-1] == '\n' {
			line := string(b[:n-2])
			_, err := m.in.Discard(n)
			return line, err
		}
		if b[n-2] < ' ' || b[n-2] == 0x7F {
			return "", ambiguous(ReasonMultipartHeader)
		}
	}
}

func (p *partHeader) set(name, value string) bool {
	switch name {
	case "content-disposition":
		return p.disposition(value)
	case "content-type":
		p.contentType = value
		return partTypeText(value)
	case "content-transfer-encoding":
		encoding := lowerASCII(value)
		return encoding == "binary" || encoding == "8bit" || encoding == "7bit"
	case "content-length":
		return true
	default:
		return false
	}
}

// disposition takes form-data; name="…" and filename="…", each once, quoted. A
// backslash is an escape to some and a directory to PHP, so none is taken.
func (p *partHeader) disposition(value string) bool {
	rest, ok := strings.CutPrefix(value, "form-data")
	named := false
	for ok && rest != "" {
		if rest, ok = strings.CutPrefix(rest, ";"); !ok {
			return false
		}
		key, quoted, opened := strings.Cut(strings.TrimLeft(rest, " "), `="`)
		text, after, closed := strings.Cut(quoted, `"`)
		if !opened || !closed || strings.IndexByte(text, '\\') >= 0 {
			return false
		}
		switch {
		case key == "name" && !named:
			p.name, named = text, true
		case key == "filename" && !p.file:
			p.filename, p.file = text, true
		default:
			return false
		}
		rest = after
	}
	return ok
}

// check looks at the header as a whole.
func (p *partHeader) check() Reason {
	switch {
	case p.name == "":
		return ReasonMultipartHeader
	case strings.IndexByte(p.filename, '/') >= 0:
		// PHP keeps what follows the last slash.
		return ReasonMultipartField
	case !p.file && strings.Contains(lowerASCII(p.contentType), "charset=") &&
		!strings.Contains(lowerASCII(p.contentType), "charset=utf-8"):
		return ReasonMultipartHeader
	}
	return ""
}

// partTypeText takes a visible content type that is not multipart again.
func partTypeText(value string) bool {
	for i := 0; i < len(value); i++ {
		if value[i] >= 0x7F {
			return false
		}
	}
	return value != "" && !strings.HasPrefix(lowerASCII(value), "multipart/")
}
