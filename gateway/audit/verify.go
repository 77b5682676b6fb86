package audit

import "context"

// Fault is what does not hold in a trail, a closed set of sentences.
type Fault string

// The faults.
const (
	FaultVersion  Fault = "this entry has a form that is not known here"
	FaultMissing  Fault = "entries are missing before this one"
	FaultPosition Fault = "this entry is not in its place: it is there twice, or was moved"
	FaultPrevious Fault = "this entry does not follow the one before: one of them was changed, put in or taken out"
	FaultChanged  Fault = "this entry was changed"
	FaultMAC      Fault = "this entry was made or changed by somebody without the key"
	FaultBreach   Fault = "whoever wrote this entry found that what stood before was not as it was written"
	FaultKey      Fault = "whoever wrote this entry could not prove what stood before, and the key is not known here: give the older keys too"
	FaultEnd      Fault = "the trail ends before this entry"
	FaultBehind   Fault = "this entry stands behind the end of the trail"
	FaultHead     Fault = "the end or the beginning of the trail was moved by somebody without the key"
	FaultHeadKey  Fault = "the end and the beginning of the trail are by a key that is not known here"
	FaultLine     Fault = "this line is no entry as it is written"
	FaultTorn     Fault = "this line is not complete"
)

// Proof is what Verify found.
type Proof struct {
	// Checked is how many entries were looked at and hold by themselves. Unproved is
	// how many of them, at the end, no MAC by a known key stands behind: somebody
	// without the keys may have written them. Whoever goes on from Last adds the number
	// of a Proof all of whose entries are unproved to the one before, and otherwise
	// forgets that.
	Checked, Unproved int
	// Last is the last entry that holds.
	Last Link
	// More says that there are entries behind Last that were not looked at.
	More bool
	// Fault is what does not hold, "" when all does, and FaultAt the number of the
	// entry concerned.
	Fault   Fault
	FaultAt uint64
}

// page is how many entries are read at once.
const page = 500

// Verify proves the entries behind from, at most limit of them, all when limit is 0.
//
// from is the zero Link for the whole trail, the Last of a Proof to go on, or one that
// was noted elsewhere, which the trail then has to go on from. Where from was pruned
// already the proof begins behind that.
//
// It finds what was changed, taken out, put in, moved or doubled, by whoever has not a
// key, and a Head that was changed; and it stops at an entry that tells of a breach,
// unless these keys prove what its writer could not. To go on behind one, give its own
// Link. What was appended after Verify began is left for the next time. An error says
// that the trail could not be read, and nothing about it.
func Verify(ctx context.Context, r Reader, from Link, limit int, keys Keys) (Proof, error) {
	head, err := r.Head(ctx)
	if err != nil {
		return Proof{}, err
	}
	w := walker{keys: keys, head: head, last: from}
	w.skipPruned()
	for w.last.Sequence < w.head.Last.Sequence {
		n := page
		if limit > 0 {
			n = min(n, limit-w.checked)
		}
		if n == 0 {
			p := w.proof("", 0)
			p.More = true
			return p, nil
		}
		entries, err := r.After(ctx, w.last.Sequence, n)
		if err != nil {
			return Proof{}, err
		}
		fault, at := w.walk(entries)
		if fault == FaultMissing || fault == FaultEnd {
			switch pruned, err := w.prunedMeanwhile(ctx, r); {
			case err != nil:
				return Proof{}, err
			case pruned:
				continue
			}
		}
		if fault != "" {
			return w.proof(fault, at), nil
		}
	}
	return w.finish(ctx, r)
}

// walker goes along a trail.
type walker struct {
	keys              Keys
	head              Head
	headless          bool // in a file, which has no Head
	last              Link
	checked, unproved int
}

func (w *walker) proof(fault Fault, at uint64) Proof {
	return Proof{Checked: w.checked, Unproved: w.unproved, Last: w.last, Fault: fault, FaultAt: at}
}

// skipPruned begins where the trail begins.
func (w *walker) skipPruned() (skipped bool) {
	skipped = w.last.Sequence < w.head.Start.Sequence
	if skipped {
		w.last = w.head.Start
	}
	return skipped
}

// prunedMeanwhile reports that entries are missing because they were pruned by now, and
// goes to where the trail begins.
func (w *walker) prunedMeanwhile(ctx context.Context, r Reader) (bool, error) {
	now, err := r.Head(ctx)
	if err != nil || now.Start.Sequence <= w.last.Sequence {
		return false, err
	}
	w.head = now
	return w.skipPruned(), nil
}

// walk takes the entries that come next, up to the end of the trail. There are some.
func (w *walker) walk(entries []Entry) (fault Fault, at uint64) {
	if len(entries) == 0 {
		return FaultEnd, w.last.Sequence + 1
	}
	for i := range entries {
		if e := &entries[i]; e.Sequence <= w.head.Last.Sequence {
			if fault := w.next(e); fault != "" {
				return fault, e.Sequence
			}
		} else if w.last.Sequence < w.head.Last.Sequence {
			return FaultMissing, e.Sequence
		}
	}
	return "", 0
}

// next takes the next entry, unless something is wrong with it or before it.
func (w *walker) next(e *Entry) Fault {
	v, fault := w.follow(e)
	if fault == "" {
		fault = w.breach(e)
	}
	if fault != "" {
		return fault
	}
	w.last = e.Link()
	w.checked++
	w.unproved++
	if v == proved {
		w.unproved = 0
	}
	return ""
}

// follow judges an entry by itself and by the one before.
func (w *walker) follow(e *Entry) (verdict, Fault) {
	v := w.keys.judgeEntry(e)
	switch {
	case e.Version != version:
		return v, FaultVersion
	case e.Sequence <= w.last.Sequence:
		return v, FaultPosition
	case e.Sequence != w.last.Sequence+1:
		return v, FaultMissing
	case e.Hash != e.sum():
		return v, FaultChanged
	case e.Previous != w.last.Hash:
		return v, FaultPrevious
	case v == wrong:
		return v, FaultMAC
	}
	return v, ""
}

// breach judges an entry that tells of a breach.
func (w *walker) breach(e *Entry) Fault {
	switch {
	case !e.isBreach():
		return ""
	case e.Reason != ReasonUnknownKey:
		return FaultBreach
	case w.headless && w.unproved == 0:
		return ""
	case w.headless:
		return FaultKey
	}
	h, ok := e.breached()
	if !ok {
		return FaultBreach
	}
	switch w.keys.judgeHead(h) {
	case proved:
		return ""
	case unknown:
		return FaultKey
	default:
		return FaultBreach
	}
}

// finish judges the Head, when all entries up to it hold.
func (w *walker) finish(ctx context.Context, r Reader) (Proof, error) {
	end := w.last.Sequence
	switch v := w.keys.judgeHead(w.head); {
	case end > w.head.Last.Sequence:
		return w.proof(FaultEnd, end), nil
	case w.last != w.head.Last && w.checked == 0:
		return w.proof(FaultChanged, end), nil
	case w.last != w.head.Last || v == wrong:
		return w.proof(FaultHead, end), nil
	case v == unknown:
		return w.proof(FaultHeadKey, end), nil
	}
	w.unproved = 0
	behind, err := r.After(ctx, end, 1)
	if err != nil {
		return Proof{}, err
	}
	if len(behind) > 0 { // It was appended meanwhile, or there is no way to it.
		now, err := r.Head(ctx)
		if err != nil {
			return Proof{}, err
		}
		if at := behind[0].Sequence; at > now.Last.Sequence {
			return w.proof(FaultBehind, at), nil
		}
	}
	return w.proof("", 0), nil
}
