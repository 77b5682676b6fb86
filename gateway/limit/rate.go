package limit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may happen: Count times at once, and then one more
// every Per/Count. The zero Rate is not set; what that means, whoever has it says.
type Rate struct {
	Count int
	Per   time.Duration
	// Off says outright that there is no limit.
	Off bool
}

// The bounds of a Rate. The refill of one is at least a microsecond, in which the
// algorithm counts.
const (
	maxCount = 1_000_000
	minPer   = time.Millisecond
	maxPer   = 30 * 24 * time.Hour
)

// errRate says how a rate is written.
var errRate = errors.New(`must be a number up to 1000000 and a time from 1ms to 720h, such as 60/1m for 60 at once and one more each second, or "off"`)

// IsZero says that the rate is not set.
func (r Rate) IsZero() bool { return r == Rate{} }

// Limits says whether the rate limits anything.
func (r Rate) Limits() bool { return r.Count > 0 && !r.Off }

// Every is how long one takes to come back, rounded up to a microsecond, so that
// rounding never makes a rate faster. It is for a rate that limits.
func (r Rate) Every() time.Duration {
	every := (r.Per + time.Duration(r.Count) - 1) / time.Duration(r.Count)
	return (every + time.Microsecond - 1).Truncate(time.Microsecond)
}

// valid says whether ParseRate can return r, or r is not set.
func (r Rate) valid() bool {
	if r.IsZero() || r.Off {
		return true
	}
	return r.Count >= 1 && r.Count <= maxCount && r.Per >= minPer && r.Per <= maxPer &&
		r.Per/time.Duration(r.Count) >= time.Microsecond
}

// Or returns r, or other when r is not set.
func (r Rate) Or(other Rate) Rate {
	if r.IsZero() {
		return other
	}
	return r
}

// String is the rate as ParseRate reads it, "" when it is not set.
func (r Rate) String() string {
	switch {
	case r.Off:
		return "off"
	case r.IsZero():
		return ""
	default:
		return fmt.Sprintf("%d/%s", r.Count, shorten(r.Per))
	}
}

// shorten leaves the zero parts of a duration out: 1m0s is 1m.
func shorten(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// ParseRate reads a rate: COUNT/PER, or off. Its error names no value.
func ParseRate(text string) (Rate, error) {
	if text == "off" {
		return Rate{Off: true}, nil
	}
	count, per, found := strings.Cut(text, "/")
	n, err := strconv.Atoi(count)
	if !found || err != nil || n < 1 || strconv.Itoa(n) != count {
		return Rate{}, errRate
	}
	d, err := time.ParseDuration(per)
	if r := (Rate{Count: n, Per: d}); err == nil && r.valid() {
		return r, nil
	}
	return Rate{}, errRate
}
