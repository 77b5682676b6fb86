package limit

// Known is how many buckets of a name are remembered.
func (l *Local) Known(name Name) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tables[name].known)
}
