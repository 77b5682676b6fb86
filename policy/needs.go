package policy

import "slices"

// Needs is what must be looked up before a request can be judged. The zero
// Needs is nothing: Decide at once.
type Needs struct {
	// Objects are the objects to look up, each once, all of kind ticket. What
	// the database says of them goes to Request.Objects, in this order.
	Objects []ObjectRef
	// Affiliation is whether Subject.Affiliation is wanted.
	Affiliation bool
}

// Needs says what Decide has to be told to judge the same request. It is as
// pure as Decide and walks the same rules in the same way; where it cannot know
// yet whether a rule decides, because that takes the affiliation, it asks for
// what the next ones would need too. So it may ask for more than Decide uses, and
// never for less.
//
// For what the caller's API key is not good for, no object is asked.
//
// The error is *UnreadableID, whatever the caller's role, when the rule that
// decides is enforced: an id with two readings can neither be looked up nor be
// sent to PHP, no more than any other ambiguous request.
func (e *Engine) Needs(s Subject, q Request) (Needs, error) {
	if !s.Authenticated {
		return Needs{}, nil // No rule that has needs lets a stranger in.
	}
	m, literal := e.index.find(q.Path)
	if !m.needy || (!literal && !wellFormed(q.Path)) {
		return Needs{}, nil
	}
	i := inquiry{engine: e, subject: s, request: q, curious: true}
	i.outside = s.Key != nil && !i.inScope(m.rules)
	n, err := i.needs(Needs{}, m.rules, false)
	if err != nil {
		return Needs{}, err
	}
	if m.shadow {
		// A rule in shadow mode refuses nothing: what it cannot read, Decide counts.
		n, _ = i.needs(n, m.rules, true)
	}
	n.Affiliation = i.unknown || n.Affiliation
	return n, nil
}

// needs adds the needs of the rules that decide about a request. With an error
// n is as it was.
func (i *inquiry) needs(n Needs, rules []*rule, observed bool) (Needs, error) {
	r, reason := i.reach(rules, observed)
	if r == nil || reason != "" || (i.outside && !r.open()) {
		return n, nil
	}
	if r.when.wantsAffiliation() {
		i.tryCondition(r)
	}
	if len(r.objects) == 0 {
		return n, nil
	}
	var room [4]ObjectRef
	refs, _, err := i.refs(r, room[:0])
	switch {
	case err != nil && i.engine.enforces(r):
		return n, err
	case err != nil || (!i.heldTo(ObjectTicket) && !r.when.isAboutObject()):
		return n, nil
	}
	for _, ref := range refs {
		// Only for a rule in shadow mode can there be more than maxObjects.
		if ref.Kind == ObjectTicket && len(n.Objects) < maxObjects && !slices.Contains(n.Objects, ref) {
			n.Objects = append(n.Objects, ref)
		}
	}
	n.Affiliation = n.Affiliation || (len(n.Objects) > 0 && i.held() && rolesOf(i.subject.Role) == roleAgent)
	return n, nil
}

// tryCondition finds out whether the condition of r, which mentions the
// caller's affiliation, comes to it. For customers it as good as always does,
// so they are spared the try.
func (i *inquiry) tryCondition(r *rule) {
	if !i.subject.isStaff() {
		i.unknown = true
		return
	}
	_, _ = i.holds(r, nil) // Sets i.unknown, which is all that is asked.
}
