package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxObjects bounds how many objects one request may name, and so how many
// rows are looked up for it. It is no more than upstream/faveo looks up at once.
const maxObjects = 100

// ObjectClause says by what a request names objects.
type ObjectClause struct {
	// Kind is what is named.
	Kind ObjectKind
	// Parameters are the names under which one version of Faveo or another
	// reads the id. Each that is given is judged.
	Parameters []string
	// Capture is the capture of the path that is the id, instead of Parameters.
	Capture string
	// List is whether a parameter may name several objects: as a list, or as
	// text that PHP cuts at each comma.
	List bool
}

// UnreadableID is the error of Needs for a request that names an object in a
// way that PHP, the database and a reader take for different numbers: "04",
// " 4", "4abc", 4.0, true, a list where none belongs; and for a list of more
// objects than are looked up, 100. Test for it with errors.As.
type UnreadableID struct {
	// Parameter is the name of the parameter, or "{name}" of the capture.
	Parameter string
}

// Error implements error.
func (e *UnreadableID) Error() string {
	return fmt.Sprintf("parameter %q is not one id with one reading", e.Parameter)
}

// refs appends the objects that a request names by the clause, each once. No
// parameter, null and "" name none. The error is *UnreadableID.
func (c *ObjectClause) refs(found []ObjectRef, i *inquiry, p pattern) ([]ObjectRef, error) {
	if c.Capture != "" {
		text, _, _ := p.capture(i.request.Path, c.Capture)
		return c.text(found, "{"+c.Capture+"}", text)
	}
	params := i.params()
	for _, name := range c.Parameters {
		var err error
		switch v := params[name].(type) {
		case nil:
		case []any:
			found, err = c.elements(found, name, v)
		case string:
			found, err = c.texts(found, name, v)
		default:
			found, err = c.one(found, name, v)
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// elements reads a list: every element must be an id by itself.
func (c *ObjectClause) elements(found []ObjectRef, name string, list []any) ([]ObjectRef, error) {
	if !c.List {
		return nil, &UnreadableID{Parameter: name}
	}
	for _, v := range list {
		var err error
		if found, err = c.one(found, name, v); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// texts reads a text, which explode(",", …) cuts where the clause says so.
func (c *ObjectClause) texts(found []ObjectRef, name, text string) (_ []ObjectRef, err error) {
	if text == "" {
		return found, nil
	}
	if !c.List {
		return c.text(found, name, text)
	}
	for part := range strings.SplitSeq(text, ",") {
		if found, err = c.text(found, name, part); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// one reads a value that is an id by itself.
func (c *ObjectClause) one(found []ObjectRef, name string, v any) ([]ObjectRef, error) {
	switch v := v.(type) {
	case string:
		return c.text(found, name, v)
	case json.Number:
		return c.text(found, name, string(v))
	case int64:
		if v >= 1 && v <= math.MaxUint32 {
			return c.add(found, name, uint64(v))
		}
	}
	return nil, &UnreadableID{Parameter: name}
}

// text reads the one decimal spelling of a number.
func (c *ObjectClause) text(found []ObjectRef, name, text string) ([]ObjectRef, error) {
	if text == "" || text[0] < '1' || text[0] > '9' {
		return nil, &UnreadableID{Parameter: name}
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return nil, &UnreadableID{Parameter: name}
	}
	return c.add(found, name, id)
}

func (c *ObjectClause) add(found []ObjectRef, name string, id uint64) ([]ObjectRef, error) {
	ref := ObjectRef{Kind: c.Kind, ID: id}
	for _, known := range found {
		if known == ref {
			return found, nil
		}
	}
	if len(found) == maxObjects {
		return nil, &UnreadableID{Parameter: name}
	}
	return append(found, ref), nil
}
