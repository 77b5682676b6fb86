package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/faveo"
)

// apiKeys are the API keys: the door that checks them, which it shows to the
// authenticate stage, and the keeper that makes and ends them.
type apiKeys struct {
	door   *apikey.Door
	keeper *apikey.Keeper
}

var _ stage.APIKeys = apiKeys{}

// openAPIKeys puts the room together. Without a pepper of the site's own it takes one
// that is derived from Faveo's secret.
func openAPIKeys(o Options, s *rooms, r prometheus.Registerer) (apiKeys, error) {
	c := o.Config
	secret := c.APIKeys.Pepper.Reveal()
	if secret == "" {
		derived, err := apikey.DerivePepper(c.Faveo.JWTSecret.Reveal())
		if err != nil {
			return apiKeys{}, err
		}
		secret = derived
	}
	pepper, err := apikey.ParsePepper(secret)
	if err != nil {
		return apiKeys{}, err
	}
	door := apikey.NewDoor(apikey.Options{
		Store: s.state.APIKeys(), Cache: s.redis.APIKeys(), Settings: installation{s.faveo}, Limits: s.limits, Pepper: pepper,
		Config: c.APIKeys.Room(), Now: time.Now, Registerer: r, Log: o.Log,
	})
	return apiKeys{door: door, keeper: apikey.NewKeeper(apikey.KeeperOptions{
		Store: s.state.APIKeys(), Cache: s.redis.APIKeys(), Pepper: pepper,
		CheckScope: checkScope, Drop: door.Drop, Now: time.Now,
	})}, nil
}

// Admit implements stage.APIKeys.
func (k apiKeys) Admit(ctx context.Context, text string, from identity.Client) (*identity.Key, error) {
	return k.door.Admit(ctx, text, from.Address)
}

// checkScope says what is wrong with a scope that somebody wishes.
func checkScope(text string) error {
	_, err := policy.ParseScope(text)
	return err
}

// installation shows Faveo's own API key to the door.
type installation struct {
	faveo *faveo.DB
}

var _ apikey.Settings = installation{}

// Installation implements apikey.Settings.
func (i installation) Installation(ctx context.Context) (apikey.Installation, error) {
	stored, err := i.faveo.Installation(ctx)
	if err != nil {
		return apikey.Installation{}, err
	}
	return apikey.Installation{Enabled: stored.Enabled, Mandatory: stored.Mandatory, Key: stored.Key}, nil
}

// requireLoginKey asks a login for its API key, where one is needed, before its password
// costs anything. Whatever is wrong with a key is Faveo's "wrong api key" here: the other
// answers have the word "token" in them, which the iOS app takes for a success. That an
// address has sent too many stays 429.
func (d frontDoor) requireLoginKey(next echo.HandlerFunc) echo.HandlerFunc {
	login := d.authenticator.RequireKey(stage.LoadStrangersBody)(next)
	return func(c echo.Context) error {
		err := login(c)
		for _, refusal := range []error{apikey.ErrInvalid, apikey.ErrExpired, apikey.ErrRevoked, apikey.ErrNetwork} {
			if errors.Is(err, refusal) {
				return fmt.Errorf("%w: %w", apikey.ErrWrongKey, err)
			}
		}
		return err
	}
}

// requireKey asks for the API key of a request in what of it has been read.
func (d frontDoor) requireKey(next echo.HandlerFunc) echo.HandlerFunc {
	return d.authenticator.RequireKey(func(echo.Context) error { return nil })(next)
}
