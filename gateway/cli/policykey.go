package cli

import "github.com/spf13/pflag"

// keySettings are the flags of explain that describe the caller's API key.
type keySettings struct {
	scopes []string
	id     string
	name   string
}

func (s *keySettings) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&s.scopes, "scope", nil, "what the caller's API key is good for, a `scope` or several with commas; may be repeated (default: no key)")
	flags.StringVar(&s.id, "key-id", "", "the API key's `id`, for conditions")
	flags.StringVar(&s.name, "key-name", "", "the API key's `name`, for conditions")
}
