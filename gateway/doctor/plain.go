package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"unicode"
)

// longest bounds, in characters, what is shown of a fault in somebody else's words.
const longest = 200

// plain says what went wrong as one would say it, without the layers that an error is
// wrapped in. What a server said is cut and cleaned of what moves a cursor.
func plain(err error) string {
	var (
		name        *net.DNSError
		dial        *net.OpError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("the name %s cannot be resolved", clean(name.Name))
	case errors.As(err, &certificate):
		return "its certificate is not trusted: " + clean(innermost(certificate).Error())
	case errors.Is(err, syscall.ECONNREFUSED) && errors.As(err, &dial) && dial.Addr != nil:
		return "nothing listens at " + dial.Addr.String()
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it speaks http, and the URL says https"
	case errors.Is(err, os.ErrPermission):
		return "access denied by the operating system"
	case errors.Is(err, os.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return clean(innermost(err).Error())
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// innermost is the last error of the chain; of several it is the last one's, which the
// rooms put behind their sentinels.
func innermost(err error) error {
	for {
		switch wrapper := err.(type) { //nolint:errorlint // It is the chain itself that is walked.
		case interface{ Unwrap() error }:
			next := wrapper.Unwrap()
			if next == nil {
				return err
			}
			err = next
		case interface{ Unwrap() []error }:
			all := wrapper.Unwrap()
			if len(all) == 0 {
				return err
			}
			err = all[len(all)-1]
		default:
			return err
		}
	}
}

func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}
