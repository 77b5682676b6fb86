package limit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrMalformed is a group, a bucket, a member or a life that cannot be. It is the
// caller's mistake, to be tested with errors.Is, and shows no value.
var ErrMalformed = errors.New("malformed limit")

// The bounds of texts and lives.
const (
	maxText = 128
	maxLife = 10 * 365 * 24 * time.Hour
)

// CheckBuckets returns ErrMalformed for what no Source takes from. Whatever text a
// stranger may choose must pass it before it can name anything in a store.
func CheckBuckets(group string, buckets []Bucket) error {
	if err := CheckGroup(group); err != nil {
		return err
	}
	for i, b := range buckets {
		switch {
		case !slices.Contains(Names(), b.Name):
			return fmt.Errorf("%w: a bucket of an unknown name", ErrMalformed)
		case !isText(b.Of):
			return fmt.Errorf("%w: whose bucket %s is", ErrMalformed, b.Name)
		case !b.Rate.valid():
			return fmt.Errorf("%w: the rate of bucket %s", ErrMalformed, b.Name)
		case b.Unless != Member{} && !b.Unless.valid():
			return fmt.Errorf("%w: whom bucket %s leaves out", ErrMalformed, b.Name)
		}
		for _, other := range buckets[:i] {
			if other.Name == b.Name && other.Of == b.Of {
				return fmt.Errorf("%w: bucket %s twice", ErrMalformed, b.Name)
			}
		}
	}
	return nil
}

// CheckMember returns ErrMalformed for what no Source remembers.
func CheckMember(group string, m Member, life time.Duration) error {
	if err := CheckGroup(group); err != nil {
		return err
	}
	if !m.valid() {
		return fmt.Errorf("%w: a member", ErrMalformed)
	}
	if life < time.Millisecond || life > maxLife {
		return fmt.Errorf("%w: the life of a member", ErrMalformed)
	}
	return nil
}

// CheckGroup returns ErrMalformed for what cannot be a group.
func CheckGroup(group string) error {
	if !isText(group) {
		return fmt.Errorf("%w: a group", ErrMalformed)
	}
	return nil
}

// CheckList returns ErrMalformed for what no Lockouts list.
func CheckList(group string, most int) error {
	if most < 1 {
		return fmt.Errorf("%w: a list of %d", ErrMalformed, most)
	}
	return CheckGroup(group)
}

func (m Member) valid() bool { return isText(m.Set) && isText(m.Of) }

// isText says whether text is like Bucket.Of. It has no brace, which would move the
// hash tag of a cluster.
func isText(text string) bool {
	if text == "" || len(text) > maxText {
		return false
	}
	for i := range len(text) {
		if !inText(text[i]) {
			return false
		}
	}
	return true
}

func inText(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._:-%@/|", c) >= 0
}
