package certificate

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// Protocols by ALPN (RFC 7301), in the order of preference.
const (
	protocolHTTP2 = "h2"
	protocolHTTP1 = "http/1.1"
)

// newConfig is what every listener has in common: TLS 1.2 and 1.3, forward secrecy and
// authenticated encryption. The suites of TLS 1.3 are Go's own and all good.
func newConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{protocolHTTP2, protocolHTTP1},
	}
}

// TLS is the configuration of a listener: each handshake is made with the snapshot of
// its moment. Tickets of sessions outlive an exchange, their keys are the listener's.
func (s *Source) TLS() *tls.Config {
	config := newConfig()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return s.current.Load().config, nil
	}
	return config
}

// Issued is the configuration of a listener whose certificates come from elsewhere, as
// by ACME. protocols are more of them that get may answer for.
func Issued(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string) *tls.Config {
	config := newConfig()
	config.GetCertificate = get
	config.NextProtos = append(config.NextProtos, protocols...)
	return config
}

// The bounds of one connection of HTTP/2.
const (
	// maxStreams is how many requests a client may have under way on one connection:
	// what RFC 9113 section 6.5.2 wants at least. Each costs what a connection of
	// HTTP/1.1 costs, and nobody needs more for a page.
	maxStreams = 100
	// maxFrame is the least that RFC 9113 section 4.2 allows, for it is held in memory.
	maxFrame = 16 << 10
	// pingAfter and pingTimeout find connections whose client is gone without a word.
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
	// stuckAfter ends a connection whose client takes no byte of an answer any more.
	stuckAfter = time.Minute
)

// Secure makes a server speak TLS by that configuration, and HTTP/2 with whoever asks
// for it, on the listener that it returns. Closing that one closes the given one.
func Secure(server *http.Server, listener net.Listener, config *tls.Config) net.Listener {
	server.TLSConfig = config
	server.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame,
		SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: stuckAfter,
	}
	return tls.NewListener(listener, config)
}
