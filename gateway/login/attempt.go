package login

import (
	"strconv"
	"time"

	"faveo-gateway/gateway/limit"
)

// attempt is one login on its way, from what was typed to how it ended.
type attempt struct {
	Credentials
	// arrived is when it came; hashing is when its hash began, zero when none has.
	arrived, hashing time.Time
	// account is whom the name stands for. It is nobody unless known.
	account Account
	known   bool
	// digest tells an unknown name from others, see Directory.Fold.
	digest string
	// taken are the buckets that one was taken from, emptied those it was the last of.
	taken, emptied []limit.Bucket
	// reason is why it was refused, "" when it was not, or not yet.
	reason Reason
	// sessionID is the session that it began, "" for none.
	sessionID string
}

// who is whose attempts these are: the account's, by whatever name it was called, or
// those of one unknown name in all its spellings. A digest is longer than any id.
func (a *attempt) who() string {
	if a.known {
		return strconv.FormatUint(a.account.UserID, 10)
	}
	return a.digest
}

// address is whose attempts these are, too.
func (a *attempt) address() string { return limit.AddressOf(a.Client.Address) }
