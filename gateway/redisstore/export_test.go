package redisstore

// What the fuzz tests look at from the outside.
var (
	Encode           = encode
	Decode           = decode
	ReadAnnouncement = readAnnouncement
)

// Text is the announcement as it is published.
func (a announcement) Text() string {
	switch a.kind {
	case newsSession:
		return sessionEnded(a.userID, a.sessionID)
	case newsUser:
		return userEnded(a.userID)
	case newsKey:
		return keyRevoked(a.kid)
	case newsAPIKey:
		return apiKeyChanged(a.apiKeyID)
	}
	return a.kind
}

// Epochs are the numbers of the announcement.
func (a announcement) Epochs() (before, own int64) { return a.before, a.epoch }
