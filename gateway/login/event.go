package login

import (
	"context"
	"errors"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/limit"
)

// Kind is what an Event is about, a closed set.
type Kind string

// The kinds. Of those behind KindReuse only what succeeded is an Event: a refusal
// there is that of a token, which whoever asked for the token tells.
const (
	KindLogin        Kind = "login"         // somebody asked for a token by password
	KindLockout      Kind = "lockout"       // a failed login was the last that was allowed
	KindReuse        Kind = "reuse"         // a token was refreshed twice: its session has been ended
	KindRefresh      Kind = "refresh"       // a token got its successor
	KindLogout       Kind = "logout"        // a session was ended by itself
	KindLogoutAll    Kind = "logout_all"    // all sessions of a user were ended by one of them
	KindSessionEnded Kind = "session_ended" // a session was ended by another one of its user
)

// Outcome is how it ended, a closed set.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Refused Outcome = "refused"
	Failed  Outcome = "failed" // nothing was decided
)

// Reason is why a login did not succeed, a closed set. It is for the operator alone:
// whoever tried gets the same answer for all but the lockouts, which are one, and the
// last three, which are no refusals.
type Reason string

// The reasons.
const (
	ReasonUnknownName      Reason = "unknown_name" // no active account has it
	ReasonWrongPassword    Reason = "wrong_password"
	ReasonMayNotLogin      Reason = "may_not_login" // the right password of a banned or deleted account
	ReasonUnusableHash     Reason = "unusable_hash" // the account has no password that could be right
	ReasonTooLong          Reason = "too_long"      // a password that nobody hashes
	ReasonNUL              Reason = "nul"           // a NUL byte in the name or the password
	ReasonLockedOutAccount Reason = "locked_out_account"
	ReasonLockedOutAddress Reason = "locked_out_address"
	ReasonLockedOutPair    Reason = "locked_out_pair"
	ReasonBusy             Reason = "busy"  // no turn to hash came in time
	ReasonGone             Reason = "gone"  // the client left before the hash
	ReasonFault            Reason = "fault" // of the infrastructure
)

// Event is something that happened, for the trail that operators keep. It holds no
// credential, nor what was typed as a name, for people type passwords there.
type Event struct {
	Kind    Kind
	Outcome Outcome
	// Reason is set for a login that was not a success.
	Reason Reason
	// Limit is what ran out, of a KindLockout only: account, pair or address.
	Limit limit.Name
	// UserID is the account, 0 when none is known.
	UserID uint64
	// NameDigest tells a name that no account has from others, see Directory.Fold; ""
	// where there is an account, and for an attempt that was refused without a look.
	NameDigest string
	// SessionID is the session that began or ended, "" for none or all.
	SessionID string
	// Repeated is true for a KindRefresh that was answered with the successor which
	// another one has made. Nothing has changed, but one more client has the token.
	Repeated bool
	Client   identity.Client
}

// report tells how a login ended.
func (s *Service) report(ctx context.Context, a *attempt, err error) {
	outcome := outcomeOf(err)
	if outcome == Failed && a.reason == "" {
		a.reason = failureOf(ctx, err)
	}
	e := Event{
		Kind: KindLogin, Outcome: outcome, Reason: a.reason, NameDigest: a.digest, SessionID: a.sessionID, Client: a.Client,
	}
	if a.known {
		e.UserID = a.account.UserID
	}
	s.observe(ctx, e)
	if outcome != Refused {
		return // What was taken has been given back.
	}
	for _, b := range a.emptied {
		s.metrics.lockouts.Inc()
		e := e
		e.Kind, e.Reason, e.Limit = KindLockout, "", b.Name
		s.observe(ctx, e)
	}
}

func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return Success
	case refusal(err):
		return Refused
	default:
		return Failed
	}
}

// failureOf is the reason of a login that was not decided.
func failureOf(ctx context.Context, err error) Reason {
	switch {
	case errors.Is(err, ErrBusy):
		return ReasonBusy
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return ReasonGone
	default:
		return ReasonFault
	}
}
