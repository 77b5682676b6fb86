package trace

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// newOTLP returns an exporter by OTLP over HTTP. Each setting that OpenTelemetry would
// else take from variables of its own is given: there is one configuration.
func newOTLP(o Options) (sdk.SpanExporter, error) {
	sender := newSender(o.Timeout)
	exporter, err := otlptrace.New(context.Background(), otlptracehttp.NewClient(
		otlptracehttp.WithEndpointURL(o.Endpoint),
		otlptracehttp.WithHeaders(o.Headers),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: sender, CheckRedirect: refuseRedirect}),
		otlptracehttp.WithTimeout(o.Timeout),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithEncoding(otlptracehttp.EncodingProtobuf),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: o.Timeout,
		}),
	))
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	return closing{exporter, sender}, nil
}

// closing leaves no connection behind.
type closing struct {
	sdk.SpanExporter
	sender *sender
}

// Shutdown implements sdk.SpanExporter.
func (c closing) Shutdown(ctx context.Context) error {
	defer c.sender.transport.CloseIdleConnections()
	return c.SpanExporter.Shutdown(ctx)
}

// refuseRedirect keeps the headers, which may be credentials, from wherever a collector
// would send them.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// rejected is an answer of the collector that is none of success. Of what it says only
// the status counts: a body may repeat the credentials that it refuses.
type rejected struct{ status int }

// Error implements error.
func (e *rejected) Error() string { return fmt.Sprintf("the collector answered %d", e.status) }

// sender posts batches.
type sender struct{ transport *http.Transport }

func newSender(timeout time.Duration) *sender {
	return &sender{&http.Transport{
		// No proxy of the environment: what is sent has credentials in its headers.
		DialContext:         (&net.Dialer{Timeout: timeout}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout,
		ForceAttemptHTTP2: true, MaxIdleConns: 1, IdleConnTimeout: time.Minute,
	}}
}

// RoundTrip implements http.RoundTripper. A status that may be another one later passes,
// without its body, for the exporter to try again.
func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch answer.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		err = answer.Body.Close()
		answer.Body = http.NoBody
	default:
		return nil, errors.Join(&rejected{answer.StatusCode}, answer.Body.Close())
	}
	return answer, err
}

// describe says why an export failed in words of our own: those of the exporter have the
// URL, which may be one of an account's, and may have the collector's.
func describe(err error) string {
	var (
		answer    *rejected
		dial      *net.OpError
		untrusted *tls.CertificateVerificationError
		address   *url.Error
	)
	switch {
	case errors.As(err, &answer):
		return answer.Error()
	case errors.As(err, &untrusted):
		return "the collector's certificate is not to be trusted: " + untrusted.Err.Error()
	case errors.As(err, &dial):
		return dial.Error() // Addresses, and what the kernel says.
	case kindOf(err) == "timeout":
		return "the collector did not take it in time"
	case errors.Is(err, context.Canceled):
		return "the gateway stopped"
	case errors.As(err, &address):
		return "the collector cannot be reached"
	default:
		return "the collector did not take all of it"
	}
}
