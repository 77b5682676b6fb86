package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"faveo-gateway/gateway/limit"
)

// lockedPage is about how many lockouts one call looks at or clears.
const lockedPage = 500

// limits is a limit.Store.
type limits struct{ *Store }

var _ limit.Store = limits{}

// Limits returns the buckets from which all replicas that share this Redis draw. Its
// clock counts, and nobody else's. A take that must be stored needs a Redis that is not
// full; giving back and clearing do not.
func (s *Store) Limits() limit.Store { return limits{s} }

// Take implements limit.Source.
func (l limits) Take(ctx context.Context, group string, buckets ...limit.Bucket) (v limit.Verdict, err error) {
	if err := limit.CheckBuckets(group, buckets); err != nil {
		return limit.Verdict{}, err
	}
	buckets = limiting(buckets)
	if len(buckets) == 0 {
		return limit.Verdict{Allowed: true}, nil
	}
	keys, arguments := l.drawn(group, buckets)
	err = l.call(ctx, opTake, func(ctx context.Context) error {
		answer, err := l.run(ctx, l.scripts.take, keys, arguments...).Int64Slice()
		if err == nil {
			v, err = readVerdict(answer, buckets)
		}
		return err
	})
	return v, err
}

// Return implements limit.Source.
func (l limits) Return(ctx context.Context, group string, buckets ...limit.Bucket) error {
	if err := limit.CheckBuckets(group, buckets); err != nil {
		return err
	}
	buckets = limiting(buckets)
	if len(buckets) == 0 {
		return nil
	}
	keys, arguments := l.drawn(group, buckets)
	return l.call(ctx, opReturn, func(ctx context.Context) error {
		return l.run(ctx, l.scripts.giveBack, keys, arguments...).Err()
	})
}

// Remember implements limit.Source.
func (l limits) Remember(ctx context.Context, group string, m limit.Member, life time.Duration) error {
	if err := limit.CheckMember(group, m, life); err != nil {
		return err
	}
	return l.call(ctx, opRemember, func(ctx context.Context) error {
		return l.run(ctx, l.scripts.remember, []string{l.keys.members(group, m.Set)},
			m.Of, life.Microseconds(), limit.MaxMembers,
		).Err()
	})
}

// limiting returns the buckets that limit anything.
func limiting(buckets []limit.Bucket) []limit.Bucket {
	isFull := func(b limit.Bucket) bool { return !b.Rate.Limits() }
	if !slices.ContainsFunc(buckets, isFull) {
		return buckets
	}
	return slices.DeleteFunc(slices.Clone(buckets), isFull)
}

// drawn returns the keys and the arguments of bucketFunctions.
func (l limits) drawn(group string, buckets []limit.Bucket) (keys []string, arguments []any) {
	keys = append(make([]string, 0, 1+2*len(buckets)), l.keys.locked(group))
	arguments = make([]any, 0, 5*len(buckets))
	for _, b := range buckets {
		entry, every, listed := entryOf(b.Name, b.Of), b.Rate.Every().Microseconds(), 0
		if b.Listed {
			listed = 1
		}
		keys = append(keys, l.keys.buckets(group)+entry, l.keys.members(group, b.Unless.Set))
		arguments = append(arguments, entry, every, every*int64(b.Rate.Count), listed, b.Unless.Of)
	}
	return keys, arguments
}

// readVerdict reads the answer of takeScript.
func readVerdict(answer []int64, buckets []limit.Bucket) (limit.Verdict, error) {
	bad := errors.New("the answer cannot be read")
	if len(answer) == 0 {
		return limit.Verdict{}, bad
	}
	isNumber := func(n int64) bool { return n >= 1 && n <= int64(len(buckets)) }
	if by := answer[0]; by != 0 {
		if len(answer) != 2 || !isNumber(by) || answer[1] < 1 {
			return limit.Verdict{}, bad
		}
		return limit.Verdict{By: buckets[by-1].Name, RetryAfter: time.Duration(answer[1]) * time.Microsecond}, nil
	}
	v := limit.Verdict{Allowed: true}
	for _, n := range answer[1:] {
		if !isNumber(n) {
			return limit.Verdict{}, bad
		}
		v.Emptied = append(v.Emptied, buckets[n-1])
	}
	return v, nil
}

