package redisstore

import "strconv"

// keys makes the keys of the package comment.
type keys struct{ prefix string }

// records is what the keys of all the user's records begin with.
func (k keys) records(userID uint64) string {
	return k.user(userID) + "s:"
}

func (k keys) record(userID uint64, id string) string {
	return k.records(userID) + id
}

func (k keys) index(userID uint64) string {
	return k.user(userID) + "index"
}

func (k keys) ended() string { return k.prefix + "sessions:ended" }

func (k keys) user(userID uint64) string {
	return k.prefix + "{u:" + strconv.FormatUint(userID, 10) + "}:"
}
