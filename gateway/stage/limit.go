package stage

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/limit"
)

// RateLimited is the refusal of a caller who asks too often.
type RateLimited struct {
	// By is the limit that refuses.
	By limit.Name
	// RetryAfter is when the caller may ask again, always positive.
	RetryAfter time.Duration
}

// Error implements error.
func (e *RateLimited) Error() string {
	return fmt.Sprintf("rate limited: %s, for %s", e.By, e.RetryAfter)
}

// Limiter bounds how often the API may be asked. Without a limit that concerns a
// request its stages ask nobody. It is made by NewLimiter.
type Limiter struct {
	source limit.Source
	config limit.Config
	// routes are the buckets of config.PerRoute.
	routes []limit.Bucket
}

// NewLimiter returns a Limiter.
func NewLimiter(source limit.Source, config limit.Config) *Limiter {
	l := &Limiter{source: source, config: config}
	for _, route := range config.PerRoute {
		l.routes = append(l.routes, limit.Bucket{Name: limit.NameRoute, Of: route.Key(), Rate: route.Rate})
	}
	return l
}

// ByAddress limits all requests of a client's address, before anything is spent on
// finding out who it is.
func (l *Limiter) ByAddress() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if !l.config.PerIP.Limits() {
			return next
		}
		return func(c echo.Context) error {
			address := limit.AddressOf(From(c).Client)
			bucket := limit.Bucket{Name: limit.NameIP, Of: address, Rate: l.config.PerIP}
			if err := l.take(c.Request().Context(), draw{"ip:" + address, []limit.Bucket{bucket}}); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// ByCaller limits the requests of a user, of an API key, and to the routes that have a
// limit of their own, which each user has for himself; strangers have it by address.
func (l *Limiter) ByCaller() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := l.take(c.Request().Context(), l.draws(From(c))...); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// draw is a take from the buckets of one group.
type draw struct {
	group   string
	buckets []limit.Bucket
}

// draws are what the caller draws from. A key has a group of its own: it may be used
// beside the tokens of many users.
func (l *Limiter) draws(x *Exchange) (all []draw) {
	if own := l.ownDraw(x); len(own.buckets) > 0 {
		all = append(all, own)
	}
	if x.Key != nil {
		if rate := x.Key.Rate.Or(l.config.PerAPIKey); rate.Limits() {
			all = append(all, draw{"key:" + x.Key.ID, []limit.Bucket{{Name: limit.NameAPIKey, Of: x.Key.ID, Rate: rate}}})
		}
	}
	return all
}

// ownDraw is that of the user, or of the stranger's address.
func (l *Limiter) ownDraw(x *Exchange) (own draw) {
	for i, route := range l.config.PerRoute {
		if route.Matches(x.Request.Method, x.Request.Path) {
			own.buckets = append(own.buckets, l.routes[i])
		}
	}
	if id := x.UserID(); id != 0 {
		who := strconv.FormatUint(id, 10)
		own.group = "user:" + who
		if l.config.PerUser.Limits() {
			own.buckets = append(own.buckets, limit.Bucket{Name: limit.NameUser, Of: who, Rate: l.config.PerUser})
		}
	} else if len(own.buckets) > 0 {
		own.group = "ip:" + limit.AddressOf(x.Client)
	}
	return own
}

// take draws from all groups or from none.
func (l *Limiter) take(ctx context.Context, draws ...draw) error {
	for i, d := range draws {
		verdict, err := l.source.Take(ctx, d.group, d.buckets...)
		if err == nil && verdict.Allowed {
			continue
		}
		for _, taken := range draws[:i] {
			// What cannot be given back comes back by itself.
			_ = l.source.Return(ctx, taken.group, taken.buckets...)
		}
		if err != nil {
			return err
		}
		return &RateLimited{By: verdict.By, RetryAfter: verdict.RetryAfter}
	}
	return nil
}
