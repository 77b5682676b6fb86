package faveo

import (
	"io"
	"slices"
)

// The columns that hold what the staff notes for itself: about a customer in users, and about anything else in
// help_topic, sla_plan and organization.
const (
	internalNote  = "internal_note"
	internalNotes = "internal_notes"
)

// HideInternalNote makes every member internal_note and internal_notes of every object null, wherever it lies and
// whatever it holds.
func HideInternalNote(body io.Reader) io.Reader {
	return &filter{src: body, editor: &memberEditor{names: []string{internalNote, internalNotes}}}
}

// HideResult makes every member result of every object null. Faveo answers a reply with the newest thread of the whole
// installation (before v1.10 with any thread), which may be somebody else's or a note of the staff.
func HideResult(body io.Reader) io.Reader {
	return &filter{src: body, editor: &memberEditor{names: []string{"result"}}}
}

// memberEditor makes the members of some names null.
type memberEditor struct {
	names  []string
	named  bool // the value that comes next is such a member's
	hiding bool // inside that value,
	depth  int  // which lies this deep
}

func (e *memberEditor) edit(f *filter, p []byte) error {
	for len(p) > 0 {
		n, event, err := f.scan.scan(p)
		if err != nil {
			return err
		}
		if !e.hiding {
			f.out = append(f.out, p[:n]...)
		}
		p = p[n:]
		switch {
		case event == nameRead && !e.hiding:
			e.named = slices.ContainsFunc(e.names, f.scan.is)
		case event == valueBegins && e.named:
			f.out = append(f.out, "null"...)
			e.named, e.hiding, e.depth = false, true, f.scan.depth
		case event == valueEnded && e.hiding && f.scan.depth == e.depth:
			e.hiding = false
		}
	}
	f.ready = len(f.out)
	return nil
}
