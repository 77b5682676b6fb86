package proxy

import (
	"bytes"
	"net/http"
	"strings"
)

// label corrects the media type of the answer.
//
// Faveo sends JSON as text/html from ticket-thread and customers-custom
// (contract section 5.11), and customers wrote what is in it: opened in a
// browser, their scripts run on the helpdesk's origin. So an API answer that
// says text/html, or nothing, becomes application/json, unless its first byte
// after blanks shows that it is something else; that one keeps its type and is
// confined to a sandbox without scripts. What cannot be looked into (HEAD, a
// part of a body, a compressed body) is taken for JSON by its label alone: an
// error page shown as text is the lesser evil. Redirects and empty bodies stay
// as they are.
//
// An answer without any type stays without on every route; net/http would guess
// one from the body.
//
// The error is that of reading the first bytes; nothing was written then.
func (c *call) label(res *http.Response) error {
	contentType, typed := res.Header["Content-Type"]
	if !typed {
		c.w.Header()["Content-Type"] = nil
	}
	if c.passage.Kind != API || !hasMeaning(res.StatusCode) || typed && !maybeHTML(contentType) {
		return nil
	}
	if readable(res) {
		head, err := c.answer.peek() // Of an edited body its edited beginning.
		if err != nil || len(head) == 0 {
			return err
		}
		if !startsJSON(head) {
			res.Header["Content-Security-Policy"] = []string{"default-src 'none'; sandbox"}
			return nil
		}
	}
	delete(c.w.Header(), "Content-Type")
	res.Header["Content-Type"] = []string{"application/json"}
	return nil
}

// hasMeaning reports whether the body of an answer with this status is meant
// for the caller: 2xx, 4xx and 5xx that may have one.
func hasMeaning(status int) bool {
	return status >= 200 && status != http.StatusNoContent && (status < 300 || status >= 400)
}

// readable reports whether the first byte of the body is that of the document.
func readable(res *http.Response) bool {
	_, encoded := res.Header["Content-Encoding"]
	return res.Request.Method != http.MethodHead && res.StatusCode != http.StatusPartialContent && !encoded
}

// maybeHTML reports whether any of the values is text/html or empty: a browser
// follows the last of several, another client the first.
func maybeHTML(contentType []string) bool {
	for _, v := range contentType {
		if media := mediaType(v); media == "" || strings.EqualFold(media, "text/html") {
			return true
		}
	}
	return false
}

// maybeJSON reports whether an answer of this type can be JSON, which Faveo
// sends under HTML's name, too.
func maybeJSON(contentType []string) bool {
	for _, v := range contentType {
		if media := mediaType(v); strings.EqualFold(media, "application/json") {
			return true
		}
	}
	return len(contentType) == 0 || maybeHTML(contentType)
}

func mediaType(v string) string {
	media, _, _ := strings.Cut(v, ";")
	return strings.Trim(media, " \t")
}

// blanks may stand before a JSON text, RFC 8259 section 2.
const blanks = " \t\r\n"

func startsJSON(head []byte) bool {
	head = bytes.TrimLeft(head, blanks)
	return len(head) == 0 || head[0] == '{' || head[0] == '['
}
