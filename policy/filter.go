package policy

// Filter is something that is removed from an answer before a customer gets
// it. The set is closed.
type Filter string

const (
	// FilterInternalThreads removes the notes that the staff wrote to each other
	// from a conversation (ticket_thread.is_internal).
	FilterInternalThreads Filter = "internal_threads"
	// FilterInternalNote removes what the staff noted for itself about a user, a
	// help topic, an SLA plan or an organisation (internal_note, internal_notes).
	FilterInternalNote Filter = "internal_note"
	// FilterResult removes the member result: Faveo answers a reply with the
	// newest thread of the whole installation, whosever that is.
	FilterResult Filter = "result"
)

// Filters lists every Filter.
func Filters() []Filter {
	return []Filter{FilterInternalThreads, FilterInternalNote, FilterResult}
}

// filters are the rule's filters for a caller. Whoever is not of the staff is
// a customer here, a caller of an unknown role too.
func (r *rule) filtersFor(s Subject) []Filter {
	if s.isStaff() && s.Authenticated {
		return nil
	}
	return r.filters
}
