package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxAnswerHeader bounds the header block of an answer, interim ones included,
// in bytes. Faveo's largest are two cookies of about 1 KiB.
const maxAnswerHeader = 256 << 10

// keepAlive is how often a silent connection is probed by TCP.
const keepAlive = 30 * time.Second

// newTransport returns the transport toward PHP: HTTP/1.1 over plain TCP or
// TLS as secure has it.
//
// Bodies pass as they are (no compression of its own), and no environment
// variable can send them through a proxy.
func newTransport(c Config, secure *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	plain := &net.Dialer{Timeout: c.Timeouts.Connect, KeepAlive: keepAlive}
	overTLS := &tls.Dialer{NetDialer: plain, Config: secure}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            marked(plain.DialContext),
		DialTLSContext:         marked(overTLS.DialContext), // The dialer's timeout covers the handshake.
		DisableCompression:     true,
		MaxIdleConnsPerHost:    c.MaxIdleConnections,
		IdleConnTimeout:        c.Timeouts.Idle,
		ResponseHeaderTimeout:  c.Timeouts.ResponseHeader,
		MaxResponseHeaderBytes: maxAnswerHeader,
		Protocols:              protocols,
	}
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// dialError marks a connection that was never made: no part of the request can
// have reached the upstream. A connect timeout is one of these, not ErrTimeout.
type dialError struct{ cause error }

func (e *dialError) Error() string { return fmt.Sprintf("connect: %v", e.cause) }
func (e *dialError) Unwrap() error { return e.cause }

// neverMade reports whether err is, or wraps, a dialError.
func neverMade(err error) bool {
	_, ok := errors.AsType[*dialError](err)
	return ok
}

func marked(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, &dialError{err}
		}
		return conn, nil
	}
}

// bufferSize is that of io.Copy.
const bufferSize = 32 << 10

// bufferPool implements httputil.BufferPool without an allocation: a slice put
// into a sync.Pool would be boxed, a pointer to an array is not.
type bufferPool struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (b *bufferPool) Get() []byte {
	if buffer, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return buffer[:]
	}
	return make([]byte, bufferSize)
}

// Put implements httputil.BufferPool. It takes back only what Get returned.
func (b *bufferPool) Put(buffer []byte) { b.pool.Put((*[bufferSize]byte)(buffer)) }
