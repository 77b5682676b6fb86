package apikey

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"time"

	"faveo-gateway/gateway/limit"
)

// recordDocument is a Record without its MAC, as it is sealed for the Cache, and as the
// MAC is made of: JSON, times in Unix seconds, 0 for none. Were it changed, no stored MAC
// would count: a further member has to be left out when it is empty.
type recordDocument struct {
	ID       string           `json:"id"`
	Version  int64            `json:"version"`
	Name     string           `json:"name"`
	User     uint64           `json:"user"`
	Scopes   []string         `json:"scopes"`
	Networks []netip.Prefix   `json:"networks"`
	Rate     string           `json:"rate"`
	Created  int64            `json:"created"`
	Expires  int64            `json:"expires"`
	Revoked  int64            `json:"revoked"`
	Used     int64            `json:"used"`
	Secrets  []secretDocument `json:"secrets"`
}

// secretDocument is a Secret.
type secretDocument struct {
	Digest  []byte `json:"digest"`
	Pepper  string `json:"pepper"`
	Created int64  `json:"created"`
	Expires int64  `json:"expires"`
}

func documentOf(r Record) recordDocument {
	d := recordDocument{
		ID: r.ID, Version: r.Version, Name: r.Name, User: r.UserID, Scopes: r.Scopes, Networks: r.Networks, Rate: r.Rate.String(),
		Created: seconds(r.CreatedAt), Expires: seconds(r.ExpiresAt), Revoked: seconds(r.RevokedAt), Used: seconds(r.LastUsedAt),
	}
	for _, s := range r.Secrets {
		d.Secrets = append(d.Secrets, secretDocument{
			Digest: s.Digest[:], Pepper: s.Pepper, Created: seconds(s.CreatedAt), Expires: seconds(s.ExpiresAt),
		})
	}
	return d
}

// record is what documentOf was given, when it is valid.
func (d recordDocument) record() (Record, error) {
	r := Record{
		ID: d.ID, Version: d.Version, Name: d.Name, UserID: d.User, Scopes: d.Scopes, Networks: d.Networks,
		CreatedAt: fromSeconds(d.Created), ExpiresAt: fromSeconds(d.Expires), RevokedAt: fromSeconds(d.Revoked), LastUsedAt: fromSeconds(d.Used),
	}
	if d.Rate != "" {
		rate, err := limit.ParseRate(d.Rate)
		if err != nil {
			return Record{}, err
		}
		r.Rate = rate
	}
	for _, s := range d.Secrets {
		secret := Secret{Pepper: s.Pepper, CreatedAt: fromSeconds(s.Created), ExpiresAt: fromSeconds(s.Expires)}
		if len(s.Digest) != len(secret.Digest) {
			return Record{}, errors.New("a digest has another length")
		}
		copy(secret.Digest[:], s.Digest)
		r.Secrets = append(r.Secrets, secret)
	}
	return r, r.Validate()
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromSeconds(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// decodeStrict reads one JSON value without members that into does not have.
func decodeStrict(content []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the end")
	}
	return nil
}
