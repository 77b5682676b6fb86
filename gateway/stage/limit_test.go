package stage_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/upstream/laravel"
)

// counters write down what is taken and given back, and refuse or fail by group.
type counters struct {
	calls []string
	// refused are the groups that refuse, faulty those that fail.
	refused map[string]limit.Verdict
	faulty  string
}

var errCounter = errors.New("the counters are away")

// Take implements limit.Source.
func (c *counters) Take(_ context.Context, group string, buckets ...limit.Bucket) (limit.Verdict, error) {
	c.note("take", group, buckets)
	if group == c.faulty {
		return limit.Verdict{}, errCounter
	}
	if v, ok := c.refused[group]; ok {
		return v, nil
	}
	return limit.Verdict{Allowed: true}, limit.CheckBuckets(group, buckets)
}

// Return implements limit.Source.
func (c *counters) Return(_ context.Context, group string, buckets ...limit.Bucket) error {
	c.note("return", group, buckets)
	return errCounter // It must not matter.
}

// Remember implements limit.Source.
func (c *counters) Remember(context.Context, string, limit.Member, time.Duration) error {
	panic("requests are not remembered")
}

func (c *counters) note(what, group string, buckets []limit.Bucket) {
	call := what + " " + group
	for _, b := range buckets {
		call += fmt.Sprintf(" %s(%s) %s", b.Name, b.Of, b.Rate)
	}
	c.calls = append(c.calls, call)
}

// rate reads a rate, "" for none.
func rate(text string) (r limit.Rate) {
	if text == "" {
		return r
	}
	r, err := limit.ParseRate(text)
	if err != nil {
		panic(err)
	}
	return r
}

func route(text string) limit.Route {
	r, err := limit.ParseRoute(text)
	if err != nil {
		panic(err)
	}
	return r
}

// limits are the limiting stages around one who is known as who says, and what became of
// a request.
func limits(c limit.Config, source limit.Source, method, target string, who func(*stage.Exchange)) error {
	var (
		refusal error
		limiter = stage.NewLimiter(source, c)
		keep    = func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				refusal = next(c)
				return refusal
			}
		}
		known = func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				who(stage.From(c))
				return next(c)
			}
		}
		d = newDoor(nil, func(c echo.Context) error { return c.NoContent(http.StatusOK) },
			stage.Canonicalize(laravel.NewReader("/base", laravel.Limits{})), keep, limiter.ByAddress(), known, limiter.ByCaller())
	)
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = "[2001:db8:1:2::7]:9"
	d.echo.ServeHTTP(httptest.NewRecorder(), r)
	return refusal
}

// The callers of the tests.
func stranger(*stage.Exchange) {}

func alice(x *stage.Exchange) { x.Principal = &identity.Principal{UserID: 4} }

// aliceLeaving has shown a token whose session is not asked for.
func aliceLeaving(x *stage.Exchange) { x.Token.UserID = 4 }

func withKey(who func(*stage.Exchange), own string) func(*stage.Exchange) {
	return func(x *stage.Exchange) {
		who(x)
		x.Key = &identity.Key{ID: "k1", Rate: rate(own)}
	}
}

