package config

import (
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/limit"
)

// APIKeys is the section `api_keys`.
type APIKeys struct {
	// Required says who needs an API key: faveo, always or never. Under faveo, the
	// default, Faveo's settings decide.
	Required apikey.Required `yaml:"required"`
	// Pepper is what the digests of keys are made with: a text of at least 32
	// characters, the same on all replicas. Absent, the default, it is derived from
	// faveo.jwt_secret.
	Pepper Secret `yaml:"pepper"`
	// CacheTTL is how long a key, and Faveo's settings, are believed without asking
	// again. Default 5s.
	CacheTTL time.Duration `yaml:"cache_ttl"`
	// RotationOverlap is how long the old secret of a rotated key goes on. Default 24h.
	RotationOverlap time.Duration `yaml:"rotation_overlap"`
	// PerAddress is how many keys that are none may be looked up from one address.
	// Default 60/1m; "off" for no bound.
	PerAddress limit.Rate `yaml:"per_address"`
}

func defaultAPIKeys() APIKeys {
	room := apikey.DefaultConfig()
	return APIKeys{
		Required: room.Required, CacheTTL: room.CacheTTL, RotationOverlap: room.RotationOverlap, PerAddress: room.PerAddress,
	}
}

// Room is the part that the room of API keys knows.
func (k APIKeys) Room() apikey.Config {
	return apikey.Config{
		Required: k.Required, CacheTTL: k.CacheTTL, RotationOverlap: k.RotationOverlap, PerAddress: k.PerAddress,
	}
}

// Validate reports every fault of k by its path below `api_keys`.
func (k APIKeys) Validate(report func(path, message string)) {
	k.Room().Validate(report) // The room calls its keys as they are called here.
	if !k.Pepper.IsZero() {
		if _, err := apikey.ParsePepper(k.Pepper.Reveal()); err != nil {
			report("pepper", err.Error())
		}
	}
}
