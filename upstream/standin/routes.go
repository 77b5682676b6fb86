package standin

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"
)

// call is what a handler of an API route knows about its request.
type call struct {
	user   *user // who sent it; nil on open routes
	in     params
	url    string // scheme, host and path, for the links of a page
	now    time.Time
	random string // fresh random text, 26 letters and digits
	issue  func(userID int, issuer, id string) string
}

// handler answers one route. It is called with the data set locked and must not keep it.
type handler func(d *dataset, c call) answer

// route is one API path.
type route struct {
	method  string // GET (then HEAD too) or POST
	open    bool   // needs no token
	changes bool   // may change the data set; POST may
	handle  handler
}

// apiRoutes is ROUTES.md. Like there, no route looks at the role of its caller.
func apiRoutes() map[string]route {
	const v1, helpdesk = "/api/v1/", "/api/v1/helpdesk/"
	get := func(h handler) route { return route{method: http.MethodGet, handle: h} }
	post := func(h handler) route { return route{method: http.MethodPost, changes: true, handle: h} }
	changing := func(r route) route { r.changes = true; return r }
	anybody := func(r route) route { r.open = true; return r }
	return map[string]route{
		v1 + "authenticate":    anybody(post(authenticate)),
		v1 + "database-config": anybody(get(alreadyInstalled)),
		v1 + "system-config":   anybody(get(alreadyInstalled)),
		helpdesk + "url":       anybody(get(fetchURL)),
		helpdesk + "check-url": anybody(get(checkURL)),

		v1 + "authenticate/user": get(authenticatedUser),

		helpdesk + "create":        post(createTicket),
		helpdesk + "reply":         post(reply),
		helpdesk + "edit":          post(edit),
		helpdesk + "delete":        post(remove),
		helpdesk + "assign":        post(assign),
		helpdesk + "internal-note": post(internalNote),

		helpdesk + "open":             get(openTickets),
		helpdesk + "unassigned":       get(unassignedTickets),
		helpdesk + "closed":           get(closedTickets),
		helpdesk + "inbox":            get(inbox),
		helpdesk + "trash":            get(trash),
		helpdesk + "tickets":          get(allTickets),
		helpdesk + "my-tickets-agent": get(ticketsOfAgent),
		helpdesk + "my-tickets-user":  get(ticketsOfUser),
		"/api/v2/helpdesk/tickets":    get(ticketsV2),

		helpdesk + "ticket":        get(oneTicket),
		helpdesk + "ticket-thread": get(ticketThread),
		helpdesk + "ticket-search": get(searchTickets),

		helpdesk + "agents":           get(agents),
		helpdesk + "customers":        get(customers),
		helpdesk + "customers-custom": get(customersCustom),
		helpdesk + "customer":         get(customer),
		helpdesk + "register":         post(register),

		helpdesk + "collaborator/search":     get(searchCollaborators),
		helpdesk + "collaborator/get-ticket": post(collaborators),
		helpdesk + "collaborator/create":     post(addCollaborator),
		helpdesk + "collaborator/remove":     post(removeCollaborator),

		helpdesk + "teams":      get(teams),
		helpdesk + "dependency": get(dependency),
		helpdesk + "help-topic": get(helpTopics),
		helpdesk + "sla-plan":   get(slaPlans),
		helpdesk + "priority":   get(priorities),
		helpdesk + "department": get(departments),
		helpdesk + "api_key":    changing(get(newAPIKey)),
	}
}

// serveAPI answers everything below /api. The order is Faveo's: 404 and 405 before any token; only a credential that
// must not be here at all comes before that.
func (f *Faveo) serveAPI(w http.ResponseWriter, r *http.Request, in input) {
	id, bad := f.caller(r.Header)
	violations := misplaced(r, in)
	if bad != nil && bad.message == "" {
		violations = append(violations, bad.violation)
	}
	if len(violations) > 0 {
		f.refuse(w, violations...)
		return
	}
	if bad != nil {
		f.record.violated(bad.violation)
	}
	if serveAPIPage(w, in) {
		return
	}
	found, known := f.routes[in.path]
	switch {
	case !known:
		write(w, fail(http.StatusNotFound, object{{"success", false}, {"message", "not-found"}}))
	case in.method == http.MethodOptions:
		w.Header().Set("Allow", strings.Join(methods(found), ","))
		w.Header().Set("Content-Type", contentHTML)
	case !slices.Contains(methods(found), in.method):
		write(w, fail(http.StatusMethodNotAllowed, object{{"message", "Method not allowed"}, {"success", false}}))
	case bad != nil && !found.open:
		write(w, unauthorized(bad.message))
	default:
		f.serveRoute(w, r, in, found, id)
	}
}

func methods(r route) []string {
	if r.method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{r.method}
}

// caller is the id in the request's token; 0 means that there is no token.
func (f *Faveo) caller(h http.Header) (int, *refusal) {
	token, bad := bearer(h)
	if bad != nil || token == "" {
		return 0, bad
	}
	return f.checkToken(token)
}

// serveRoute runs the handler of a route for the user of that id.
func (f *Faveo) serveRoute(w http.ResponseWriter, r *http.Request, in input, found route, id int) {
	c := call{
		in: in.merged, url: "http://" + r.Host + in.path,
		now: f.now().UTC(), random: rand.Text(), issue: f.issue,
	}
	a, body := f.run(r.Context(), found, c, id)
	if a.status != http.StatusUnauthorized {
		w.Header().Set("X-RateLimit-Limit", "60")
		w.Header().Set("X-RateLimit-Remaining", "59")
	}
	send(w, a, body)
}

// run holds the lock while the handler works, its changes are stored and its answer is encoded, and lets go of it before
// anything is sent.
func (f *Faveo) run(ctx context.Context, found route, c call, id int) (answer, []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var a answer
	if found.changes && f.file != "" {
		a = f.commit(ctx, found, c, id)
	} else {
		a = answerOf(found, f.data, c, id)
	}
	return a, a.encode()
}

func answerOf(found route, d *dataset, c call, id int) answer {
	c.user = d.user(id) // a token's user exists: checkToken has looked
	if !found.open && c.user == nil {
		return unauthorized("Token not provided")
	}
	return found.handle(d, c)
}

// commit lets the handler work on a copy, which takes the place of the data set once the database has it.
func (f *Faveo) commit(ctx context.Context, found route, c call, id int) answer {
	next := f.data.clone()
	a := answerOf(found, next, c, id)
	// PHP does not stop in the middle either when its caller goes away.
	if err := save(context.WithoutCancel(ctx), f.file, f.data, next); err != nil {
		return fail(http.StatusInternalServerError, object{{"error", "standin database: " + err.Error()}})
	}
	f.data = next
	return a
}
