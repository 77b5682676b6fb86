package identity

// Source is a place of a request where a token is read.
type Source string

// The places, a closed set. Cookies are none of them: a browser sends those by
// itself.
const (
	SourceHeader Source = "header" // Authorization: Bearer (RFC 6750 2.1).
	SourceQuery  Source = "query"  // ?token=, what the mobile apps send.
	SourceBody   Source = "body"   // The parameter token of a form or of JSON.
)

// Sources returns all places.
func Sources() []Source { return []Source{SourceHeader, SourceQuery, SourceBody} }
