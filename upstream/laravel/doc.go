// Package laravel reads a request as PHP 8 and Laravel 9 read it, and writes it
// anew so that they cannot read it otherwise: the canonical request.
//
// # Why
//
// A gateway that judges one spelling of a request and sends another protects
// nothing. PHP folds "t.k" and "t_k" into one name, cuts a name at its first
// NUL byte, lets the last of two equal names win, takes "_method" for the verb
// and reads JSON on GET; Laravel decodes the path once more, and Symfony takes
// away a leading index.php; nginx and Apache collapse slashes and dots. Each of
// these is a second reading, and each second reading is a way around a policy.
//
// # How
//
// [Reader.Read] parses the head of a request once: target, method, query,
// headers. [Request.LoadBody] parses the parameters of the body once: urlencoded
// forms, multipart forms, JSON by Laravel's content-type rule. What can be read in
// two ways is refused as [Ambiguous] with a [Reason] from a closed set. What is
// left has one meaning. Everything that decides (login, policy) sees the parsed
// form, [Request.Take] removes credentials from it, and [Request.Rebuild] writes
// a new request from the parsed form alone, never from the client's bytes.
// So even where this package and PHP should disagree about an input, PHP reads
// what was judged.
//
// Parameters of a PHP array are kept in order in [Params]; a name appears once.
//
// # What it refuses to do
//
// It cleans nothing into something else: a path that is not canonical is refused,
// not resolved; a name that PHP would rewrite is refused, not rewritten. The web
// UI's requests (everything outside /api/) are not parsed: their path is checked
// not to be an API path in disguise, and their bytes pass through. It does not
// judge headers that carry no meaning here; hop-by-hop and forwarding headers are
// the proxy's to remove.
//
// The package also has the PHP functions that Faveo's wire contract is made of:
// [AppendJSONString] (json_encode), [FilterEmail] (FILTER_VALIDATE_EMAIL) and
// [StripTags] (strip_tags).
//
// The limits of PHP that matter for one reading are those of its default
// configuration: max_input_vars 1000, max_input_nesting_level 64,
// max_file_uploads 20, JSON depth 512, arg_separator.input "&". A PHP with a
// post_max_size below [Limits] reads larger bodies as empty; keep Limits.Body at
// or below it.
package laravel
