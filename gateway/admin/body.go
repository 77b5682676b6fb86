package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"
)

// maxBody bounds a body, in bytes.
const maxBody = 16 << 10

// readBody returns the members of a body: none, or one JSON object whose members
// are texts, each given once. Only a POST may have one.
func readBody(r *http.Request) (map[string]string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, requestTooLarge
	case err != nil:
		return nil, BadRequest("The body broke off")
	case len(body) == 0:
		return nil, nil
	case r.Method != http.MethodPost:
		return nil, BadRequest("The request must not have a body")
	}
	// A page can make a browser send any other type without asking first.
	if kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || kind != "application/json" {
		return nil, BadRequest("The Content-Type of the body must be application/json")
	}
	return readObject(body)
}

// readObject reads token by token, because encoding/json takes the last of two
// members with one name, and names in another case for known ones.
func readObject(body []byte) (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return nil, malformed(decoder)
	}
	members := map[string]string{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, malformed(decoder)
		}
		key, ok := name.(string)
		if !ok {
			return nil, malformed(decoder)
		}
		if _, again := members[key]; again {
			return nil, BadRequest(fmt.Sprintf("The member of the body %q is given more than once", shortened(key)))
		}
		value, err := decoder.Token()
		if err != nil {
			return nil, malformed(decoder)
		}
		if members[key], ok = value.(string); !ok {
			return nil, BadRequest(fmt.Sprintf("The member of the body %q must be a text", shortened(key)))
		}
	}
	if _, err := decoder.Token(); err != nil { // The closing brace.
		return nil, malformed(decoder)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed(decoder)
	}
	return members, nil
}

func malformed(d *json.Decoder) error {
	return BadRequest(fmt.Sprintf("The body is not one JSON object, as of byte %d", d.InputOffset()))
}
