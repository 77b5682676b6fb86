package certificate

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// onlyCertificates wants one certificate or more and nothing else. A private key in a
// file of certificates, which is not guarded like one, is a fault and not overlooked.
func onlyCertificates(text []byte) error {
	found := 0
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return errors.New("the file holds something else than certificates, such as a private key")
		}
		found++
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("certificate %d of the file: %w", found, err)
		}
		text = rest
	}
	if found == 0 {
		return errNoCertificate
	}
	return nil
}
