package limit

// cell is the arithmetic of a bucket of one Rate, in microseconds. The state of the
// bucket is fullAt, the time at which it will be full (in the papers: the theoretical
// arrival time); before that, one is missing for each every that is still to go.
// The scripts of package redisstore count in the same way.
type cell struct {
	every int64 // how long one takes to come back
	whole int64 // how long all of them take
}

// cell is for a rate that limits.
func (r Rate) cell() cell {
	every := r.Every().Microseconds()
	return cell{every: every, whole: every * int64(r.Count)}
}

// bound returns what fullAt can be at most: that of an empty bucket. More is left by
// a clock that was turned back, or by a slower Rate.
func (c cell) bound(now int64) int64 { return now + c.whole }

// level returns fullAt as it counts now.
func (c cell) level(fullAt, now int64) int64 { return min(max(fullAt, now), c.bound(now)) }

// freeAt returns when one can be taken: by then one is there.
func (c cell) freeAt(level int64) int64 { return level - (c.whole - c.every) }

// emptyFor returns the level at which one can be taken only after wait.
func (c cell) emptyFor(wait, now int64) int64 { return now + wait + c.whole - c.every }

// take returns the level with one less.
func (c cell) take(level int64) int64 { return level + c.every }

// give returns the level with one more.
func (c cell) give(level int64) int64 { return level - c.every }
