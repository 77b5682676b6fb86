package cli

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway/admin"
)

// limitFlag is how many rows a list may have.
type limitFlag int

// Set implements pflag.Value.
func (l *limitFlag) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > admin.MaxLimit || strconv.Itoa(n) != text {
		return fmt.Errorf("must be a number from 1 to %d", admin.MaxLimit)
	}
	*l = limitFlag(n)
	return nil
}

// String implements pflag.Value.
func (l *limitFlag) String() string {
	if *l == 0 {
		return ""
	}
	return strconv.Itoa(int(*l))
}

// Type implements pflag.Value.
func (l *limitFlag) Type() string { return "number" }

// addTo names the limit in a query, when there is one.
func (l *limitFlag) addTo(query url.Values) {
	if *l != 0 {
		query.Set("limit", l.String())
	}
}

// userFlag is the number of a user, in the one spelling that it has: flags of
// numbers would read 010 as 8, which is somebody else.
type userFlag uint64

// Set implements pflag.Value.
func (u *userFlag) Set(text string) error {
	id, ok := admin.ParseNumber(text)
	if !ok {
		return errors.New("must be the number of a user, at least 1")
	}
	*u = userFlag(id)
	return nil
}

// String implements pflag.Value.
func (u *userFlag) String() string {
	if *u == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(*u), 10)
}

// Type implements pflag.Value.
func (u *userFlag) Type() string { return "id" }

// addTo names the user in a query, when there is one.
func (u *userFlag) addTo(query url.Values) {
	if *u != 0 {
		query.Set("user", u.String())
	}
}

// addressFlag is the address of lockouts.
type addressFlag string

// Set implements pflag.Value.
func (a *addressFlag) Set(text string) error {
	if !admin.IsAddress(text) {
		return errors.New("must be an IP address, or a network as 'lockouts list' shows it")
	}
	*a = addressFlag(text)
	return nil
}

// String implements pflag.Value.
func (a *addressFlag) String() string { return string(*a) }

// Type implements pflag.Value.
func (a *addressFlag) Type() string { return "address" }

// listFlag is a flag that may be repeated. It takes no empty text: a variable of a
// script that is not set must not widen what was meant.
type listFlag struct {
	texts []string
	// check judges one text; nil takes all.
	check func(string) error
}

// Set implements pflag.Value.
func (l *listFlag) Set(text string) error {
	if text == "" {
		return errors.New("must not be empty")
	}
	if l.check != nil {
		if err := l.check(text); err != nil {
			return err
		}
	}
	l.texts = append(l.texts, text)
	return nil
}

// String implements pflag.Value.
func (l *listFlag) String() string { return strings.Join(l.texts, ",") }

// Type implements pflag.Value.
func (l *listFlag) Type() string { return "list" }

// given are the values of the flags that were given, by their names.
func given(command *cobra.Command, names ...string) map[string]string {
	values := map[string]string{}
	for _, name := range names {
		if flag := command.Flags().Lookup(name); flag.Changed {
			values[name] = flag.Value.String()
		}
	}
	return values
}

// require makes a command ask for flags.
func require(command *cobra.Command, names ...string) {
	for _, name := range names {
		if err := command.MarkFlagRequired(name); err != nil {
			panic("the command has no such flag: " + name) // A programmer's mistake.
		}
	}
}
