package limit

// mirror notes what another Source has said to a take, so that this Local would say
// much the same. An allowed take is drawn even from a bucket that is empty here, as
// it may be while the other was cleared. A refused one empties the bucket that
// refused for as long: others may have emptied it through other replicas.
func (l *Local) mirror(group string, buckets []Bucket, v Verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().UnixMicro()
	var room [4]draw
	drawn := l.draws(room[:0], group, buckets, now)
	for i := range drawn {
		d := &drawn[i]
		switch {
		case v.Allowed:
			d.level = min(d.take(d.level), d.bound(now))
		case d.Name == v.By && isOnly(v.By, buckets):
			d.level = min(max(d.level, d.emptyFor(v.RetryAfter.Microseconds(), now)), d.bound(now))
		default:
			continue
		}
		d.put(now)
	}
}

// isOnly says whether one bucket has the name. Of several it is not known which one
// has refused.
func isOnly(name Name, buckets []Bucket) bool {
	n := 0
	for i := range buckets {
		if buckets[i].Name == name {
			n++
		}
	}
	return n == 1
}
