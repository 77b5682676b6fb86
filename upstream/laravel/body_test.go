package laravel_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"faveo-gateway/upstream/laravel"
)

func TestContentTypes(t *testing.T) {
	const opaque = laravel.Reason("opaque")
	for _, test := range []struct {
		contentType string
		want        laravel.Reason
	}{
		{"application/json", ""},
		{"application/json;charset=UTF-8", ""},
		{`application/json; charset="utf-8"`, ""},
		{"application/vnd.api+json", ""},
		{"text/json", ""},
		{form, ""},
		{form + "; charset=UTF-8", ""},
		{"multipart/form-data; boundary=X", ""},
		{`multipart/form-data; boundary="X"`, ""},
		{"multipart/form-data; boundary=X; charset=utf-8", ""},
		{"multipart/form-data; charset=utf-8; boundary=X", ""},
		{"", opaque},
		{"text/plain", opaque},
		{"Application/JSON", opaque},
		{"application/octet-stream", opaque},
		{"multipart/mixed; boundary=X", opaque},
		{"Application/X-WWW-Form-Urlencoded", laravel.ReasonContentType},
		{"Multipart/Form-Data; boundary=X", laravel.ReasonContentType},
		{form + "; x=/json", laravel.ReasonContentType},
		{form + ", application/json", laravel.ReasonContentType},
		{form + " ; charset=utf-8", laravel.ReasonContentType},
		{form + "x", laravel.ReasonContentType},
		{form + "\t", ""},
		{form + "; charset=iso-8859-1", laravel.ReasonContentType},
		{form + "; charset=utf-7", laravel.ReasonContentType},
		{form + "; charset=utf-8; charset=utf-8", laravel.ReasonContentType},
		{"application/json; charset=utf-16", laravel.ReasonContentType},
		{"application/json; x=y", laravel.ReasonContentType},
		{"application/json, text/plain", laravel.ReasonContentType},
		{"application/json; boundary=multipart/form-data", laravel.ReasonContentType},
		{"Application/vnd.x+json", laravel.ReasonContentType},
		{"text/plain; x=/json", laravel.ReasonContentType},
		{"application/json5", laravel.ReasonContentType},
		{"application/+json", laravel.ReasonContentType},
		{"multipart/form-data; boundary=X; x=/json", laravel.ReasonContentType},
		{"multipart/form-data; boundary=a/json", laravel.ReasonContentType},
		{"multipart/form-data; boundary=a+json", laravel.ReasonContentType},
		{"multipart/form-data", laravel.ReasonContentType},
		{"multipart/form-data; boundary=", laravel.ReasonContentType},
		{"multipart/form-data; boundary=X; boundary=Y", laravel.ReasonContentType},
		{"multipart/form-data; boundary=X,Y", laravel.ReasonContentType},
		{"multipart/form-data; Boundary=X", laravel.ReasonContentType},
		{"multipart/form-data; xboundary=Y; boundary=X", laravel.ReasonContentType},
		{"multipart/form-data; boundary='X Y'", laravel.ReasonContentType},
		{"multipart/form-data; boundary=" + strings.Repeat("x", 71), laravel.ReasonContentType},
		{"multipart/form-data, multipart/form-data; boundary=X", laravel.ReasonContentType},
	} {
		t.Run(test.contentType, func(t *testing.T) {
			body := multipart("token", "x")
			q, err := laravel.NewReader("", limits).Read(parse(t, raw("POST", "/api/v1/x", test.contentType, body)))
			got := reason(err)
			if err == nil && !q.HasParameters() {
				got = opaque
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestHeadersWithTwoReadings(t *testing.T) {
	for _, test := range []struct {
		name, header string
		want         laravel.Reason
	}{
		{"two content types", "Content-Type: application/json\r\nContent-Type: " + form, laravel.ReasonContentType},
		{"content type with underscore", "Content_Type: application/json", laravel.ReasonHeaderSpelling},
		{"content type with dot", "Content.Type: application/json", laravel.ReasonHeaderSpelling},
		{"content length with underscore", "Content_Length: 1", laravel.ReasonHeaderSpelling},
		{"transfer encoding with underscore", "Transfer_Encoding: chunked", laravel.ReasonHeaderSpelling},
		{"content encoding with underscore", "Content_Encoding: gzip", laravel.ReasonHeaderSpelling},
		{"compressed form", "Content-Encoding: gzip\r\nContent-Type: " + form, laravel.ReasonContentEncoding},
		{"compressed JSON", "Content-Encoding: identity\r\nContent-Type: application/json", laravel.ReasonContentEncoding},
		{"compressed text", "Content-Encoding: gzip\r\nContent-Type: text/plain", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := read(t, "POST /api/v1/x HTTP/1.1\r\nHost: h\r\n"+test.header+"\r\nContent-Length: 2\r\n\r\n{}")
			if reason(err) != test.want {
				t.Errorf("%q, want %q", reason(err), test.want)
			}
		})
	}
}

// In HTTP/2, where frames bound a body, net/http lets lengths through that are none.
func TestLengthsOfHTTP2(t *testing.T) {
	for _, test := range []struct {
		name    string
		lengths []string
		want    laravel.Reason
	}{
		{"none", nil, ""},
		{"one", []string{"2"}, ""},
		{"two", []string{"2", "2"}, laravel.ReasonContentLength},
		{"a sign", []string{"+2"}, laravel.ReasonContentLength},
		{"empty", []string{""}, laravel.ReasonContentLength},
		{"a list", []string{"2, 2"}, laravel.ReasonContentLength},
	} {
		for _, target := range []string{"/api/v1/x", "/page"} {
			r := httptest.NewRequest(http.MethodPost, target, strings.NewReader("{}"))
			r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
			if test.lengths != nil {
				r.Header["Content-Length"] = test.lengths
			}
			_, err := laravel.NewReader("", laravel.Limits{Body: 1 << 10, Parameters: 1 << 10}).Read(r)
			if reason(err) != test.want {
				t.Errorf("%s, %s: %q, want %q", test.name, target, reason(err), test.want)
			}
		}
	}
}

// The methods on which neither PHP nor Symfony reads a form leave it alone.
func TestFormsThatPHPDoesNotRead(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		q := mustRead(t, raw(method, "/api/v1/x", form, "token=x"))
		if q.HasParameters() || q.Body.Len() != 0 {
			t.Errorf("%s reads a form", method)
		}
	}
	for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
		q := mustRead(t, raw(method, "/api/v1/x", "multipart/form-data; boundary=X", multipart("token", "x")))
		if q.HasParameters() || q.Body.Len() != 0 {
			t.Errorf("%s reads a multipart form", method)
		}
	}
}

func TestMultipartThatIsRefused(t *testing.T) {
	part := func(head, content string) string { return "--X\r\n" + head + "\r\n\r\n" + content + "\r\n--X--\r\n" }
	field := `Content-Disposition: form-data; name="a"`
	file := field + `; filename="f"`
	for _, test := range []struct {
		name, body string
		want       laravel.Reason
	}{
		{"empty", "", ""},
		{"preamble", "x\r\n" + multipart("a", "1"), laravel.ReasonMultipartFraming},
		{"empty line first", "\r\n" + multipart("a", "1"), laravel.ReasonMultipartFraming},
		{"epilogue", multipart("a", "1") + "--X\r\n", laravel.ReasonMultipartFraming},
		{"second body behind the end", multipart("a", "1") + multipart("token", "1"), laravel.ReasonMultipartFraming},
		{"no end", "--X\r\n" + field + "\r\n\r\n1\r\n", laravel.ReasonMultipartFraming},
		{"cut in content", "--X\r\n" + field + "\r\n\r\n1", laravel.ReasonMultipartFraming},
		{"cut in header", "--X\r\nContent-Disposition: form", laravel.ReasonMultipartHeader},
		{"end without hyphens", "--X\r\n" + field + "\r\n\r\n1\r\n--X", laravel.ReasonMultipartFraming},
		{"delimiter without CR", "--X\r\n" + field + "\r\n\r\n1\n--X\r\n" + field + "\r\n\r\n1\r\n--X--\r\n", laravel.ReasonMultipartFraming},
		{"delimiter as prefix", "--X\r\n" + field + "\r\n\r\n1\r\n--XY\r\n\r\n--X--\r\n", laravel.ReasonMultipartFraming},
		{"blank behind delimiter", "--X \r\n" + field + "\r\n\r\n1\r\n--X--\r\n", laravel.ReasonMultipartFraming},
		{"line feeds only", strings.ReplaceAll(multipart("a", "1"), "\r\n", "\n"), laravel.ReasonMultipartFraming},
		{"line feed in header", "--X\r\n" + field + "\n\r\n1\r\n--X--\r\n", laravel.ReasonMultipartHeader},
		{"no header", part("", "1"), laravel.ReasonMultipartHeader},
		{"no name", part("Content-Disposition: form-data", "1"), laravel.ReasonMultipartHeader},
		{"file without name", part(`Content-Disposition: form-data; filename="f"`, "1"), laravel.ReasonMultipartHeader},
		{"name twice", part(field+`; name="token"`, "1"), laravel.ReasonMultipartHeader},
		{"empty name and name", part(`Content-Disposition: form-data; name=""; name="token"`, "1"), laravel.ReasonMultipartHeader},
		{"filename twice", part(file+`; filename="g"`, "1"), laravel.ReasonMultipartHeader},
		{"disposition twice", part(field+"\r\n"+`Content-Disposition: form-data; name="token"`, "1"), laravel.ReasonMultipartHeader},
		{"disposition twice in other case", part(field+"\r\n"+`content-disposition: form-data; name="token"`, "1"), laravel.ReasonMultipartHeader},
		{"folded header", part("Content-Disposition: form-data;\r\n name=\"a\"", "1"), laravel.ReasonMultipartHeader},
		{"tab in header", part("Content-Disposition:\tform-data; name=\"a\"", "1"), laravel.ReasonMultipartHeader},
		{"unquoted name", part("Content-Disposition: form-data; name=a", "1"), laravel.ReasonMultipartHeader},
		{"single quotes", part("Content-Disposition: form-data; name='a'", "1"), laravel.ReasonMultipartHeader},
		{"escaped quote", part(`Content-Disposition: form-data; name="a\"b"`, "1"), laravel.ReasonMultipartHeader},
		{"backslash", part(`Content-Disposition: form-data; name="a\b"`, "1"), laravel.ReasonMultipartHeader},
		{"text behind quote", part(field+`x`, "1"), laravel.ReasonMultipartHeader},
		{"upper case parameter", part(`Content-Disposition: form-data; Name="a"`, "1"), laravel.ReasonMultipartHeader},
		{"attachment", part(`Content-Disposition: attachment; name="a"`, "1"), laravel.ReasonMultipartHeader},
		{"extended filename", part(field+`; filename*=UTF-8''f`, "1"), laravel.ReasonMultipartHeader},
		{"extended name", part(`Content-Disposition: form-data; name*="a"`, "1"), laravel.ReasonMultipartHeader},
		{"base64", part(field+"\r\nContent-Transfer-Encoding: base64", "MQ=="), laravel.ReasonMultipartHeader},
		{"nested multipart", part(field+"\r\nContent-Type: multipart/mixed; boundary=Y", "1"), laravel.ReasonMultipartHeader},
		{"foreign charset", part(field+"\r\nContent-Type: text/plain; charset=utf-16", "1"), laravel.ReasonMultipartHeader},
		{"unknown header", part(field+"\r\nX-Name: token", "1"), laravel.ReasonMultipartHeader},
		{"blank before colon", part("Content-Disposition : form-data; name=\"a\"", "1"), laravel.ReasonMultipartHeader},
		{"NUL in name", part("Content-Disposition: form-data; name=\"token\x00x\"", "1"), laravel.ReasonMultipartHeader},
		{"long header", part(`Content-Disposition: form-data; name="`+strings.Repeat("a", 3000)+`"`, "1"), laravel.ReasonMultipartHeader},
		{"name with dot", part(`Content-Disposition: form-data; name="api.key"`, "1"), laravel.ReasonParameterName},
		{"name with leading blank", part(`Content-Disposition: form-data; name=" token"`, "1"), laravel.ReasonParameterName},
		{"file name with open bracket", part(`Content-Disposition: form-data; name="a[b"; filename="f"`, "1"), laravel.ReasonParameterName},
		{"path in filename", part(field+`; filename="../f"`, "1"), laravel.ReasonMultipartField},
		{"content without filename", part(field+`; filename=""`, "1"), laravel.ReasonMultipartField},
		{"MAX_FILE_SIZE", part(`Content-Disposition: form-data; name="Max_File_Size"`, "1"), laravel.ReasonMultipartField},
		{"two values", multipart("token", "a", "token", "b"), laravel.ReasonParameterConflict},
		{"two files", part(file, "1\r\n--X\r\n"+file+"\r\n\r\n1"), laravel.ReasonParameterConflict},
		{"field and file", part(field, "1\r\n--X\r\n"+file+"\r\n\r\n1"), laravel.ReasonParameterConflict},
		{"21 files", "--X\r\n" + strings.Repeat(`Content-Disposition: form-data; name="a[]"; filename="f"`+"\r\n\r\n1\r\n--X\r\n", 21) + field + "\r\n\r\n1\r\n--X--\r\n", laravel.ReasonParameterCount},
		{"1001 fields", "--X\r\n" + strings.Repeat(`Content-Disposition: form-data; name="a[]"`+"\r\n\r\n1\r\n--X\r\n", 1001) + field + "\r\n\r\n1\r\n--X--\r\n", laravel.ReasonParameterCount},
		{"equal values", multipart("a", "1", "a", "1"), ""},
		{"identity encoding", part(field+"\r\nContent-Transfer-Encoding: binary\r\nContent-Length: 1", "1"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := read(t, raw("POST", "/api/v1/x", "multipart/form-data; boundary=X", test.body))
			if reason(err) != test.want {
				t.Errorf("%q, want %q", reason(err), test.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	small := laravel.Limits{Body: 1 << 20, Parameters: 100, TempDir: t.TempDir()}
	big := strings.Repeat("x", 101)
	upload := func(n int) string {
		return "--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n" + strings.Repeat("y", n) + "\r\n--X--\r\n"
	}
	for _, test := range []struct {
		name, contentType, body string
		limit                   int64
		want                    error
	}{
		{"form", form, big, 1 << 20, laravel.ErrTooLarge},
		{"form that just fits", form, big[1:], 1 << 20, nil},
		{"JSON", "application/json", big, 1 << 20, laravel.ErrTooLarge},
		{"limit below zero", form, "a=1", -1, laravel.ErrTooLarge},
		{"smaller limit of the call", form, big[1:], 99, laravel.ErrTooLarge},
		{"multipart field", "multipart/form-data; boundary=X", multipart("a", big), 1 << 20, laravel.ErrTooLarge},
		{"multipart fields together", "multipart/form-data; boundary=X", multipart("a", big[:50], "b", big[:50]), 1 << 20, laravel.ErrTooLarge},
		{"multipart names", "multipart/form-data; boundary=X", multipart(big, ""), 1 << 20, laravel.ErrTooLarge},
		{"multipart file", "multipart/form-data; boundary=X", upload(500_000), 1 << 20, nil},
		{"multipart file above the call's limit", "multipart/form-data; boundary=X", upload(500_000), 1000, laravel.ErrTooLarge},
		{"multipart file above the body limit", "multipart/form-data; boundary=X", upload(1 << 20), 1 << 30, laravel.ErrTooLarge},
	} {
		for _, chunked := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				r := parse(t, raw("POST", "/api/v1/x", test.contentType, test.body))
				if chunked {
					r.ContentLength = -1
				}
				q, err := laravel.NewReader("", small).Read(r)
				if err != nil {
					t.Fatal(err)
				}
				defer q.Close()
				if err := q.LoadBody(test.limit); !errors.Is(err, test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
				// The first call has decided.
				if err := q.LoadBody(1 << 30); !errors.Is(err, test.want) {
					t.Errorf("the second call says %v, want %v", err, test.want)
				}
				if _, err := q.Rebuild(context.Background()); !errors.Is(err, test.want) {
					t.Errorf("Rebuild says %v, want %v", err, test.want)
				}
			})
		}
	}
	left, err := os.ReadDir(small.TempDir)
	if err != nil || len(left) != 0 {
		t.Errorf("%v is left in the spool, %v", left, err)
	}
}

func TestOpaqueBodiesAreBounded(t *testing.T) {
	small := laravel.NewReader("", laravel.Limits{Body: 100})
	for _, target := range []string{"/api/v1/x", "/login"} {
		r := parse(t, raw("POST", target, "text/plain", strings.Repeat("x", 101)))
		q, err := small.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Rebuild(context.Background()); !errors.Is(err, laravel.ErrTooLarge) {
			t.Errorf("%s: announced length: %v", target, err)
		}
		r = parse(t, raw("POST", target, "text/plain", strings.Repeat("x", 101)))
		r.ContentLength = -1
		if q, err = small.Read(r); err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(rebuild(t, q).Body)
		var tooLarge *http.MaxBytesError
		if !errors.As(err, &tooLarge) || len(body) > 100 {
			t.Errorf("%s: %d bytes, %v", target, len(body), err)
		}
	}
}

func TestClientThatGoesAway(t *testing.T) {
	gone := errors.New("connection reset")
	for contentType, start := range map[string]string{
		form: "a=1", "application/json": `{"a":`, "multipart/form-data; boundary=X": "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1",
	} {
		r := parse(t, raw("POST", "/api/v1/x", contentType, start))
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(start), iotest.ErrReader(gone)))
		q, err := laravel.NewReader("", limits).Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.LoadBody(1 << 20); !errors.Is(err, laravel.ErrClient) || !errors.Is(err, gone) {
			t.Errorf("%s: %v", contentType, err)
		}
	}
}

func TestSpoolThatCannotBeWritten(t *testing.T) {
	r := parse(t, raw("POST", "/api/v1/x", "multipart/form-data; boundary=X",
		"--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n1\r\n--X--\r\n"))
	q, err := laravel.NewReader("", laravel.Limits{Body: 1000, Parameters: 1000, TempDir: filepath.Join(t.TempDir(), "absent")}).Read(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.LoadBody(1000); !errors.Is(err, laravel.ErrSpool) {
		t.Errorf("got %v", err)
	}
}

func TestRebuiltHeaders(t *testing.T) {
	text := "POST /api/v1/x HTTP/1.1\r\nHost: helpdesk.example.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\nExpect: 100-continue\r\nAccept: */*\r\n" +
		"Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n\r\n3\r\na=1\r\n0\r\nX-T: y\r\n\r\n"
	q := mustRead(t, text)
	out := rebuild(t, q)
	var sent strings.Builder
	if err := out.Write(&sent); err != nil {
		t.Fatal(err)
	}
	want := "POST /api/v1/x HTTP/1.1\r\nHost: helpdesk.example.test\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 3\r\nAccept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=1"
	if sent.String() != want {
		t.Errorf("sent %q\nwant %q", sent.String(), want)
	}
	again, err := out.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(again); string(b) != "a=1" {
		t.Errorf("the body cannot be sent again: %q", b)
	}
}

func TestUploadIsRebuilt(t *testing.T) {
	content := make([]byte, 300_000)
	_, _ = rand.Read(content)
	body := "--X\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nT\r\n" +
		"--X\r\nContent-Disposition: form-data; name=\"f[]\"; filename=\"ä b.png\"\r\nContent-Type: image/png\r\n\r\n" + string(content) + "\r\n" +
		"--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n" +
		"--X\r\nContent-Disposition: form-data; name=\"f[]\"; filename=\"\"\r\n\r\n\r\n--X--"
	q := mustRead(t, raw("POST", "/api/v1/x", "multipart/form-data; boundary=X", body))
	q.Take("token")
	out := rebuild(t, q)
	boundary := strings.TrimPrefix(out.Header.Get("Content-Type"), "multipart/form-data; boundary=")
	want := strings.ReplaceAll("--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"+
		"--X\r\nContent-Disposition: form-data; name=\"f[0]\"; filename=\"ä b.png\"\r\nContent-Type: image/png\r\n\r\n<CONTENT>\r\n"+
		"--X\r\nContent-Disposition: form-data; name=\"f[1]\"; filename=\"\"\r\n\r\n\r\n--X--\r\n", "--X", "--"+boundary)
	want = strings.Replace(want, "<CONTENT>", string(content), 1)
	if got := bodyOf(t, out); got != want {
		t.Errorf("the rebuilt body has %d bytes, want %d", len(got), len(want))
	}
	again, err := out.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(again); err != nil || string(b) != want {
		t.Errorf("the second copy has %d bytes, %v", len(b), err)
	}
	if err := errors.Join(q.Close(), q.Close()); err != nil {
		t.Error(err)
	}
}

// Every recorded login has the parameters that Faveo found in it.
func TestRecordedLogins(t *testing.T) {
	files, err := filepath.Glob("../../testdata/faveo-contract/authenticate/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, name := range files {
		var recording struct {
			Request struct {
				Method, Path, Query, Body string
				Headers                   http.Header
			}
			Response struct{ Body string }
		}
		content, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(content, &recording)
		}
		if err != nil {
			t.Fatal(err)
		}
		request := recording.Request
		target := request.Path
		if request.Query != "" {
			target += "?" + request.Query
		}
		r := parse(t, raw(request.Method, target, request.Headers.Get("Content-Type"), request.Body))
		q, err := laravel.NewReader("", limits).Read(r)
		if err == nil {
			err = q.LoadBody(limits.Body)
		}
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
			continue
		}
		if _, found := q.Input("username"); !found && strings.HasPrefix(recording.Response.Body, `{"token"`) {
			t.Errorf("%s: Faveo found a user name, the reader none", filepath.Base(name))
		}
	}
}

func TestReasonsIsClosed(t *testing.T) {
	all := laravel.Reasons()
	slices.Sort(all)
	if len(slices.Compact(slices.Clone(all))) != len(all) || len(all) != 24 {
		t.Errorf("Reasons has %d values, or some twice", len(all))
	}
	all[0] = "changed"
	if slices.Contains(laravel.Reasons(), "changed") {
		t.Error("Reasons hands out its own array")
	}
}
