package limit_test

import (
	"testing"

	"faveo-gateway/gateway/limit"
)

func TestAddressOf(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "0.0.0.0": "0.0.0.0",
		"::ffff:192.0.2.1": "192.0.2.1", "::ffff:c000:201": "192.0.2.1", "::FFFF:192.0.2.1%eth0": "192.0.2.1",
		"64:ff9b::192.0.2.1": "192.0.2.1", "64:ff9b::c000:201": "192.0.2.1", "64:ff9b:1::1": "64:ff9b:1::/64",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:DB8:1:2::": "2001:db8:1:2::/64", "2001:db8:1:3::": "2001:db8:1:3::/64",
		"::1": "::/64", "::": "::/64", "fe80::1%eth0": "fe80::/64", "fe80::2%eth1": "fe80::/64",
		// One bucket for all that have none.
		"": "unknown", "unknown": "unknown", "@": "unknown", "192.0.2.1:80": "unknown", "[::1]": "unknown", "[::1]:80": "unknown",
		"192.0.2.01": "unknown", "192.0.2": "unknown", "3221225985": "unknown", " 192.0.2.1": "unknown", "192.0.2.1\n": "unknown", "192.0.2.0/24": "unknown",
		"}{": "unknown", "é": "unknown",
	} {
		if got := limit.AddressOf(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// FuzzAddressOf: whatever a client sends can be a bucket, and is one of its own again.
func FuzzAddressOf(f *testing.F) {
	f.Add("192.0.2.1")
	f.Add("2001:db8::1%eth0")
	f.Fuzz(func(t *testing.T, text string) {
		of := limit.AddressOf(text)
		if err := limit.CheckBuckets("login", []limit.Bucket{account(of, tenAQuarter)}); err != nil {
			t.Errorf("%q is %q: %v", text, of, err)
		}
	})
}
