package sqlstore

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/limit"
)

// secretColumn is an apikey.Secret in the column secrets: times in Unix seconds, 0 for
// never.
type secretColumn struct {
	Digest  string `json:"digest"` // hexadecimal
	Pepper  string `json:"pepper"`
	Created int64  `json:"created"`
	Expires int64  `json:"expires,omitempty"`
}

// apiKeyColumns returns the columns that a change writes, in the order of the
// statements, or the error of a record that is not valid.
func apiKeyColumns(r apikey.Record) ([]any, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	secrets := make([]secretColumn, len(r.Secrets))
	for i, s := range r.Secrets {
		secrets[i] = secretColumn{
			Digest: hex.EncodeToString(s.Digest[:]), Pepper: s.Pepper,
			Created: s.CreatedAt.Unix(), Expires: toSeconds(s.ExpiresAt).Int64,
		}
	}
	scopes, scopesFault := json.Marshal(r.Scopes)
	networks, networksFault := json.Marshal(append([]netip.Prefix{}, r.Networks...))
	digests, secretsFault := json.Marshal(secrets)
	return []any{
		r.Version, r.Name, r.UserID, string(scopes), string(networks), r.Rate.String(), string(digests), hex.EncodeToString(r.MAC[:]),
		toSeconds(r.ExpiresAt), toSeconds(r.RevokedAt),
	}, errors.Join(scopesFault, networksFault, secretsFault)
}

// readAPIKey reads a row of selectAPIKeys. One that apiKeyColumns cannot have written is
// an error, never a key that is good for more, or less, than was meant; what is returned
// with it has an id, if any, and nothing else.
func readAPIKey(row interface{ Scan(into ...any) error }) (apikey.Record, error) {
	var r apikey.Record
	var scopes, networks, rate, secrets, mac string
	var created, expires, revoked, used sql.NullInt64
	err := row.Scan(&r.ID, &r.Version, &r.Name, &r.UserID, &scopes, &networks, &rate, &secrets, &mac, &created, &expires, &revoked, &used)
	if err != nil {
		return apikey.Record{ID: r.ID}, err
	}
	r.CreatedAt, r.ExpiresAt, r.RevokedAt, r.LastUsedAt = fromSeconds(created), fromSeconds(expires), fromSeconds(revoked), fromSeconds(used)
	err = errors.Join(
		readJSON("scopes", scopes, &r.Scopes),
		readJSON("networks", networks, &r.Networks),
		readRate(rate, &r.Rate),
		readSecrets(secrets, &r.Secrets),
		readMAC(mac, &r.MAC),
	)
	if err == nil {
		err = r.Validate()
	}
	if err != nil {
		return apikey.Record{ID: r.ID}, fmt.Errorf("the record of the API key %q cannot be read: %w", r.ID, err)
	}
	if len(r.Networks) == 0 {
		r.Networks = nil
	}
	return r, nil
}

// readJSON reads a column in JSON, without members that into does not have. Only the
// columns written here are read, so null, which would read as nothing, is no list.
func readJSON(column, text string, into any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) || text[0] != '[' {
			err = errors.New("it is not one list")
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", column, err)
	}
	return nil
}

func readRate(text string, into *limit.Rate) error {
	if text == "" {
		return nil
	}
	rate, err := limit.ParseRate(text)
	if err != nil {
		return fmt.Errorf("rate: %w", err)
	}
	*into = rate
	return nil
}

func readSecrets(text string, into *[]apikey.Secret) error {
	var columns []secretColumn
	if err := readJSON("secrets", text, &columns); err != nil {
		return err
	}
	for _, c := range columns {
		s := apikey.Secret{
			Pepper: c.Pepper, CreatedAt: fromSeconds(sql.NullInt64{Int64: c.Created, Valid: true}),
			ExpiresAt: fromSeconds(sql.NullInt64{Int64: c.Expires, Valid: c.Expires != 0}),
		}
		if !readHex(c.Digest, &s.Digest) {
			return errors.New("secrets: a digest is malformed")
		}
		*into = append(*into, s)
	}
	return nil
}

func readMAC(text string, into *[32]byte) error {
	if !readHex(text, into) {
		return errors.New("mac is malformed")
	}
	return nil
}

// readHex reports whether text is 32 bytes in hexadecimal, and reads them.
func readHex(text string, into *[32]byte) bool {
	if hex.DecodedLen(len(text)) != len(into) {
		return false
	}
	_, err := hex.Decode(into[:], []byte(text))
	return err == nil
}
