package audit

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"faveo-gateway/gateway/limit"
)

// The bounds of what is told apart in one window. Each event that is adds at most two
// entries: itself, and those that were equal to it.
const (
	// window is how long equal events are gathered.
	window = 10 * time.Second
	// maxOfOne is how many events of one kind are told apart for one account, or for one
	// network of strangers.
	maxOfOne = 8
)

// budget bounds a class of events for all together: what there is of it at first and at
// most, and what each window adds. So an incident is told whole, and a siege is not.
type budget struct{ most, more int }

var (
	ofStrangers = budget{64, 8}
	// ofAccounts is larger than what strangers have: who has none cannot use it up
	// without the names of many.
	ofAccounts = budget{256, 32}
	// ofSuccesses bounds nothing but memory. Each account is bounded by maxOfOne.
	ofSuccesses = budget{4096, 4096}
	// ofLockouts bounds memory, too: one that finds it spent is an entry of its own.
	ofLockouts = budget{1024, 1024}
)

// class is what shares a budget. Kinds never do.
type class struct {
	kind           Kind
	known, success bool
	// others is for entries that stand for events which are not told apart.
	others bool
}

func (e *Event) class() class {
	return class{kind: e.Kind, known: e.UserID != 0 || e.Actor != "", success: e.Outcome == Success}
}

func (c class) budget() budget {
	switch {
	case c.kind == KindLockout:
		return ofLockouts
	case c.success:
		return ofSuccesses
	case c.known:
		return ofAccounts
	}
	return ofStrangers
}

// isGathered reports whether somebody can cause such an event as often as they like, and
// its number says as much as each of them: refusals, and what changes nothing when it is
// repeated. A successful login has begun a session, and a token that was used twice has
// ended one: these are entries of their own, as is whatever operators do.
func (e *Event) isGathered() bool {
	switch e.Kind {
	case KindLockout, KindRefresh:
		return true
	case KindLogin, KindRequest, KindAdmin:
		return e.Outcome != Success
	case KindSessionEnded:
		return e.Actor == "user"
	}
	return false
}

// likeness is what equal events have in common. Addresses are equal when they are of one
// network, see limit.NetworkOf.
type likeness struct {
	kind            Kind
	outcome         Outcome
	reason, actor   string
	userID          uint64
	subject, detail string
	network         netip.Prefix
	others          bool // stands for events that are not told apart
}

func (e *Event) likeness() likeness {
	return likeness{
		kind: e.Kind, outcome: e.Outcome, reason: e.Reason, actor: e.Actor, userID: e.UserID,
		subject: e.Subject, detail: e.Detail, network: limit.NetworkOf(e.Address),
	}
}

// owner is whose events these are: the account's, or of who has none the network's.
type owner struct {
	kind    Kind
	actor   string
	userID  uint64
	network netip.Prefix
}

func (l *likeness) owner() owner {
	o := owner{kind: l.kind, actor: l.actor, userID: l.userID}
	if l.userID == 0 {
		o.network = l.network
	}
	return o
}

// gathering are the events of one window that are gathered. It is not safe for
// concurrent use.
type gathering struct {
	// seen has for each event those that were equal to it: none yet where Count is 0.
	seen map[likeness]*Event
	// owned counts what is told apart for one.
	owned map[owner]int
	// left is what classes have left of their budget, all of it where there is nothing.
	left map[class]int
}

func newGathering() gathering {
	return gathering{seen: make(map[likeness]*Event), owned: make(map[owner]int), left: make(map[class]int)}
}

// add takes an event, unless it is the first of its like, or a lockout: then it is an
// entry of its own.
func (g *gathering) add(e Event) bool {
	l := e.likeness()
	gathered, again := g.seen[l]
	switch {
	case again:
	case g.tellsApart(l.owner(), e.class()):
		g.seen[l] = new(Event)
		return false
	case e.Kind == KindLockout:
		return false
	default:
		e, gathered = g.others(e, l)
	}
	count := gathered.Count + e.Count
	if gathered.Count == 0 {
		*gathered = e
	}
	gathered.Count = count
	return true
}

// tellsApart reports whether there is place for one more. Of lockouts no one is short:
// each has cost its attempts.
func (g *gathering) tellsApart(o owner, c class) bool {
	if c.kind != KindLockout && g.owned[o] >= maxOfOne || !g.spend(c) {
		return false
	}
	g.owned[o]++
	return true
}

// others returns what is left of an event that is not told apart, and the entry for it
// and its like: whose it is, as long as there is place for that, else its kind, outcome
// and reason, which are of closed sets, so that these are few.
func (g *gathering) others(e Event, l likeness) (Event, *Event) {
	o, c := l.owner(), e.class()
	c.others = true
	rest := Event{Time: e.Time, Kind: e.Kind, Outcome: e.Outcome, Reason: e.Reason, Detail: "of many others", Count: e.Count}
	all := likeness{kind: e.Kind, outcome: e.Outcome, reason: e.Reason, others: true}
	own := all
	own.actor, own.userID, own.network = o.actor, o.userID, o.network
	gathered := g.seen[own]
	if gathered == nil && g.spend(c) {
		gathered = new(Event)
		g.seen[own] = gathered
	}
	if gathered != nil {
		rest.Actor, rest.UserID = e.Actor, e.UserID
		if e.UserID == 0 {
			rest.Address = e.Address
		}
		return rest, gathered
	}
	if gathered = g.seen[all]; gathered == nil {
		gathered = new(Event)
		g.seen[all] = gathered
	}
	return rest, gathered
}

// spend takes one from the budget of a class, if there is any.
func (g *gathering) spend(c class) bool {
	left, begun := g.left[c]
	if !begun {
		left = c.budget().most
	}
	if left == 0 {
		return false
	}
	g.left[c] = left - 1
	return true
}

// turn ends the window, and returns what was gathered in it.
func (g *gathering) turn() []Event {
	var events []Event
	for _, e := range g.seen {
		if e.Count > 0 {
			events = append(events, *e)
		}
	}
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Address, b.Address))
	})
	clear(g.seen)
	clear(g.owned)
	for c, left := range g.left {
		g.left[c] = min(left+c.budget().more, c.budget().most)
	}
	return events
}
