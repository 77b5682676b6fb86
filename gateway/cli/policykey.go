package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"faveo-gateway/policy"
)

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

// key is the API key, nil without one.
func (s *keySettings) key() (*policy.Key, error) {
	if len(s.scopes) == 0 {
		if s.id != "" || s.name != "" {
			return nil, errors.New("--key-id and --key-name without --scope: a key says what it is good for")
		}
		return nil, nil //nolint:nilnil // A request without a key is nothing wrong.
	}
	k := &policy.Key{ID: s.id, Name: s.name}
	for _, list := range s.scopes {
		scopes, err := policy.ParseScopes(list)
		if err != nil {
			return nil, fmt.Errorf("--scope: %w", err)
		}
		k.Scopes = append(k.Scopes, scopes...)
	}
	return k, nil
}

// String names the key among the callers.
func (s *keySettings) String() string {
	switch {
	case s.name != "":
		return fmt.Sprintf("API key %q", s.name)
	case s.id != "":
		return "API key " + s.id
	default:
		return "an API key"
	}
}
