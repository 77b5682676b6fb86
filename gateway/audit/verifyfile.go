package audit

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"os"
)

// VerifyFile proves the lines of a file as Verify does the entries of a database. There
// is no Head: the file may go on behind from, as one does that followed another, or
// contain it; and that lines were cut off at its end can only be told by a from that was
// noted elsewhere. While somebody writes the file its last line may not be complete.
func VerifyFile(ctx context.Context, path string, from Link, keys Keys) (Proof, error) {
	file, err := os.Open(path)
	if err != nil {
		return Proof{}, err
	}
	defer file.Close()
	w := walker{keys: keys, headless: true, last: from, head: Head{Last: Link{Sequence: math.MaxUint64}}}
	// Lines up to from are passed over, but from itself has to be what it was.
	var passed uint64
	for lines := bufio.NewReaderSize(file, maxLine); ctx.Err() == nil; {
		text, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(text) == 0:
			if passed < from.Sequence && w.checked == 0 {
				return w.proof(FaultEnd, from.Sequence), nil
			}
			return w.proof("", 0), nil
		case errors.Is(err, io.EOF):
			return w.proof(FaultTorn, w.last.Sequence+1), nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return Proof{}, err
		}
		e, ok := parseLine(text)
		switch {
		case !ok:
			return w.proof(FaultLine, max(passed, w.last.Sequence)+1), nil
		case w.checked == 0 && e.Sequence <= from.Sequence && e.Sequence > passed:
			passed = e.Sequence
			if passed == from.Sequence && e.Link() != from {
				return w.proof(FaultChanged, passed), nil
			}
			continue
		}
		if fault := w.next(&e); fault != "" {
			return w.proof(fault, e.Sequence), nil
		}
	}
	return Proof{}, ctx.Err()
}
