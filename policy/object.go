package policy

import "slices"

// ObjectKind is what a parameter names. The set is closed.
type ObjectKind string

const (
	// ObjectTicket is a row of tickets, named by its id.
	ObjectTicket ObjectKind = "ticket"
	// ObjectUser is a row of users, named by its id. It is never looked up:
	// whose it is, its id says.
	ObjectUser ObjectKind = "user"
)

func objectKinds() []ObjectKind { return []ObjectKind{ObjectTicket, ObjectUser} }

// ObjectRef names one object, as the request does.
type ObjectRef struct {
	Kind ObjectKind
	// ID is 1 to 4294967295, the range of Faveo's int unsigned columns.
	ID uint64
}

// Object is what Faveo's database says of one ObjectRef. In all fields 0 and
// nil stand for NULL and for nobody.
type Object struct {
	Kind ObjectKind
	ID   uint64
	// Found is false for an object that does not exist; the rest is then zero.
	Found bool
	// Owner is tickets.user_id, who asked for help.
	Owner uint64
	// Collaborators are the users of ticket_collaborator.
	Collaborators []uint64
	// Department is tickets.dept_id.
	Department uint64
	// Assignee is tickets.assigned_to.
	Assignee uint64
	// Team is tickets.team_id.
	Team uint64
}

// Affiliation is what Faveo's database says of the caller beyond the role.
type Affiliation struct {
	// Email is users.email, empty for NULL.
	Email string
	// Departments are the departments that an agent works for.
	Departments []uint64
	// Teams are the teams that an agent is a member of.
	Teams []uint64
}

// isStaff reports whether the role is one of the staff's; an unknown role is not.
func (s Subject) isStaff() bool { return rolesOf(s.Role)&ClassStaff.roles() != 0 }

// held reports whether objects are held against the caller: a customer reaches
// his own only, an agent those of his departments, his assignments and his
// teams. A role that no rule names is held like a customer.
func (e *Engine) held(s Subject) bool {
	switch rolesOf(s.Role) {
	case roleAdmin:
		return false
	case roleAgent:
		return !e.agentsSeeAll
	default:
		return true
	}
}

// reaches reports whether a caller that is held may reach an object that
// exists. That a customer is entered as assignee of a ticket, which Faveo
// allows, opens nothing to him.
func (s Subject) reaches(o *Object) bool {
	if s.UserID == 0 {
		return false // NULL is nobody.
	}
	switch rolesOf(s.Role) {
	case roleAgent:
		return o.Kind == ObjectUser || s.serves(o)
	case roleUser:
		return o.Owner == s.UserID || slices.Contains(o.Collaborators, s.UserID)
	default:
		return false
	}
}

// serves reports whether a ticket is an agent's business.
func (s Subject) serves(o *Object) bool {
	if o.Assignee == s.UserID {
		return true
	}
	a := s.Affiliation
	return a != nil &&
		(o.Department != 0 && slices.Contains(a.Departments, o.Department) ||
			o.Team != 0 && slices.Contains(a.Teams, o.Team))
}

// answer finds the answer to the ref that is at place among those asked, or
// nil when there is none.
func answer(objects []Object, place int, ref ObjectRef) *Object {
	if place < len(objects) && objects[place].is(ref) {
		return &objects[place]
	}
	for i := range objects {
		if objects[i].is(ref) {
			return &objects[i]
		}
	}
	return nil
}

func (o *Object) is(ref ObjectRef) bool { return o.Kind == ref.Kind && o.ID == ref.ID }

// user is the object behind a ref of kind user, which is not looked up.
func (ref ObjectRef) user() Object {
	return Object{Kind: ObjectUser, ID: ref.ID, Found: true, Owner: ref.ID}
}
