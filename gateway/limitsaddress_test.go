package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// addressHeaders are those by which something before a server may say who the client is,
// with this address in all of them but X-Forwarded-For.
func addressHeaders(address string) []string {
	return []string{
		"X-Real-IP: " + address, "Forwarded: for=" + address, "True-Client-IP: " + address, "CF-Connecting-IP: " + address,
		"X-Client-IP: " + address, "X-Cluster-Client-IP: " + address, "Fastly-Client-IP: " + address, "X-Originating-IP: " + address,
		"X-Remote-Addr: " + address, "Remote-Addr: " + address, "Client-IP: " + address, "Via: 1.1 " + address,
		"X_Forwarded_For: " + address, "X-Forwarded: for=" + address, "Forwarded-For: " + address, "X-Envoy-External-Address: " + address,
	}
}

// TestForgedAddress names another address in each request. When the peer is nobody's
// proxy none of that counts.
func TestForgedAddress(t *testing.T) {
	t.Parallel()
	stores, _ := onMariaDB(t)
	for name, trusted := range map[string]string{"no-proxies": "", "others": "10.0.0.0/8,2001:db8::/32,128.0.0.0/1"} {
		w := start(t, merge(stores, settings{
			"limits.per_ip": "3/1h", "server.trusted_proxies": trusted, "redis.key_prefix": stores["redis.key_prefix"] + name,
		}))
		n := 0
		w.wantCount(name, 3, 1200, func() answer {
			n++
			address := fmt.Sprintf("192.0.2.%d", n)
			return w.get(public, "", append(addressHeaders(address),
				"X-Forwarded-For: "+address, "X-Forwarded-For: 10.0.0.1", "X-Request-ID: mine")...)
		})
		for _, header := range append(addressHeaders("192.0.2.200"), "X-Forwarded-For: 192.0.2.200", "x-forwarded-for: 10.0.0.2", "X-Forwarded-For: ", "X-Forwarded-For: unknown") {
			w.wantLimited(name+", "+header, w.get(public, "", header), 1200)
		}
	}
}

// TestTrustedAddress is the first address from the right of X-Forwarded-For that is no
// proxy of the site's own, and nothing else.
func TestTrustedAddress(t *testing.T) {
	t.Parallel()
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"server.trusted_proxies": "127.0.0.0/8,10.0.0.0/8", "limits.per_ip": "1/1h"}))
	for _, client := range []struct {
		name string
		// same are X-Forwarded-For of one client, in the order of the requests.
		same []string
	}{
		{"no proxy has named anybody: the peer", []string{"", "127.0.0.1", "127.0.0.1, 10.0.0.1"}},
		{"who cannot be told", []string{"unknown", "x", "192.0.2.9, ", "192.0.2.9, unknown", "x, 127.0.0.1", "192.0.2.999", "_hidden"}},
		{"one address", []string{"192.0.2.1", " 192.0.2.1 ", "192.0.2.1:80", "192.0.2.1,10.0.0.1", "192.0.2.1, 10.0.0.1, 127.0.0.9"}},
		{"what the client wrote before it", []string{"192.0.2.2", "6.6.6.6, 192.0.2.2", "6.6.6.6,7.7.7.7,192.0.2.2,10.9.9.9", "x, 192.0.2.2", "10.0.0.1, 192.0.2.2"}},
		{"IPv4 in IPv6", []string{"::ffff:192.0.2.3", "192.0.2.3", "::FFFF:c000:203", "64:ff9b::192.0.2.3", "[::ffff:192.0.2.3]"}},
		{"a network of IPv6", []string{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:0DB8:0001:0002::abcd", "[2001:db8:1:2::7]", "[2001:db8:1:2::8]:443", "2001:db8:1:2::"}},
		{"its neighbour", []string{"2001:db8:1:3::1", "2001:db8:1:3::2"}},
		{"a proxy of the site's own as the client", []string{"10.0.0.7", "10.0.0.7, 10.0.0.8"}},
	} {
		for i, forwarded := range client.same {
			name := fmt.Sprintf("%s: %q", client.name, forwarded)
			headers := addressHeaders(fmt.Sprintf("198.51.100.%d", i))
			if forwarded != "" {
				headers = append(headers, "X-Forwarded-For: "+forwarded)
			}
			got := w.get(public, "", headers...)
			if i == 0 && got.status != http.StatusOK {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
			if i > 0 {
				w.wantLimited(name, got, 3600)
			}
		}
	}
	// Two lines of a header are one list, whose right end is that of the last.
	w.wantLimited("two headers", w.get(public, "", "X-Forwarded-For: 192.0.2.50", "X-Forwarded-For: 192.0.2.1"), 3600)
	if got := w.get(public, "", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.51"); got.status != http.StatusOK {
		t.Errorf("two headers, another client: %d %s", got.status, got.body)
	}
}

// TestForwardedAddressInTheLog is the address that counts, and no other.
func TestForwardedAddressInTheLog(t *testing.T) {
	t.Parallel()
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	w.get(public, "", append(addressHeaders("192.0.2.77"), "X-Forwarded-For: 192.0.2.77")...)
	if told := w.log.String(); strings.Contains(told, "192.0.2.77") || !strings.Contains(told, `"client":"127.0.0.1"`) {
		t.Errorf("the log is %s", told)
	}
	if seen, _ := w.faveo.LastRequest(); fmt.Sprint(seen.Header["X-Forwarded-For"]) != "[127.0.0.1]" {
		t.Errorf("PHP sees the client %v", seen.Header["X-Forwarded-For"])
	}
}
