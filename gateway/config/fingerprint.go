package config

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
)

// Fingerprint returns 48 bits of a hash of what replicas of one site should have in
// common: two Configs that differ in such a key have, but for a chance of 1 in 2^48,
// different ones. The addresses of the listeners, the names and the CPUs of this machine,
// and where its policy files are do not count. Of a Secret counts only that it is given:
// the fingerprint goes into what is shown to who reads the metrics, and could be tried out.
func (c *Config) Fingerprint() uint64 {
	own := []string{"server.listen", "admin.listen", "admin.hosts", "login.max_concurrent_hashes", "policy.files"}
	hash, value := sha256.New(), reflect.ValueOf(c).Elem()
	for _, k := range newSchema(value.Type()).keys {
		field := value.FieldByIndex(k.index)
		switch {
		case slices.Contains(own, k.path):
		case k.kind == kindSecret:
			fmt.Fprintf(hash, "%s given %t\n", k.path, !field.IsZero())
		case k.list:
			for i := range field.Len() {
				fmt.Fprintf(hash, "%s[%d] %q\n", k.path, i, fmt.Sprint(field.Index(i).Interface()))
			}
		default:
			fmt.Fprintf(hash, "%s %q\n", k.path, fmt.Sprint(field.Interface()))
		}
	}
	return binary.BigEndian.Uint64(hash.Sum(nil)) >> 16
}
