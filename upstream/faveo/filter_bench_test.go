package faveo_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"faveo-gateway/upstream/faveo"
)

// BenchmarkFilter runs over an answer of about 1 MiB of threads, half of them
// internal, with the escapes that PHP writes.
func BenchmarkFilter(b *testing.B) {
	body := strings.Repeat(`<p>Please restart the printer.<\/p>\r\n<br \/>`, 20) + strings.Repeat(`\u043f\u0440\u0438\u043d\u0442\u0435\u0440 `, 10)
	var text bytes.Buffer
	text.WriteByte('[')
	for i := range 600 {
		fmt.Fprintf(&text, `{"id":%d,"ticket_id":1,"user_id":2,"poster":null,"title":"","body":"%s","is_internal":%d,"internal_note":"a","created_at":"2026-03-01T09:00:00.000000Z"},`, i, body, i%2)
	}
	text.Truncate(text.Len() - 1)
	text.WriteByte(']')
	for name, filter := range map[string]func(io.Reader) io.Reader{"threads": faveo.HideInternalThreads, "note": faveo.HideInternalNote} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.Copy(io.Discard, filter(bytes.NewReader(text.Bytes()))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
