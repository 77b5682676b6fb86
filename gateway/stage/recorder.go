package stage

import "net/http"

// recorder remembers what was answered. Echo's own Response takes an
// informational answer (1xx) for the final one, so the proxy writes to the
// recorder, not to Echo.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) {
	// 101 is final, every other 1xx precedes the answer (RFC 9110 15.2).
	if r.status == 0 && (code >= http.StatusOK || code == http.StatusSwitchingProtocols) {
		r.status = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach flushing and hijacking.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// begun says whether a final answer was begun.
func (r *recorder) begun() bool { return r.status != 0 }
