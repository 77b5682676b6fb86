package config

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"faveo-gateway/gateway/limit"
)

// origin is where a value was given.
type origin struct {
	source string
	line   int
}

// item is one text of a setting: the value, or one element of a list.
type item struct {
	text string
	line int // in the source, 0 when it has no lines
}

// setting is what one source gives for one key.
type setting struct {
	key    *key
	path   string // as given: that of the key, or with `_file` at the end
	file   bool   // items holds the name of a file to read the Secret from
	origin origin
	items  []item // exactly one unless key.list
	// problem says why a value that the source implies cannot be had. It is a
	// fault only if no stronger source gives the key (Faveo's .env has values
	// that the gateway cannot use and need not).
	problem string
}

// settings are what one source gives: for each key one setting, or two when
// both a Secret and its file are named, or that with an empty list of items.
type settings map[*key][]setting

// decode writes the texts of s into v, the field of its key. Its faults go to
// report with the index of the item, and leave v as it was.
func (s setting) decode(v reflect.Value, report func(i int, message string)) {
	if !s.key.list {
		if message := decodeText(s.key.kind, s.items[0].text, v); message != "" {
			report(0, message)
		}
		return
	}
	list := reflect.Zero(v.Type()) // an empty list is nil, as in the defaults
	good := true
	for i, it := range s.items {
		element := reflect.New(v.Type().Elem()).Elem()
		if message := decodeText(s.key.kind, it.text, element); message != "" {
			report(i, message)
			good = false
		}
		list = reflect.Append(list, element)
	}
	if good {
		v.Set(list)
	}
}

// decodeText sets v from text and returns "", or the fault. Only the kinds that
// are not secret may show the text.
func decodeText(k kind, text string, v reflect.Value) string {
	switch k {
	case kindSecret:
		if message := refuseSecret(text); message != "" {
			return message
		}
		v.Set(reflect.ValueOf(NewSecret(text)))
	case kindText:
		if strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
			return "must be one line of printable text"
		}
		v.SetString(text)
	case kindBool:
		if text != "true" && text != "false" {
			return "must be true or false"
		}
		v.SetBool(text == "true")
	case kindInteger:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if errors.Is(err, strconv.ErrRange) {
			return "is too large a number"
		} else if err != nil || text[0] == '+' {
			return "must be a whole number in decimal digits"
		}
		v.SetInt(n)
	case kindRatio:
		return decodeRatio(text, v)
	case kindDuration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return "must be a duration with a unit, such as 30s, 5m or 1h30m"
		}
		v.SetInt(int64(d))
	case kindTime:
		t, ok := ParseTime(text)
		if !ok {
			return "must be a time such as 2027-01-31T18:00:00Z, or a date, which begins at midnight in UTC"
		}
		v.Set(reflect.ValueOf(t))
	case kindPrefix:
		p, message := parsePrefix(text)
		if message != "" {
			return message
		}
		v.Set(reflect.ValueOf(p))
	case kindRate:
		r, err := limit.ParseRate(text)
		if err != nil {
			return err.Error()
		}
		v.Set(reflect.ValueOf(r))
	case kindRoute:
		r, err := limit.ParseRoute(text)
		if err != nil {
			return err.Error()
		}
		v.Set(reflect.ValueOf(r))
	}
	return ""
}

func decodeRatio(text string, v reflect.Value) (refusal string) {
	if !decimal.MatchString(text) {
		return "must be a decimal number such as 0.1"
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "is too large a number"
	}
	v.SetFloat(f)
	return ""
}

// decimal matches a number as people write it: neither 1e-3 nor 0x1p-2 nor NaN.
var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// refuseSecret refuses what is always an accident: nothing at all, and the line
// break that a block scalar or a copied line leaves at the end.
func refuseSecret(text string) string {
	switch {
	case text == "":
		return "is empty; a secret that is not wanted is left out"
	case strings.ContainsFunc(text, unicode.IsControl):
		return "contains a line break or another control character"
	case !utf8.ValidString(text):
		return "is not UTF-8"
	}
	return ""
}

// ParseTime reads a time by RFC 3339, and a date as the moment in which it begins
// in UTC. The time is returned in UTC.
func ParseTime(text string) (time.Time, bool) {
	if date, err := time.Parse(time.DateOnly, text); err == nil {
		return date, true
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err == nil
}

// parsePrefix reads a CIDR, and a bare address as the network of only itself.
// Bits behind the mask are refused: they tell of a misread mask.
func parsePrefix(text string) (netip.Prefix, string) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return netip.PrefixFrom(address, address.BitLen()), ""
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, "must be a network such as 10.0.0.0/8 or an address"
	case p != p.Masked():
		return p, fmt.Sprintf("has bits behind its mask, the network is %s", p.Masked())
	}
	return p, ""
}

// wants names the type of value that s must have.
func (s setting) wants() string {
	switch s.key.kind {
	case kindBool:
		return "true or false"
	case kindInteger:
		return "a whole number in decimal digits"
	case kindRatio:
		return "a decimal number such as 0.1"
	case kindDuration:
		return "a duration with a unit, such as 30s"
	case kindTime:
		return "a time such as 2027-01-31T18:00:00Z, or a date"
	case kindRate:
		return "a rate such as 60/1m, or off"
	case kindRoute:
		return "methods, a path and a rate, such as POST /api/v1/helpdesk/create 10/1m"
	default:
		return "a text"
	}
}