// Locked implements limit.Lockouts.
func (l limits) Locked(ctx context.Context, group string, most int) (locked []limit.Lockout, more bool, err error) {
	if err := limit.CheckList(group, most); err != nil {
		return nil, false, err
	}
	err = l.call(ctx, opLocked, func(ctx context.Context) error {
		answer, err := l.run(ctx, l.scripts.locked, []string{l.keys.locked(group)}, l.keys.buckets(group), most).StringSlice()
		if err != nil {
			return err
		}
		total := 0
		if total, locked, err = readLocked(answer); err == nil {
			more = total > most
		}
		return err
	})
	return locked, more, err
}

// Clear implements limit.Lockouts. All lockouts are looked at before any is cleared:
// not every Redis finds the rest of a set from which something is taken out meanwhile.
func (l limits) Clear(ctx context.Context, group string, match func(limit.Lockout) bool) (cleared int, err error) {
	if err := limit.CheckGroup(group); err != nil {
		return 0, err
	}
	var over []limit.Lockout
	for cursor, first := 0, true; first || cursor != 0; first = false {
		var page []limit.Lockout
		if cursor, page, err = l.page(ctx, group, cursor); err != nil {
			return 0, err
		}
		over = append(over, slices.DeleteFunc(page, func(o limit.Lockout) bool { return !match(o) })...)
	}
	for some := range slices.Chunk(over, lockedPage) {
		n, err := l.clear(ctx, group, some)
		if err != nil {
			return cleared, err
		}
		cleared += n
	}
	return cleared, nil
}

// page returns some lockouts, and where the next ones begin, 0 after the last.
func (l limits) page(ctx context.Context, group string, cursor int) (next int, page []limit.Lockout, err error) {
	err = l.call(ctx, opClear, func(ctx context.Context) error {
		answer, err := l.run(ctx, l.scripts.lockedPage, []string{l.keys.locked(group)}, cursor, lockedPage).StringSlice()
		if err == nil {
			next, page, err = readLocked(answer)
		}
		return err
	})
	return next, page, err
}

// clear fills the buckets of lockouts.
func (l limits) clear(ctx context.Context, group string, over []limit.Lockout) (cleared int, err error) {
	arguments := []any{l.keys.buckets(group)}
	for _, o := range over {
		arguments = append(arguments, entryOf(o.Name, o.Of))
	}
	err = l.call(ctx, opClear, func(ctx context.Context) error {
		cleared, err = l.run(ctx, l.scripts.clear, []string{l.keys.locked(group)}, arguments...).Int()
		return err
	})
	return cleared, err
}

// entryOf is how a bucket is called in the lockouts.
func entryOf(name limit.Name, of string) string { return string(name) + ":" + of }

// readLocked reads the answers of lockedScript and lockedPageScript: a number, and
// lockouts.
func readLocked(answer []string) (number int, locked []limit.Lockout, err error) {
	if len(answer)%2 != 1 {
		return 0, nil, errors.New("the answer is cut")
	}
	if number, err = strconv.Atoi(answer[0]); err != nil {
		return 0, nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	for one := range slices.Chunk(answer[1:], 2) {
		name, of, found := strings.Cut(one[0], ":")
		until, err := readMillis(one[1])
		if !found || err != nil {
			return 0, nil, fmt.Errorf("the lockout %q cannot be read", one[0])
		}
		locked = append(locked, limit.Lockout{Name: limit.Name(name), Of: of, Until: until})
	}
	return number, locked, nil
}
