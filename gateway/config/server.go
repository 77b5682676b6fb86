package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"time"

	"faveo-gateway/gateway/acme"
)

// Server is the section `server`: the public listener.
type Server struct {
	// Listen is the address "host:port"; without host all interfaces. Default
	// ":8080".
	Listen string `yaml:"listen"`
	// BasePath is the path below which Faveo is installed, such as
	// "/community/public": it begins with a slash and does not end with one. Empty,
	// the default, is the root.
	BasePath string `yaml:"base_path"`
	// TLS makes the listener speak HTTPS.
	TLS ServerTLS `yaml:"tls"`
	// TrustedProxies are the networks whose X-Forwarded-For is believed. A bare
	// address is a network of one. Default none: the peer is the client.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// Timeouts bound the parts of one request.
	Timeouts ServerTimeouts `yaml:"timeouts"`
	// MaxHeaderBytes bounds the request line and the headers, in bytes. Default
	// 32768.
	MaxHeaderBytes int `yaml:"max_header_bytes"`
	// MaxBodyBytes bounds a request body, uploads included, in bytes. It should not
	// exceed PHP's post_max_size, beyond which PHP reads the body as empty. Default
	// 33554432.
	MaxBodyBytes int64 `yaml:"max_body_bytes"`
	// MaxParameterBytes bounds the parameters of a request that are held in
	// memory, in bytes: form and JSON bodies, and the fields of a multipart body
	// besides its files. At most MaxBodyBytes. Default 1048576.
	MaxParameterBytes int64 `yaml:"max_parameter_bytes"`
	// ShutdownGrace is how long running requests may take to finish after the
	// order to stop. Default 30s.
	ShutdownGrace time.Duration `yaml:"shutdown_grace"`
}

// ServerTimeouts is the section `server.timeouts`.
type ServerTimeouts struct {
	// ReadHeader bounds the reading of a request's headers. Default 10s.
	ReadHeader time.Duration `yaml:"read_header"`
	// Read bounds the reading of a whole request, upload included. Default 5m.
	Read time.Duration `yaml:"read"`
	// Write bounds the answering of a request. Zero, the default, is unlimited:
	// long downloads stream.
	Write time.Duration `yaml:"write"`
	// Idle is how long a connection may wait for its next request. Default 2m.
	Idle time.Duration `yaml:"idle"`
}

func defaultServer() Server {
	return Server{
		Listen:            ":8080",
		TLS:               ServerTLS{ACME: acme.DefaultConfig()},
		Timeouts:          ServerTimeouts{ReadHeader: 10 * time.Second, Read: 5 * time.Minute, Idle: 2 * time.Minute},
		MaxHeaderBytes:    32 << 10,
		MaxBodyBytes:      32 << 20,
		MaxParameterBytes: 1 << 20,
		ShutdownGrace:     30 * time.Second,
	}
}

// basePath is the spelling that has one reading in a router, in PHP and in a
// proxy: no empty segment, nothing percent-encoded. Dot segments are refused
// apart.
var (
	basePath   = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)
	dotSegment = regexp.MustCompile(`/\.\.?(/|$)`)
)

// Validate reports every fault of s by its path below `server`.
func (s Server) Validate(report func(path, message string)) {
	validateListen(s.Listen, report)
	if !basePath.MatchString(s.BasePath) || dotSegment.MatchString(s.BasePath) {
		report("base_path", "must be empty or a plain path such as /community/public, without a slash at the end")
	}
	s.TLS.Validate(under("tls", report))
	positive("timeouts.read_header", s.Timeouts.ReadHeader, report)
	positive("timeouts.read", s.Timeouts.Read, report)
	if s.Timeouts.Write < 0 {
		report("timeouts.write", "must not be negative; 0s is unlimited")
	}
	positive("timeouts.idle", s.Timeouts.Idle, report)
	if s.Timeouts.Read > 0 && s.Timeouts.ReadHeader > s.Timeouts.Read {
		report("timeouts.read_header", "must not exceed timeouts.read")
	}
	between("max_header_bytes", int64(s.MaxHeaderBytes), 4<<10, 1<<20, report)
	between("max_body_bytes", s.MaxBodyBytes, 1<<10, 16<<30, report)
	between("max_parameter_bytes", s.MaxParameterBytes, 1<<10, 256<<20, report)
	if s.MaxParameterBytes > s.MaxBodyBytes {
		report("max_parameter_bytes", "must not exceed max_body_bytes")
	}
	positive("shutdown_grace", s.ShutdownGrace, report)
}

// Admin is the section `admin`: the private listener with metrics, health and
// the admin API.
type Admin struct {
	// Listen is the address "host:port". Whoever reaches it reads the metrics.
	// Default "127.0.0.1:9090".
	Listen string `yaml:"listen"`
	// Token opens the admin API, and the management commands send it: at least 32
	// characters that a header can carry. Absent, the default, turns the API off.
	Token Secret `yaml:"token"`
	// Hosts are more names by which the admin API may be called, in lower case and
	// without a port. Default none: the host of Listen, and loopback.
	Hosts []string `yaml:"hosts"`
	// TLS makes the listener speak HTTPS.
	TLS AdminTLS `yaml:"tls"`
}

// adminToken matches what RFC 6750 section 2.1 lets a bearer token be.
var adminToken = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// minAdminToken is the least length of an admin token, in bytes.
const minAdminToken = 32

// Validate reports every fault of a by its path below `admin`.
func (a Admin) Validate(report func(path, message string)) {
	validateListen(a.Listen, report)
	switch text := a.Token.Reveal(); {
	case a.Token.IsZero():
	case len(text) < minAdminToken:
		report("token", fmt.Sprintf("must have at least %d characters, as from: openssl rand -base64 32", minAdminToken))
	case !adminToken.MatchString(text):
		report("token", "must have only letters, digits, - . _ ~ + / and = at its end, as from: openssl rand -base64 32")
	}
	a.TLS.Validate(under("tls", report))
	for i, host := range a.Hosts {
		path := fmt.Sprintf("hosts[%d]", i)
		switch {
		case !adminHost.MatchString(host):
			report(path, "must be a host name in lower case, without a port")
		case slices.Contains(a.Hosts[:i], host):
			report(path, "is given twice")
		}
	}
}

// adminHost matches host names, and addresses of IPv4.
var adminHost = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$`)

// validateListen wants a port in digits: names of services differ between
// machines.
func validateListen(address string, report func(path, message string)) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		report("listen", "must be host:port or :port")
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		report("listen", "must end with a port between 0 and 65535; 0 takes a free one")
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil && !hostName.MatchString(host) {
		report("listen", "must begin with an address or a host name, or with the colon for all interfaces")
	}
}

// hostName matches names as DNS and /etc/hosts have them, underscores included.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$`)

// sameAddress reports whether two listeners would meet: an equal port, unless it
// is 0, with an equal host or on all interfaces.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || everyInterface(hostA) || everyInterface(hostB)
}

func everyInterface(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "" || err == nil && address.IsUnspecified()
}

func positive(path string, d time.Duration, report func(path, message string)) {
	if d <= 0 {
		report(path, "must be longer than 0s")
	}
}

func between(path string, n, least, most int64, report func(path, message string)) {
	if n < least || n > most {
		report(path, "must be between "+strconv.FormatInt(least, 10)+" and "+strconv.FormatInt(most, 10))
	}
}
