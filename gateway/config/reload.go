package config

import (
	"reflect"
	"slices"
	"strings"
)

// reloadable returns the keys, and the sections with all of their keys, that take effect
// without a restart. Everything else hangs on a connection, a table or a key that was
// opened with it.
//
// No rule of a Validate compares one of them with a key that is not: a configuration
// in which some are new and the others old is as valid as the two that it comes from.
func reloadable() []string {
	return []string{
		"admin.tls",
		"faveo.urls",
		"limits",
		"login.legacy_clients",
		"login.lockout",
		"login.min_failure_time",
		"login.strict_status",
		"observability.log.level",
		"policy",
		"proxy",
		"server.max_body_bytes",
		"server.max_header_bytes",
		"server.max_parameter_bytes",
		"server.shutdown_grace",
		"server.timeouts",
		"server.tls.cert_file",
		"server.tls.key_file",
		"server.trusted_proxies",
		"tokens.sources",
	}
}

// Change is what tells one configuration from another, by the paths of its keys and in
// their order.
type Change struct {
	// Taken are the keys that took effect.
	Taken []string
	// Restart are the keys that take effect when the gateway starts again.
	Restart []string
}

// Adopt returns c with what next changes and a running gateway can take over, and what
// that is. Neither is changed.
//
// A listener keeps all of its TLS where it would change between TLS and HTTP: what a
// section says as a whole must not be taken over by halves, as without client_ca_file
// and with the certificate of before.
func (c *Config) Adopt(next *Config) (*Config, Change) {
	var (
		adopted = *c
		change  Change
		into    = reflect.ValueOf(&adopted).Elem()
		from    = reflect.ValueOf(next).Elem()
		keys    = newSchema(into.Type()).keys
		kept    = make(map[string]bool) // sections
	)
	for _, k := range keys {
		if k.isSwitch() && into.FieldByIndex(k.index).IsZero() != from.FieldByIndex(k.index).IsZero() {
			kept[k.section()] = true
		}
	}
	for _, k := range keys {
		old, value := into.FieldByIndex(k.index), from.FieldByIndex(k.index)
		switch {
		case reflect.DeepEqual(old.Interface(), value.Interface()):
		case k.isReloadable() && !kept[k.section()]:
			old.Set(value)
			change.Taken = append(change.Taken, k.path)
		default:
			change.Restart = append(change.Restart, k.path)
		}
	}
	return &adopted, change
}

// section is the path of the section that has the key.
func (k *key) section() string {
	section, _ := split(k.path)
	return section
}

// isSwitch reports whether a listener speaks TLS where the key is set, and HTTP where it
// is not. One that listens does not change from one to the other.
func (k *key) isSwitch() bool {
	section, name := split(k.path)
	return (section == "server.tls" || section == "admin.tls") && (name == "cert_file" || name == "key_file")
}

func (k *key) isReloadable() bool {
	return slices.ContainsFunc(reloadable(), func(at string) bool {
		return k.path == at || strings.HasPrefix(k.path, at+".")
	})
}
