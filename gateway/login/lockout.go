package login

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"faveo-gateway/gateway/limit"
)

// LockoutGroup is the group of all buckets and members of logins.
const LockoutGroup = "login"

const (
	// recallFor is how long a refusal is repeated without asking, and so the longest
	// that one goes on after an operator has ended the lockout.
	recallFor = time.Second
	// recalled bounds how many refusals that are.
	recalled = 4096
	// settleWithin bounds what is done when the decision has been made.
	settleWithin = 2 * time.Second
)

// LockedOut is the refusal of a login that was not looked at, for too many before it
// have failed: of the account, from the address, or of the one from the other. The
// right password is refused as well, or guessing could go on.
type LockedOut struct {
	// RetryAfter is how long after Login has returned the next attempt may be made.
	// It is not negative.
	RetryAfter time.Duration
	// By is what ran out, for the operator. A client that learns it learns what
	// others do.
	By limit.Name
	// until is when RetryAfter is over.
	until time.Time
}

// Error implements error.
func (l *LockedOut) Error() string {
	return fmt.Sprintf("too many failed logins of this %s", l.By)
}

// lockout takes every attempt before its password is looked at, so that a hundred at
// once are not all let in before the first has failed, and gives back what turned out
// to be no guess.
//
// An attempt draws from three buckets: the account's, which bounds guessing from many
// addresses; the address's, which bounds guessing at many accounts; and that of the
// pair. The account's can be emptied by strangers on purpose. An address from which
// its owner has logged in does not draw from it, and has the pair's for its own.
//
// A name that no account has is counted like an account, so that it is refused when an
// account would be. What remains: who knows both names of one account can see that
// they share its allowance; who shares an address with somebody who has logged in can
// see that the account's allowance does not count there.
type lockout struct {
	config LockoutConfig
	limits limit.Source
	// site is what Faveo's administrator allows an account.
	site    func(context.Context) limit.Rate
	refused *recent[subject, *LockedOut]
	log     *slog.Logger
}

func newLockout(o Options) *lockout {
	return &lockout{
		config: o.Config.Lockout, limits: o.Limits, site: o.PerAccount,
		refused: newRecent[subject, *LockedOut](recalled), log: o.Log,
	}
}

// take takes the attempt, or returns a *LockedOut. Every other error is a fault.
func (l *lockout) take(ctx context.Context, a *attempt) error {
	buckets := l.buckets(ctx, a)
	if len(buckets) == 0 {
		return nil
	}
	v, err := l.limits.Take(ctx, LockoutGroup, buckets...)
	if err != nil {
		return fmt.Errorf("take an attempt: %w", err)
	}
	if v.Allowed {
		a.taken, a.emptied = buckets, v.Emptied
		return nil
	}
	now := time.Now()
	refusal := &LockedOut{By: v.By, until: now.Add(v.RetryAfter)}
	l.refused.put(subjectOf(a, v.By), refusal, now, min(v.RetryAfter, recallFor))
	return l.refuse(a, refusal)
}

// buckets are those that limit anything.
func (l *lockout) buckets(ctx context.Context, a *attempt) []limit.Bucket {
	who, address := a.who(), a.address()
	var known limit.Member
	if l.config.KnownAddresses > 0 {
		known = limit.Member{Set: who, Of: address}
	}
	all := []limit.Bucket{
		{Name: limit.NameAccount, Of: who, Rate: l.perAccount(ctx), Unless: known, Listed: true},
		{Name: limit.NameAddress, Of: address, Rate: l.config.PerAddress, Listed: true},
		{Name: limit.NamePair, Of: who + "|" + address, Rate: l.config.PerPair, Listed: true},
	}
	return slices.DeleteFunc(all, func(b limit.Bucket) bool { return !b.Rate.Limits() })
}

// perAccount is the rate that was configured, else Faveo's own, else the default.
func (l *lockout) perAccount(ctx context.Context) limit.Rate {
	rate := l.config.PerAccount
	if rate.IsZero() && l.site != nil {
		rate = l.site(ctx)
	}
	return rate.Or(defaultPerAccount())
}

// giveBack gives back what was taken, whether the client is still there or not.
func (l *lockout) giveBack(ctx context.Context, a *attempt) {
	if len(a.taken) == 0 {
		return
	}
	ctx, cancel := settle(ctx)
	defer cancel()
	if err := l.limits.Return(ctx, LockoutGroup, a.taken...); err != nil {
		l.log.Warn("an attempt to log in stays taken", slog.Any("error", err))
	}
}

// admit gives back what a success has taken and remembers where it came from. That
// it fails is no reason to refuse who has proved to be the owner.
func (l *lockout) admit(ctx context.Context, a *attempt) {
	l.giveBack(ctx, a)
	if l.config.KnownAddresses == 0 {
		return
	}
	ctx, cancel := settle(ctx)
	defer cancel()
	member := limit.Member{Set: a.who(), Of: a.address()}
	if err := l.limits.Remember(ctx, LockoutGroup, member, l.config.KnownAddresses); err != nil {
		l.log.Warn("the address of a login is not remembered", slog.Any("error", err))
	}
}

// settle makes the context of what a client cannot prevent by leaving.
func settle(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
}

// subject is whom a refusal concerns: a digest of the address, or of address and name.
type subject [sha256.Size]byte

// subjectOf is whom a refusal by this limit concerns. The name counts as it was typed:
// this is before it was looked up.
func subjectOf(a *attempt, by limit.Name) subject {
	if by == limit.NameAddress {
		return sha256.Sum256([]byte(a.address()))
	}
	return sha256.Sum256([]byte(a.address() + "\x00" + a.Username))
}

// recall repeats a refusal of a moment ago, so that a flood of attempts that are
// locked out anyway asks neither the database nor the limits. It returns nil when
// there is none.
func (l *lockout) recall(a *attempt) error {
	for _, by := range []limit.Name{limit.NameAddress, limit.NamePair} {
		if refusal, ok := l.refused.get(subjectOf(a, by), time.Now()); ok {
			return l.refuse(a, refusal)
		}
	}
	return nil
}

// refuse returns the caller's own copy of a refusal.
func (l *lockout) refuse(a *attempt, refusal *LockedOut) error {
	switch refusal.By {
	case limit.NameAddress:
		a.reason = ReasonLockedOutAddress
	case limit.NamePair:
		a.reason = ReasonLockedOutPair
	default:
		a.reason = ReasonLockedOutAccount
	}
	return &LockedOut{By: refusal.By, until: refusal.until}
}
