package config

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every printed form of a Secret says.
const redacted = "<secret>"

// Secret is a text that no log, error, dump or encoder shows: each of them
// prints `<secret>`, set or not. Reveal is the only way to the text, so that a
// search for it finds every place where one leaves.
//
// The zero Secret is absent. A Secret that was given is never empty: Load
// refuses an empty one. Copies share the text, which never changes; a Secret is
// safe for concurrent use. Two Secrets are compared by what they Reveal.
type Secret struct {
	// text is a pointer because fmt reads unexported fields of an enclosing
	// struct without asking any method; of a pointer in there it prints the
	// address.
	text *string
}

// NewSecret returns a Secret of text; the empty text gives the absent Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// Reveal returns the text, "" when the Secret is absent.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether the Secret is absent.
func (s Secret) IsZero() bool { return s.text == nil }

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// Format implements fmt.Formatter for every verb and flag.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON implements json.Marshaler.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML implements yaml.Marshaler.
func (Secret) MarshalYAML() (any, error) { return redacted, nil }
