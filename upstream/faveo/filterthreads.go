package faveo

import (
	"bytes"
	"errors"
	"io"
)

// isInternal is the column of ticket_thread that marks what the staff writes for itself.
const isInternal = "is_internal"

// maxHeld bounds how much of an answer is held back until it is decided, in bytes: one thread with its message and the
// picture of who wrote it, which Faveo puts into each.
const maxHeld = 8 << 20

var (
	errShape = errors.New("neither threads nor an error message")
	errHeld  = errors.New("a thread is too long")
)

// HideInternalThreads takes the internal notes of the staff out of the answer of helpdesk/ticket-thread, an array of
// thread objects.
//
// Of the array those elements stay that say of themselves that they are not internal: objects with a member is_internal
// that is 0 (as Faveo sends it), "0" or false (as a database driver or a cast may make it). Every other element
// goes, with the comma before it: one without is_internal, and one with any other value under that name, be it the first
// or a repetition, in the element itself or in something nested: readers differ in which they believe.
//
// An object in place of the array is an error message. It stays when it has no members but those of Faveo's error
// messages, and no is_internal at any depth. Every other shape is ErrUnfilterable, and so is more than 8 MiB of one element that
// may have to go, or of an error message.
func HideInternalThreads(body io.Reader) io.Reader {
	return &filter{src: body, editor: new(threadEditor)}
}

// place is where in the answer a threadEditor is.
type place uint8

const (
	between   place = iota // the elements, and around the whole
	inThread               // which is held
	inMessage              // which is held
	inDropped              // element
)

type threadEditor struct {
	place  place
	held   bool // from the last comma on
	kept   bool // an element, so that the next one needs its comma
	public bool // the thread has said that it is not internal

	named  bool // the value that comes next is that of is_internal
	inFlag bool // inside that value, which is no object or array
	flag   int  // where it begins, counted from f.ready
}

func (e *threadEditor) edit(f *filter, p []byte) error {
	for len(p) > 0 {
		n, event, err := f.scan.scan(p)
		if err != nil {
			return err
		}
		if err := e.take(f, p[:n]); err != nil {
			return err
		}
		p = p[n:]
		switch event {
		case nameRead:
			err = e.name(f)
		case valueBegins:
			err = e.begin(f, p[0])
		case valueEnded:
			e.end(f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take appends bytes in which nothing begins or ends.
func (e *threadEditor) take(f *filter, p []byte) error {
	switch {
	case e.place == inDropped:
		return nil
	case e.place == between && !e.held:
		comma := bytes.IndexByte(p, ',')
		if comma < 0 {
			f.out = append(f.out, p...)
			f.ready = len(f.out)
			return nil
		}
		f.out = append(f.out, p[:comma]...)
		f.ready = len(f.out)
		e.held = true
		p = p[comma:]
	}
	f.out = append(f.out, p...)
	if len(f.out)-f.ready > maxHeld {
		return errHeld
	}
	return nil
}

// name looks at the name of a member.
func (e *threadEditor) name(f *filter) error {
	switch e.place {
	case inThread:
		e.named = f.scan.is(isInternal)
	case inMessage:
		if f.scan.is(isInternal) || f.scan.depth == 1 && !ofErrorMessage(&f.scan) {
			return errShape
		}
	}
	return nil
}

// ofErrorMessage reports whether the name last read is one of those that Faveo and Laravel give the members of an error
// message.
func ofErrorMessage(s *scanner) bool {
	for _, name := range [...]string{"error", "errors", "message", "success", "status", "status_code", "code", "file", "line"} {
		if s.is(name) {
			return true
		}
	}
	return false
}

// begin looks at the first byte of a value.
func (e *threadEditor) begin(f *filter, first byte) error {
	switch {
	case f.scan.depth == 0 && first == '{':
		e.place = inMessage
	case f.scan.depth == 0 && first != '[':
		return errShape
	case f.scan.depth == 1 && e.place == between:
		e.place, e.public = inThread, false
	case e.named && (first == '{' || first == '['):
		e.drop(f)
	case e.named:
		e.named, e.inFlag, e.flag = false, true, len(f.out)-f.ready
	}
	return nil
}

// end looks at what has just ended.
func (e *threadEditor) end(f *filter) {
	if e.inFlag {
		e.inFlag = false
		switch string(f.out[f.ready+e.flag:]) {
		case "0", `"0"`, "false":
			e.public = e.public || f.scan.depth == 2 // A member of the element itself, which thus is an object.
		default:
			e.drop(f)
		}
	}
	switch {
	case f.scan.depth == 0:
		e.keep(f)
	case f.scan.depth == 1 && e.place == inThread && e.public:
		if !e.kept && f.out[f.ready] == ',' {
			f.out = append(f.out[:f.ready], f.out[f.ready+1:]...)
		}
		e.kept = true
		e.keep(f)
	case f.scan.depth == 1 && (e.place == inThread || e.place == inDropped):
		e.drop(f)
		e.place, e.held = between, false
	}
}

// keep lets go on what was held.
func (e *threadEditor) keep(f *filter) {
	e.place, e.held = between, false
	f.ready = len(f.out)
}

// drop leaves out what was held, and the rest of the element.
func (e *threadEditor) drop(f *filter) {
	e.place, e.named = inDropped, false
	f.out = f.out[:f.ready]
}