// TestDraws are what requests draw from, in which group, and that they ask nobody where
// nothing limits them.
func TestDraws(t *testing.T) {
	const path = "/base/api/v1/helpdesk/create"
	create, below, login := route("POST /api/v1/helpdesk/create 5/1m"), route("* /api/v1/helpdesk/** 9/1m"), route("POST /api/v1/authenticate 3/1m")
	get := route("GET /api/v1/helpdesk/create 1/1s")
	network := "2001:db8:1:2::/64"
	for _, try := range []struct {
		name   string
		config limit.Config
		method string
		who    func(*stage.Exchange)
		want   []string
	}{
		{"nothing is limited", limit.Config{}, "POST", withKey(alice, ""), nil},
		{"all is off", limit.Config{PerIP: rate("off"), PerUser: rate("off"), PerAPIKey: rate("off")}, "POST", withKey(alice, "off"), nil},
		{"other routes", limit.Config{PerRoute: []limit.Route{login, get}}, "POST", alice, nil},
		{"strangers have no user", limit.Config{PerUser: rate("7/1m"), PerAPIKey: rate("2/1m")}, "POST", stranger, nil},
		{"a network", limit.Config{PerIP: rate("8/1m")}, "POST", stranger, []string{"take ip:" + network + " ip(" + network + ") 8/1m"}},
		{"a user", limit.Config{PerUser: rate("7/1m")}, "POST", alice, []string{"take user:4 user(4) 7/1m"}},
		{"the user of a verified token", limit.Config{PerUser: rate("7/1m")}, "POST", aliceLeaving, []string{"take user:4 user(4) 7/1m"}},
		{
			"a route of a user",
			limit.Config{PerRoute: []limit.Route{login, create, below}},
			"POST", alice,
			[]string{"take user:4 route(" + create.Key() + ") 5/1m route(" + below.Key() + ") 9/1m"},
		},
		{
			"a route of a stranger",
			limit.Config{PerRoute: []limit.Route{create}},
			"POST", stranger,
			[]string{"take ip:" + network + " route(" + create.Key() + ") 5/1m"},
		},
		{"HEAD is GET", limit.Config{PerRoute: []limit.Route{get, create}}, "HEAD", alice, []string{"take user:4 route(" + get.Key() + ") 1/1s"}},
		{"the configured rate of a key", limit.Config{PerAPIKey: rate("2/1m")}, "POST", withKey(stranger, ""), []string{"take key:k1 api_key(k1) 2/1m"}},
		{"a key's own", limit.Config{PerAPIKey: rate("2/1m")}, "POST", withKey(stranger, "600/1m"), []string{"take key:k1 api_key(k1) 600/1m"}},
		{"a key's own alone", limit.Config{}, "POST", withKey(stranger, "600/1m"), []string{"take key:k1 api_key(k1) 600/1m"}},
		{"a key that is let off", limit.Config{PerAPIKey: rate("2/1m")}, "POST", withKey(stranger, "off"), nil},
		{
			"all together",
			limit.Config{PerIP: rate("8/1m"), PerUser: rate("7/1m"), PerAPIKey: rate("2/1m"), PerRoute: []limit.Route{create}},
			"POST", withKey(alice, ""),
			[]string{
				"take ip:" + network + " ip(" + network + ") 8/1m", "take user:4 route(" + create.Key() + ") 5/1m user(4) 7/1m",
				"take key:k1 api_key(k1) 2/1m",
			},
		},
	} {
		source := &counters{}
		if err := limits(try.config, source, try.method, path, try.who); err != nil {
			t.Errorf("%s: %v", try.name, err)
		}
		if !slices.Equal(source.calls, try.want) {
			t.Errorf("%s: the calls are %q, want %q", try.name, source.calls, try.want)
		}
	}
}

// TestAllOrNothing: whoever is refused has spent nothing but at the limits before, and a
// fault of the counters is a fault, and no refusal.
func TestAllOrNothing(t *testing.T) {
	config := limit.Config{PerIP: rate("8/1m"), PerUser: rate("7/1m"), PerAPIKey: rate("2/1m")}
	const (
		ip, user, key = "ip:2001:db8:1:2::/64", "user:4", "key:k1"
		ofKey         = "take key:k1 api_key(k1) 2/1m"
	)
	refusal := map[string]limit.Verdict{
		ip: {By: limit.NameIP, RetryAfter: time.Second}, user: {By: limit.NameUser, RetryAfter: time.Minute}, key: {By: limit.NameAPIKey, RetryAfter: time.Hour},
	}
	for _, try := range []struct {
		group string
		want  string // what is called after the take of the address
	}{
		{ip, ""},
		{user, "take user:4 user(4) 7/1m"},
		{key, "take user:4 user(4) 7/1m, " + ofKey + ", return user:4 user(4) 7/1m"},
	} {
		source := &counters{refused: map[string]limit.Verdict{try.group: refusal[try.group]}}
		err := limits(config, source, "GET", "/base/api/v1/x", withKey(alice, ""))
		limited, ok := errors.AsType[*stage.RateLimited](err)
		if !ok || limited.By != refusal[try.group].By || limited.RetryAfter != refusal[try.group].RetryAfter {
			t.Errorf("%s refuses: the error is %v", try.group, err)
		}
		if got := strings.Join(source.calls[1:], ", "); got != try.want {
			t.Errorf("%s refuses: the calls are %q, want %q", try.group, got, try.want)
		}
		if text := limited.Error(); strings.Contains(text, "2001") || strings.Contains(text, "k1") {
			t.Errorf("the error names the caller: %s", text)
		}

		source = &counters{faulty: try.group}
		if err := limits(config, source, "GET", "/base/api/v1/x", withKey(alice, "")); !errors.Is(err, errCounter) {
			t.Errorf("%s fails: the error is %v", try.group, err)
		}
		if got := strings.Join(source.calls[1:], ", "); got != try.want {
			t.Errorf("%s fails: the calls are %q, want %q", try.group, got, try.want)
		}
	}
}
