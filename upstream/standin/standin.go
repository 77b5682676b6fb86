// Package standin is the embedded Faveo of the demo and of the tests.
//
// It must never face a network. It is as unsafe as the application it stands in for, on purpose: any accepted token
// reads every ticket and every internal note, whatever role its owner has. A test that gets an answer out of it which it
// should not have got has found a hole in the gateway, and nothing in here may cover that hole.
//
// # What it is
//
// An http.Handler that answers the API of Faveo v2.0.3 as recorded in testdata/faveo-contract: every route of ROUTES.md
// with the recorded shapes (key names and order, PHP's JSON escapes, text/html where Faveo says so), computed from a
// small data set of invented accounts and tickets. Routes that change something change the data set. Routing is decided
// before the token is looked at, so 404 and 405 are given without one. A request is read as Laravel reads it in the
// simple cases: a percent-encoded path, a path behind index.php, a method override and text where a number belongs mean
// here what they mean there, so that a bypass of the gateway works on the stand-in too. Beside the API there are a few
// pages of a web UI for pass-through tests, among them a slow stream and an upgraded connection.
//
// CreateDatabase writes the same accounts and tickets into a SQLite file with the tables and column types of Faveo, for
// the gateway to read. A Faveo that is given the file keeps it equal to its memory: what a request has changed, new users
// and tickets, assignments, collaborators, removals, is committed to the file before the request is answered. A commit
// that fails is answered 500, with the database's words, and then the request has changed nothing in memory either. A
// Faveo without the file has its memory only.
//
// # What it is stricter about
//
// Toward credentials it is much stricter than PHP, because it is the witness of what the gateway promises: a request
// below /api/ carries either no credential or exactly one bridge token, in the Authorization header, short-lived and with
// all of Faveo's claims. A token anywhere else, an api_key or X-API-Key, a second Authorization or a token that PHP would
// accept and the gateway would never mint is answered 500 and kept as a Violation; a token that PHP refuses gets Faveo's
// own 401 and is kept as well. So a test that ends with len(Violations()) == 0 has proved that no client token and no API
// key reached the API of PHP. It has not looked at two things: the password in a forwarded POST api/v1/authenticate, for
// which a test searches Requests, and the pages of the web UI, of which only X-API-Key is judged.
//
// What it does not do: it enforces no rate limit (it sends constant X-RateLimit headers), it sends no mail, fetches no
// URL, and keeps nothing on disk but what Options.Database asks for. It writes into no database but one of
// CreateDatabase.
package standin

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Password is the password of every account of the data set.
const Password = "demopass"

// Options are the dependencies of a Faveo.
type Options struct {
	// Secret is JWT_SECRET, the raw text with which bridge tokens are signed. It must not be empty.
	Secret string
	// BasePath is the folder that Faveo is installed in, "/community/public"; "" is the root.
	BasePath string
	// Database is the address of a database that CreateDatabase has just made, and that no other Faveo writes to. "" keeps
	// all in memory. It must never name a real Faveo's.
	Database string
	// Now is the clock against which tokens are judged and that dates new rows. Nil means time.Now.
	Now func() time.Time
}

// Faveo is the stand-in. It is safe for concurrent use. Each Faveo has a data set and a record of its own.
type Faveo struct {
	secret []byte
	base   string
	now    func() time.Time
	routes map[string]route
	file   string // path of the database; "" is none
	record record

	mu   sync.Mutex // guards data and the writing of file
	data *dataset
}

var _ http.Handler = (*Faveo)(nil)

// New returns a Faveo with a fresh data set. It panics when o.Secret is empty, because a stand-in that accepts tokens
// signed with nothing would prove nothing, and when o.Database is no address that CreateDatabase returns: both are a
// programmer's mistake.
func New(o Options) *Faveo {
	if o.Secret == "" {
		panic("standin: Options.Secret is empty")
	}
	file, ok := databaseFile(o.Database)
	if !ok {
		panic("standin: Options.Database is not an address of CreateDatabase")
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return &Faveo{secret: []byte(o.Secret), base: o.BasePath, now: now, routes: apiRoutes(), file: file, data: seed()}
}

// ServeHTTP records the request and answers it as Faveo would.
func (f *Faveo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	f.record.add(r, body)
	if err != nil {
		http.Error(w, "413 Request Entity Too Large", http.StatusRequestEntityTooLarge)
		return
	}
	if hasAPIKeyHeader(r.Header) {
		f.refuse(w, ViolationAPIKeyHeader)
		return
	}
	in := readInput(r, body)
	in.path = strings.TrimPrefix(in.path, f.base)
	if in.path == "/api" || strings.HasPrefix(in.path, "/api/") {
		f.serveAPI(w, r, in)
		return
	}
	f.serveWeb(w, r, in)
}
