package config_test

import (
	"errors"
	"maps"
	"testing"

	"faveo-gateway/gateway/config"
)

// TestTLSFaults are settings of TLS that would not do what somebody meant.
func TestTLSFaults(t *testing.T) {
	acme := func(over map[string]string) map[string]string {
		all := map[string]string{"server.tls.acme.domains": "a.test", "server.tls.acme.agree_tos": "true", "server.tls.acme.storage": "/s"}
		maps.Copy(all, over)
		return all
	}
	for _, test := range []struct {
		name string
		over map[string]string
		want string
	}{
		{"a certificate without key", map[string]string{"server.tls.cert_file": "/c"}, "server.tls.key_file"},
		{"a key without certificate", map[string]string{"admin.tls.key_file": "/k"}, "admin.tls.cert_file"},
		{"a relative path", map[string]string{"server.tls.cert_file": "c.pem", "server.tls.key_file": "/k"}, "server.tls.cert_file"},
		{"certificates of clients without TLS", map[string]string{"admin.tls.client_ca_file": "/c"}, "admin.tls.client_ca_file"},
		{"two sources of certificates", acme(map[string]string{"server.tls.cert_file": "/c", "server.tls.key_file": "/k"}), "server.tls.cert_file"},
		{"terms that nobody accepted", acme(map[string]string{"server.tls.acme.agree_tos": "false"}), "server.tls.acme.agree_tos"},
		{"no storage", acme(map[string]string{"server.tls.acme.storage": ""}), "server.tls.acme.storage"},
		{"a relative storage", acme(map[string]string{"server.tls.acme.storage": "acme"}), "server.tls.acme.storage"},
		{"an authority by http", acme(map[string]string{"server.tls.acme.ca_url": "http://ca.test/dir"}), "server.tls.acme.ca_url"},
		{"a wildcard", acme(map[string]string{"server.tls.acme.domains": "*.a.test"}), "server.tls.acme.domains[0]"},
		{"an address", acme(map[string]string{"server.tls.acme.domains": "a.test,192.0.2.1"}), "server.tls.acme.domains[1]"},
		{"a name with a port", acme(map[string]string{"server.tls.acme.domains": "a.test:443"}), "server.tls.acme.domains[0]"},
		{"a name in upper case", acme(map[string]string{"server.tls.acme.domains": "A.test"}), "server.tls.acme.domains[0]"},
		{"a name twice", acme(map[string]string{"server.tls.acme.domains": "a.test,a.test"}), "server.tls.acme.domains[1]"},
		{"terms without domains", map[string]string{"server.tls.acme.agree_tos": "true"}, "server.tls.acme.domains"},
		{"two mail addresses", acme(map[string]string{"server.tls.acme.email": "a@b.test,c@d.test"}), "server.tls.acme.email"},
		{"upstreams without TLS", map[string]string{"proxy.tls.ca_file": "/c", "faveo.urls": "http://a"}, "proxy.tls.ca_file"},
		{"half a certificate for upstreams", map[string]string{"proxy.tls.cert_file": "/c", "faveo.urls": "https://a"}, "proxy.tls.key_file"},
		{"a name with a port for upstreams", map[string]string{"proxy.tls.server_name": "a:1", "faveo.urls": "https://a"}, "proxy.tls.server_name"},
	} {
		_, err := config.Load(config.Sources{Environ: required(), Overrides: test.over})
		faults, ok := errors.AsType[config.Faults](err)
		if !ok || len(faults) != 1 || faults[0].Path != test.want {
			t.Errorf("%s: %v, want one fault at %s", test.name, err, test.want)
		}
	}
}

// TestVariablesOfCommands may stand beside those of the gateway, and their misspellings
// may not.
func TestVariablesOfCommands(t *testing.T) {
	load(t, config.Sources{Environ: append(required(),
		config.AdminCAVariable+"=/c", config.AdminCertVariable+"=/c", config.AdminKeyVariable+"=/k")})
	if _, err := config.Load(config.Sources{Environ: append(required(), config.AdminCAVariable+"S=/c")}); err == nil {
		t.Error("an unknown variable passes")
	}
}
