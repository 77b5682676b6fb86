package config

import "regexp"

// plainName matches what a mistyped key or variable looks like. Anything else
// that stands in the place of a name may be a secret that slipped there by a
// wrong indentation, and is not shown.
var plainName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,39}$`)

// nearest returns the one of names that was probably meant by name: at most a
// third of its letters differ. It is "" when none is near.
func nearest(name string, names []string) string {
	best, least := "", len(name)/3+1
	for _, candidate := range names {
		if d := distance(name, candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// didYouMean returns a tail for a message, "" when there is nothing to suggest.
func didYouMean(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return ", did you mean " + suggestion + "?"
}

// distance is the number of bytes to insert, delete, replace or swap with their
// neighbour that make b of a (optimal string alignment).
func distance(a, b string) int {
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
