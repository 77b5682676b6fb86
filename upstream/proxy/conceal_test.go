package proxy_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"faveo-gateway/upstream/proxy"
)

// TestErrorOrigin is the table of concealer.
func TestErrorOrigin(t *testing.T) {
	const place = `"file":"\/var\/www\/a.php","line":666`
	long := strings.Repeat("SQL, \\\"file\\\":{[", 10<<10)
	tests := []struct{ name, body, want string }{
		{"Faveo's", `{"error":"a",` + place + `}`, `{"error":"a"}`},
		{"more behind", `{"error":"a",` + place + `,"code":1}`, `{"error":"a","code":1}`},
		{"between others", `{"error":"a","b":1,"file":"f","c":2,"line":3,"d":[4]}`, `{"error":"a","b":1,"c":2,"d":[4]}`},
		{"blanks", " \n{ \"error\" : \"a\" , \"file\" : \"f\" ,\n\"line\" : 1 }\n", " \n{ \"error\" : \"a\" }\n"},
		{"many blanks before a name", `{"error":1,` + strings.Repeat(" ", 40) + `"code":2}`, "same"},
		{"message that looks like it", `{"error":"\",\"file\":\"f\",\"line\":1","file":"f","line":1}`, `{"error":"\",\"file\":\"f\",\"line\":1"}`},
		{"backslash at the end", `{"error":"App\\","file":"C:\\","line":1}`, `{"error":"App\\"}`},
		{"nested message", `{"error":{"file":["The file field is required."],"line":1},"file":"f","line":1}`, `{"error":{"file":["The file field is required."],"line":1}}`},
		{"nested origin", `{"error":1,"file":{"a":[",\"}"]},"line":[1,2],"b":0}`, `{"error":1,"b":0}`},
		{"other names", `{"error":1,"files":1,"fil":2,"line_number":3,"a very long name of a member of an error":4,"":5,"fi\"le":6,"\u0066ile":7}`, "same"},
		{"names as values", `{"error":"file","a":"line","b":["file","line"]}`, "same"},
		{"long", `{"error":"` + long + `",` + place + `}`, `{"error":"` + long + `"}`},
		{"without", `{"error":"a"}`, "same"},
		{"not first", `{"a":1,"error":"a",` + place + `}`, "same"},
		{"other first name", `{"errors":"a",` + place + `}`, "same"},
		{"list", `[{"error":"a",` + place + `}]`, "same"},
		{"text", `"error"`, "same"},
		{"empty", ``, "same"},
		{"open", `{`, "same"},
		{"open name", `{"err`, "same"},
		{"name only", `{"error"`, "same"},
		{"open message", `{"error":"a`, "same"},
		{"comma at the end", `{"error":1,`, "same"},
		{"open next name", `{"error":1,"fil`, "same"},
		{"open next name, escaped", `{"error":1,"fil\`, "same"},
		{"two commas", `{"error":1,,"file":2}`, "same"},
		{"bracket for a name", `{"error":1,{"file":2}}`, "same"},
		{"behind the message", `{"error":1}<b>,"file":2`, "same"},
	}
	for _, tt := range tests {
		want := tt.want
		if want == "same" {
			want = tt.body
		}
		for framing, framed := range framings {
			if tt.body == "" && framing == "chunks" {
				continue // Two empty chunks are none.
			}
			t.Run(tt.name+", "+framing, func(t *testing.T) {
				upstream := newPHP(t, says("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nEtag: \"a\"\r\n"+framed(tt.body)))
				f := fronting(t, newProxy(t, options(upstream.url)), proxy.API)
				for range 2 {
					res := f.parse(t, "GET", "/api/v1/x", "")
					if got, err := io.ReadAll(res.Body); err != nil || string(got) != want {
						t.Errorf("got %.200q, %v, want %.200q", got, err, want)
					}
					if want != tt.body && (res.Header.Get("Etag") != "" || res.ContentLength != int64(len(want)) && len(want) < 32<<10) {
						t.Errorf("length %d, headers %v", res.ContentLength, res.Header)
					}
				}
			})
		}
	}
}

// TestErrorOriginByteByByte sends every byte in a chunk of its own.
func TestErrorOriginByteByByte(t *testing.T) {
	var chunks strings.Builder
	for _, b := range []byte(`{"error":"a","file":"f","code":1,"line":2}`) {
		fmt.Fprintf(&chunks, "1\r\n%c\r\n", b)
	}
	upstream := newPHP(t, says("HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks.String()+"0\r\n\r\n"))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.API)
	res := f.parse(t, "GET", "/api/v1/x", "")
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != `{"error":"a","code":1}` || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %q, %v, headers %v", got, err, res.Header)
	}
}

// TestOriginStaysElsewhere: pages are not Faveo's error messages, nor are files that a plugin hands out.
func TestOriginStaysElsewhere(t *testing.T) {
	const body = `{"error":"a","file":"f","line":1}`
	for kind, contentType := range map[proxy.Kind]string{proxy.Web: "application/json", proxy.API: "application/octet-stream"} {
		upstream := newPHP(t, says("HTTP/1.1 200 OK\r\nContent-Type: "+contentType+"\r\nEtag: \"a\"\r\n"+framings["length"](body)))
		f := fronting(t, newProxy(t, options(upstream.url)), kind)
		if got := f.get(t, "/x", ""); !strings.HasSuffix(got, "\r\n\r\n"+body) || !hasLine(got, `Etag: "a"`) {
			t.Errorf("kind %d: %q", kind, got)
		}
	}
}
