package proxy

import (
	"errors"
	"io"
	"net/http"
)

// errUneditable is an answer that cannot be edited, so that none of it may pass.
var errUneditable = errors.New("upstream sent a part of an answer, an encoded one or none where it must be edited")

// editable reports whether the body is the whole document as it stands. No
// upstream has a reason to answer otherwise, see filter.request. A
// 304 would revive what the client may have kept from before there was an edit.
func editable(res *http.Response) bool {
	switch res.StatusCode {
	case http.StatusSwitchingProtocols, http.StatusPartialContent, http.StatusNotModified:
		return false
	}
	_, encoded := res.Header["Content-Encoding"]
	return !encoded
}

// edit puts the edits that this answer needs between PHP's body and the client.
//
// On an API route that is at least one of an error message, see concealer,
// unless it comes encoded or as a part, which nobody has asked for.
func (c *call) edit(res *http.Response) error {
	if edit := c.passage.Edit; edit != nil {
		return c.answer.edit(func(r io.Reader) io.Reader { return newConcealer(edit(r)) }, &c.proxy.buffers)
	}
	if c.passage.Kind != API || !readable(res) || !maybeJSON(res.Header["Content-Type"]) {
		return nil
	}
	head, err := c.answer.peek()
	if err != nil {
		return err
	}
	if is, _ := beginsError(head); !is {
		return nil
	}
	return c.answer.edit(newConcealer, &c.proxy.buffers)
}
