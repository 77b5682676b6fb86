package apikey

import (
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// The faults of a record that is not what the Keeper has written.
var (
	// errMixedUp would let one key count for another.
	errMixedUp = errors.New("another API key was returned than the one asked for")
	// errAltered would let who can write to the Store widen a key, or bring it back.
	errAltered = errors.New("in the state database is not as it was written")
)

// mac is the MAC of a record that is valid.
func (p Pepper) mac(r Record) [32]byte {
	d := documentOf(r)
	d.Used = 0 // Which the Store changes by itself.
	content, err := json.Marshal(d)
	if err != nil {
		panic("a record of texts and numbers cannot fail to marshal: " + err.Error())
	}
	return (*p.hidden).record.of(string(content))
}

// canCheck reports whether the record has a secret of this pepper. Any other record was
// made under another pepper, and so was its MAC; no key is good by it.
func (p Pepper) canCheck(r Record) bool {
	return slices.ContainsFunc(r.Secrets, func(s Secret) bool { return s.Pepper == p.id })
}

// check returns the fault of what a Store has returned as the record of an id: that it
// cannot be one, or is not as it was written, as far as this pepper can tell.
func (p Pepper) check(id string, r Record) error {
	if r.ID != id {
		return errMixedUp
	}
	if err := r.Validate(); err != nil {
		return err
	}
	if !p.canCheck(r) {
		return nil
	}
	if mac := p.mac(r); !hmac.Equal(mac[:], r.MAC[:]) {
		return fmt.Errorf("API key %s %w", id, errAltered)
	}
	return nil
}
