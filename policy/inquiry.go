package policy

import "errors"

// inquiry is one question to the policy while it is being answered. Its walk
// over the rules, reach, is the one that Needs and Decide share: they cannot
// come to different rules.
type inquiry struct {
	engine  *Engine
	subject Subject
	request Request
	input   map[string]any // of the request, once it was asked for

	// curious is set while Needs asks. A condition that wants what only a lookup
	// can tell is then not an error, but sets unknown.
	curious bool
	unknown bool

	// outside is set when the request carries a key that is not good for it.
	outside bool
}

// params returns the request's input.
func (i *inquiry) params() map[string]any {
	if i.input == nil && i.request.Params != nil {
		i.input = i.request.Params.Map()
	}
	return i.input
}

// held reports whether objects are held against the caller.
func (i *inquiry) held() bool { return i.engine.held(i.subject) }

// heldTo reports whether objects of a kind are held against the caller. Users
// are never held against the staff.
func (i *inquiry) heldTo(kind ObjectKind) bool {
	return i.held() && (kind == ObjectTicket || !i.subject.isStaff())
}

// holds evaluates the condition of r, about an object where there is one.
func (i *inquiry) holds(r *rule, o *Object) (bool, error) {
	a := activation{subject: i.subject, request: i.request, input: i.input, pattern: r.pattern, held: i.held()}
	if o != nil {
		a.object, a.about = *o, true
	}
	holds, err := r.when.eval(&a)
	i.input = a.input
	if i.curious && errors.Is(err, errUnknown) {
		i.unknown = true
	}
	return holds, err
}

// reach walks to the first rule that decides; nil means that none does. An
// empty reason means that r lets the caller's role in and that what it says of
// objects, and its condition, are still to be settled.
//
// With observed set, rules in shadow mode count as if they were enforced;
// otherwise they are absent.
func (i *inquiry) reach(rules []*rule, observed bool) (r *rule, reason Reason) {
	bit := methodBit(i.request.Method)
	if !i.subject.Authenticated {
		switch r := owner(rules, bit, observed); {
		case r == nil:
			return nil, ""
		case r.class == ClassBlocked:
			return r, ReasonBlocked
		case !r.open():
			return r, ReasonUnauthenticated
		}
	}
	for _, r := range rules {
		switch {
		case r.methods&bit == 0 || (r.mode == ModeShadow && !observed):
		case r.effect == Deny:
			if reason, decided := i.denies(r); decided {
				return r, reason
			}
		case !r.open() && r.roles&rolesOf(i.subject.Role) == 0:
			return r, ReasonForbiddenRole
		default:
			return r, ""
		}
	}
	return nil, ""
}

// denies applies a deny rule. It has not decided when it does not concern the
// caller.
func (i *inquiry) denies(r *rule) (reason Reason, decided bool) {
	if r.roles != 0 && r.roles&rolesOf(i.subject.Role) == 0 {
		return "", false
	}
	if r.when != nil {
		switch holds, err := i.holds(r, nil); {
		case i.curious && errors.Is(err, errUnknown):
			return "", false // Perhaps it does; then the rest is asked for in vain.
		case err != nil:
			return ReasonConditionError, true
		case !holds:
			return "", false
		}
	}
	return r.denyReason(), true
}

// settle decides an allow rule that reach has come to.
func (i *inquiry) settle(r *rule) Reason {
	if len(r.objects) > 0 {
		if reason := i.settleObjects(r); reason != "" {
			return reason
		}
	}
	if r.when != nil && !r.when.isAboutObject() {
		if reason := i.condition(r, nil); reason != "" {
			return reason
		}
	}
	return r.allowReason()
}

// settleObjects returns why the objects that the request names are not the
// caller's to touch, and "" when they are. Whether the caller reaches an object
// is settled before any condition about it is asked, so that a condition tells
// nothing about the others.
func (i *inquiry) settleObjects(r *rule) Reason {
	var room [4]ObjectRef
	refs, missing, err := i.refs(r, room[:0])
	if err != nil || missing {
		return ReasonNotFound // An unreadable id was Needs' to report.
	}
	about := r.when.isAboutObject()
	for n, ref := range refs {
		if !about && !i.heldTo(ref.Kind) {
			continue
		}
		if o, known := i.object(refs, n); !known || (i.heldTo(ref.Kind) && !i.subject.reaches(&o)) {
			return ReasonNotFound
		}
	}
	if !about {
		return ""
	}
	for n := range refs {
		o, _ := i.object(refs, n)
		if reason := i.condition(r, &o); reason != "" {
			return reason
		}
	}
	return ""
}

// refs appends the objects that a request names for r. One is missing when a
// clause names none although its objects are held against the caller, or
// although the condition is about them; to all others PHP says what it wants.
func (i *inquiry) refs(r *rule, found []ObjectRef) (_ []ObjectRef, missing bool, err error) {
	for n := range r.objects {
		c, before := &r.objects[n], len(found)
		if found, err = c.refs(found, i, r.pattern); err != nil {
			return nil, false, err
		}
		if len(found) == before && (i.heldTo(c.Kind) || r.when.isAboutObject()) {
			missing = true
		}
	}
	return found, missing, nil
}

// object is what is known of refs[n]: false when it does not exist or was not
// looked up.
func (i *inquiry) object(refs []ObjectRef, n int) (Object, bool) {
	if refs[n].Kind == ObjectUser {
		return refs[n].user(), true
	}
	if o := answer(i.request.Objects, n, refs[n]); o != nil {
		return *o, o.Found
	}
	return Object{}, false
}

// condition returns why the condition of r does not let the request through,
// and "" when it does.
func (i *inquiry) condition(r *rule, o *Object) Reason {
	switch holds, err := i.holds(r, o); {
	case err != nil:
		return ReasonConditionError
	case !holds:
		return ReasonConditionFailed
	default:
		return ""
	}
}
