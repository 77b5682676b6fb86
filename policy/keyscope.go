package policy

// inScope reports whether one of the scopes of the caller's key covers the request.
func (i *inquiry) inScope(rules []*rule) bool {
	bit := methodBit(i.request.Method)
	return i.subject.Key.covers(i.engine.rankOf(rules, bit), bit, i.request.Path)
}

// rankOf is where a request stands among the classes, whoever asks: where the first
// rule does that could allow it.
func (e *Engine) rankOf(rules []*rule, bit methods) rank {
	for _, r := range rules {
		if r.effect == Allow && r.methods&bit != 0 && r.mode != ModeShadow {
			return r.rank
		}
	}
	if e.unknown == UnknownStaff {
		return rankStaff
	}
	return rankAdmin
}

// withoutKey decides about a request that the rules let through, as d says, and that
// the key is not good for: what a stranger may do goes on as his.
func (i *inquiry) withoutKey(d Decision) Decision {
	q := i.request
	if i.input != nil {
		q.Params = Input(i.input) // They are asked for once.
	}
	open := i.engine.Decide(Subject{}, q)
	if !open.Permitted() {
		return d.outOfScope()
	}
	open.Anonymous = true
	return open
}
