package laravel

import (
	"crypto/rand"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// multipartBody writes the parsed fields and files as a multipart body of our
// own. Its boundary is random, so no content can contain it.
func (q *Request) multipartBody(out *http.Request) error {
	w := multipartWriter{boundary: "faveo-gateway-" + rand.Text()}
	for i := range q.Body.entries {
		w.fields(q.Body.entries[i].name, q.Body.entries[i].value)
	}
	for i := range q.files.entries {
		if err := w.uploads(q, q.files.entries[i].name, q.files.entries[i].value); err != nil {
			return err
		}
	}
	w.text("--" + w.boundary + "--\r\n")
	out.Header["Content-Type"] = []string{typeMultipart + "; boundary=" + w.boundary}
	out.ContentLength = w.length
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(w.open(&q.spool)), nil }
	out.Body, _ = out.GetBody()
	return nil
}

// multipartWriter collects a body as pieces: texts and sections of the spool.
type multipartWriter struct {
	boundary string
	pieces   []piece
	pending  strings.Builder
	length   int64
}

type piece struct {
	text string
	file section
}

// fields writes the leaves below name, brackets explicit.
func (w *multipartWriter) fields(name string, v Value) {
	if v.kind != KindArray {
		w.head(partHeader{name: name})
		w.text(v.text)
		w.text("\r\n")
		return
	}
	for key, element := range v.array.All() {
		w.fields(name+"["+key+"]", element)
	}
}

func (w *multipartWriter) uploads(q *Request, name string, v Value) error {
	if v.kind != KindArray {
		index, err := strconv.Atoi(v.text)
		if err != nil {
			return err
		}
		file := q.uploads[index]
		file.part.name = name
		w.head(file.part)
		w.section(file.content)
		w.text("\r\n")
		return nil
	}
	for key, element := range v.array.All() {
		if err := w.uploads(q, name+"["+key+"]", element); err != nil {
			return err
		}
	}
	return nil
}

// head writes a part's header. Names came out of a header of the same form, so
// they need no escapes.
func (w *multipartWriter) head(part partHeader) {
	w.text("--" + w.boundary + "\r\nContent-Disposition: form-data; name=\"" + part.name + `"`)
	if part.file {
		w.text(`; filename="` + part.filename + `"`)
		if part.contentType != "" {
			w.text("\r\nContent-Type: " + part.contentType)
		}
	}
	w.text("\r\n\r\n")
}

func (w *multipartWriter) text(s string) {
	w.pending.WriteString(s)
	w.length += int64(len(s))
}

func (w *multipartWriter) section(file section) {
	w.pieces = append(w.pieces, piece{text: w.pending.String(), file: file})
	w.pending.Reset()
	w.length += file.length
}

// open returns a reader of the whole body.
func (w *multipartWriter) open(s *spool) io.Reader {
	readers := make([]io.Reader, 0, 2*len(w.pieces)+1)
	for _, p := range w.pieces {
		readers = append(readers, strings.NewReader(p.text), s.open(p.file))
	}
	return io.MultiReader(append(readers, strings.NewReader(w.pending.String()))...)
}
