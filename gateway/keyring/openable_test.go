package keyring_test

import (
	"testing"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/storetest"
)

// TestOpenable: what Open would refuse of a listing is told, and nothing is made.
func TestOpenable(t *testing.T) {
	m := storetest.NewKeys()
	if err := keyring.Openable(nil, []string{keyA}); err != nil || len(m.Records()) != 0 {
		t.Errorf("before the first start: %v", err)
	}
	signing(t, open(t, options(m)))
	sealed := m.Records()
	for name, test := range map[string]struct {
		records []keyring.Record
		keys    []string
		want    error
	}{
		"its key":         {sealed, []string{keyA}, nil},
		"behind another":  {sealed, []string{keyB, keyA}, nil},
		"another":         {sealed, []string{keyB}, keyring.ErrCannotUnseal},
		"none":            {sealed, nil, keyring.ErrNoEncryptionKey},
		"a passphrase":    {sealed, []string{"passphrase"}, keyring.ErrEncryptionKey},
		"two active ones": {append(sealed[:1:1], sealed[0]), []string{keyA}, keyring.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			if err := keyring.Openable(test.records, test.keys); test.want != nil || err != nil {
				wantError(t, err, test.want)
			}
		})
	}
}
