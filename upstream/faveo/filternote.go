package faveo

import "io"

// The columns that hold what the staff notes for itself: about a customer in users, and about anything else in
// help_topic, sla_plan and organization.
const (
	internalNote  = "internal_note"
	internalNotes = "internal_notes"
)

// HideInternalNote makes every member internal_note and internal_notes of every object null, wherever it lies and
// whatever it holds.
func HideInternalNote(body io.Reader) io.Reader {
	return &filter{src: body, editor: new(noteEditor)}
}

type noteEditor struct {
	named  bool // the value that comes next is the note's
	hiding bool // inside that value,
	depth  int  // which lies this deep
}

func (e *noteEditor) edit(f *filter, p []byte) error {
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
			e.named = f.scan.is(internalNote) || f.scan.is(internalNotes)
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
