package laravel

import (
	"errors"
	"slices"
)

// Reason says why a request has more than one reading. The set is closed: log,
// metric label and test use the same values, and [Reasons] lists them.
type Reason string

// The reasons that concern the target and the method.
const (
	// ReasonTargetForm is an absolute, authority or asterisk target
	// (RFC 9112 section 3.2), or one with a fragment or with a blank in its query.
	ReasonTargetForm Reason = "target_form"
	// ReasonPathControl is a control byte or NUL in the path, plain or encoded.
	ReasonPathControl Reason = "path_control"
	// ReasonPathEncoding is a malformed percent escape, any escape in an API
	// path, or a path that is escaped again and again.
	ReasonPathEncoding Reason = "path_encoding"
	// ReasonPathDots is a "." or ".." segment, plain or encoded.
	ReasonPathDots Reason = "path_dots"
	// ReasonPathSlashes is an empty segment in an API path: a doubled or a
	// trailing slash.
	ReasonPathSlashes Reason = "path_slashes"
	// ReasonPathByte is a byte outside [A-Za-z0-9_.-] in an API path: a
	// backslash, a path parameter, non-ASCII text.
	ReasonPathByte Reason = "path_byte"
	// ReasonPathScript is index.php in an API path: web servers and Symfony may
	// drop what is in front of it.
	ReasonPathScript Reason = "path_script"
	// ReasonPathAlias is a web path that becomes an API path once something in
	// front of Laravel decodes, folds or resolves it.
	ReasonPathAlias Reason = "path_alias"
	// ReasonMethod is a method that is unknown or not spelled in upper case.
	ReasonMethod Reason = "method"
	// ReasonMethodOverride is a parameter _method or a method override header.
	ReasonMethodOverride Reason = "method_override"
)

// The reasons that concern parameters wherever they are.
const (
	// ReasonSeparator is a raw ";" in the query, which arg_separator.input may
	// make a separator, or a second "?" at its beginning, which some of PHP's
	// server interfaces skip.
	ReasonSeparator Reason = "separator"
	// ReasonParameterEncoding is a malformed percent escape or a raw NUL byte in
	// a query or a urlencoded body.
	ReasonParameterEncoding Reason = "parameter_encoding"
	// ReasonParameterName is a name that PHP would drop, cut or rewrite.
	ReasonParameterName Reason = "parameter_name"
	// ReasonParameterConflict is one name with different values or different
	// shapes, in one place or in two.
	ReasonParameterConflict Reason = "parameter_conflict"
	// ReasonParameterCount is more parameters or files than PHP takes.
	ReasonParameterCount Reason = "parameter_count"
	// ReasonParameterDepth is more brackets in one name than PHP takes.
	ReasonParameterDepth Reason = "parameter_depth"
)

// The reasons that concern the body and the headers that describe it.
const (
	// ReasonHeaderSpelling is a header that PHP folds into Content-Type,
	// Content-Length or Transfer-Encoding but that HTTP does not.
	ReasonHeaderSpelling Reason = "header_spelling"
	// ReasonContentLength is a length that is no number, or a second one.
	ReasonContentLength Reason = "content_length"
	// ReasonContentType is a content type that two readers read differently.
	ReasonContentType Reason = "content_type"
	// ReasonContentEncoding is a compressed body with parameters: PHP does not
	// inflate it, a web server in front may.
	ReasonContentEncoding Reason = "content_encoding"
	// ReasonJSONName is a JSON object with a name twice or with NUL in a name.
	ReasonJSONName Reason = "json_name"
	// ReasonMultipartFraming is a multipart body whose parts are not separated
	// as RFC 2046 section 5.1.1 says, to the byte.
	ReasonMultipartFraming Reason = "multipart_framing"
	// ReasonMultipartHeader is a part header that is unknown, repeated, folded
	// or not of the plain form.
	ReasonMultipartHeader Reason = "multipart_header"
	// ReasonMultipartField is a field or file that PHP treats specially.
	ReasonMultipartField Reason = "multipart_field"
)

// Reasons returns every Reason, for a metric that wants its labels beforehand.
func Reasons() []Reason {
	return slices.Clone(allReasons[:])
}

// allReasons is read only.
var allReasons = [...]Reason{
	ReasonTargetForm, ReasonPathControl, ReasonPathEncoding, ReasonPathDots,
	ReasonPathSlashes, ReasonPathByte, ReasonPathScript, ReasonPathAlias,
	ReasonMethod, ReasonMethodOverride, ReasonSeparator,
	ReasonParameterEncoding, ReasonParameterName, ReasonParameterConflict,
	ReasonParameterCount, ReasonParameterDepth, ReasonHeaderSpelling,
	ReasonContentLength, ReasonContentType, ReasonContentEncoding, ReasonJSONName,
	ReasonMultipartFraming, ReasonMultipartHeader, ReasonMultipartField,
}

// Ambiguous is the refusal of a request that can be read in two ways. Test for
// it with errors.As.
type Ambiguous struct {
	// Reason is never empty.
	Reason Reason
}

// Error names the reason.
func (a *Ambiguous) Error() string { return "ambiguous request: " + string(a.Reason) }

// ambiguous is the error for reason, and nil for none.
func ambiguous(reason Reason) error {
	if reason == "" {
		return nil
	}
	return &Ambiguous{Reason: reason}
}

// Errors that are not about meaning. Test for them with errors.Is.
var (
	// ErrOutsideBase is a path that is not below the configured base path.
	ErrOutsideBase = errors.New("path is outside the base path")
	// ErrTooLarge is a body over its limit.
	ErrTooLarge = errors.New("request body is too large")
	// ErrClient is a body that could not be read to its end: the client went
	// away or broke the framing. It wraps the cause.
	ErrClient = errors.New("request body could not be read")
	// ErrSpool is a temporary file that could not be made or written: a fault of
	// this machine, not of the client. It wraps the cause.
	ErrSpool = errors.New("upload could not be spooled")
)
