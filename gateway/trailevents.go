package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/login"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/upstream/laravel"
)

// Who causes an event.
const (
	actorUser    = "user"
	actorAPIKey  = "api_key"
	actorAdmin   = "admin"
	actorGateway = "gateway"
)

// start records by what the gateway begins to work.
func (t trail) start(o Options, rules int) {
	t.Record(audit.Event{
		Kind: audit.KindConfiguration, Outcome: audit.Success, Actor: actorGateway,
		Detail: fmt.Sprintf("started %s, policy %s with %d rules", o.Build.Version, o.Config.Policy.Mode, rules),
	})
}

// login records what the login tells of.
func (t trail) login(_ context.Context, e login.Event) {
	entry := audit.Event{
		Outcome: audit.Outcome(e.Outcome), Reason: string(e.Reason), UserID: e.UserID, Subject: e.SessionID,
		Address: e.Client.Address, Agent: e.Client.Agent, RequestID: e.Client.RequestID,
	}
	if e.SessionID == "" {
		entry.Subject = e.NameDigest
	}
	if e.Outcome == login.Success {
		entry.Actor = actorUser
	}
	switch e.Kind {
	case login.KindLogin:
		entry.Kind = audit.KindLogin
	case login.KindLockout:
		entry.Kind, entry.Reason = audit.KindLockout, string(e.Limit)
	case login.KindReuse:
		entry.Kind = audit.KindReuse
	case login.KindRefresh:
		entry.Kind = audit.KindRefresh
		if e.Repeated {
			entry.Detail = "the same successor again"
		}
	case login.KindLogout, login.KindLogoutAll, login.KindSessionEnded:
		entry.Kind, entry.Detail = audit.KindSessionEnded, string(e.Kind)
	}
	t.Record(entry)
}

// signingKey records what this replica has made of a signing key. That one is gone is no
// event: it was retired long ago.
func (t trail) signingKey(ctx context.Context, c keyring.Change) {
	e := audit.Event{Outcome: audit.Success, Actor: actorGateway, Subject: c.KID}
	if c.OnDemand {
		e = byOperator(ctx, e)
	}
	switch c.State {
	case keyring.StatePending:
		e.Kind = audit.KindKeyCreated
	case keyring.StateActive:
		e.Kind = audit.KindKeyActivated
	case keyring.StateRevoked:
		e.Kind, e.Detail = audit.KindKeyRevoked, "was "+string(c.Was)
	default:
		return
	}
	t.Record(e)
}

// changed records what an operator has done.
func (t trail) changed(ctx context.Context, e audit.Event) { t.Record(byOperator(ctx, e)) }

// byOperator is the event as the operator's whose request is carried out in the context.
func byOperator(ctx context.Context, e audit.Event) audit.Event {
	who := admin.CallerOf(ctx)
	e.Outcome, e.Actor = audit.Success, actorAdmin
	e.Address, e.Agent, e.RequestID = who.Address, who.Agent, who.RequestID
	return e
}

// admin records whom the admin API has not let in, and the changes that failed, of which
// nobody knows how far they went. What was changed the desks tell.
func (t trail) admin(e admin.Event) {
	entry := audit.Event{
		Kind: audit.KindAdmin, Reason: e.Code, Address: e.Client, Agent: e.Agent, RequestID: e.RequestID,
	}
	switch {
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		entry.Outcome = audit.Refused
	case e.Status >= http.StatusInternalServerError && e.Method != http.MethodGet:
		entry.Outcome, entry.Actor, entry.Detail = audit.Failed, actorAdmin, e.Method+" "+e.Route
		entry.UserID, entry.Subject = whom(e.About)
	default:
		return
	}
	t.Record(entry)
}

// whom reads what a request to the admin API was about: a user, and a key, a session or an
// address.
func whom(about []slog.Attr) (userID uint64, subject string) {
	for _, attr := range about {
		switch attr.Value.Kind() {
		case slog.KindUint64:
			userID = attr.Value.Uint64()
		case slog.KindString:
			subject = attr.Value.String()
		}
	}
	return userID, subject
}

// refusals records each refused request. The login tells of its own.
func (t trail) refusals(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if err != nil && !clientGone(c, err) {
			if e, ok := refusalOf(c, err); ok {
				t.Record(e)
			}
		}
		return err
	}
}

// refusalOf is the event of a request that was refused for what it is, for who sent it,
// or for how often. What merely leads nowhere, or is too large, is none.
func refusalOf(c echo.Context, err error) (audit.Event, bool) {
	var (
		x         = stage.From(c)
		p         = problemOf(err)
		reason    = p.code
		subject   string
		denied    *stage.Denied
		ambiguous *laravel.Ambiguous
		locked    *login.LockedOut
		limited   *stage.RateLimited
		tooMany   *apikey.TooMany
	)
	switch {
	case errors.As(err, &locked):
		return audit.Event{}, false
	case errors.As(err, &denied):
		reason, subject = string(denied.Decision.Reason), denied.Decision.Rule
	case errors.As(err, &ambiguous):
		reason = string(ambiguous.Reason)
	case errors.As(err, &limited):
		subject = string(limited.By)
	case errors.As(err, &tooMany):
		subject = string(limit.NameBadKey)
	case !p.refusesWho():
		return audit.Event{}, false
	}
	e := audit.Event{
		Kind: audit.KindRequest, Outcome: audit.Refused, Reason: reason, UserID: x.UserID(), Subject: subject,
		Address: x.Client, Agent: c.Request().UserAgent(), RequestID: x.RequestID,
	}
	id, why := blamedKey(x, err)
	if why != "" {
		e.Reason = why
	}
	switch {
	case id != "":
		e.Actor, e.Detail = actorAPIKey, "API key "+id
	case e.UserID != 0:
		e.Actor = actorUser
	}
	return e, true
}

// keyRefusals are the reasons of the trail for an API key that is to blame: of the answers
// some are those of a token, and a login has one for all of them, which comes last.
var keyRefusals = []struct {
	is     error
	reason string
}{
	{apikey.ErrInvalid, "apikey_invalid"},
	{apikey.ErrRevoked, "apikey_revoked"},
	{apikey.ErrExpired, "apikey_expired"},
	{apikey.ErrNetwork, "apikey_network"},
	{stage.ErrForeignKey, "apikey_of_another_user"},
	{apikey.ErrNotEnabled, "apikey_not_enabled"},
	{apikey.ErrWrongKey, "apikey_wrong"},
}

// blamedKey is the id of the API key of a refused request, "" without one that is known, and
// why the key is to blame, "" when it is not. The id of a key that is invalid is what a
// stranger has written.
func blamedKey(x *stage.Exchange, err error) (id, why string) {
	for _, known := range keyRefusals {
		if errors.Is(err, known.is) {
			why = known.reason
			break
		}
	}
	if refused := (*apikey.Refusal)(nil); errors.As(err, &refused) {
		return refused.KeyID, why
	}
	if x.Key != nil {
		return x.Key.ID, why
	}
	return "", why
}

// refusesWho says whether a problem is about who asks.
func (p problem) refusesWho() bool {
	return p.status == http.StatusUnauthorized || p.status == http.StatusForbidden || p.body != ""
}
