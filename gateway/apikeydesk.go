package gateway

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/session"
	"faveo-gateway/policy"
)

// apiKeyDesk shows the managed API keys to the admin API.
type apiKeyDesk struct {
	keeper *apikey.Keeper
	// accounts are those that a key may stand for.
	accounts session.Accounts
	// overlap is how long an old secret goes on when nobody says.
	overlap time.Duration
	trail   trail
	now     func() time.Time
}

var _ admin.APIKeys = apiKeyDesk{}

// List implements admin.APIKeys.
func (d apiKeyDesk) List(ctx context.Context) ([]admin.APIKey, error) {
	records, err := d.keeper.List(ctx)
	shown := make([]admin.APIKey, len(records))
	for i, r := range records {
		shown[i] = d.shown(r)
	}
	return shown, adminError(err)
}

// Show implements admin.APIKeys.
func (d apiKeyDesk) Show(ctx context.Context, id string) (admin.APIKey, error) {
	r, err := d.keeper.Find(ctx, id)
	if err != nil {
		return admin.APIKey{}, adminError(err)
	}
	return d.shown(r), nil
}

// Create implements admin.APIKeys.
func (d apiKeyDesk) Create(ctx context.Context, w admin.APIKeyWish) (admin.APIKeySecret, error) {
	wish, err := d.wishOf(w)
	if err != nil {
		return admin.APIKeySecret{}, err
	}
	if err := d.mayStandFor(ctx, wish.UserID); err != nil {
		return admin.APIKeySecret{}, err
	}
	r, text, err := d.keeper.Create(ctx, wish)
	if err != nil {
		return admin.APIKeySecret{}, adminError(err)
	}
	d.note(ctx, audit.KindAPIKeyCreated, r, strings.Join(r.Scopes, "; "))
	return admin.APIKeySecret{APIKey: d.shown(r), Secret: text}, nil
}

// Rotate implements admin.APIKeys.
func (d apiKeyDesk) Rotate(ctx context.Context, id, overlap string) (admin.APIKeySecret, error) {
	lasting, err := d.overlapOf(overlap)
	if err != nil {
		return admin.APIKeySecret{}, err
	}
	r, text, err := d.keeper.Rotate(ctx, id, lasting)
	switch {
	case errors.Is(err, apikey.ErrRevoked), errors.Is(err, apikey.ErrExpired):
		return admin.APIKeySecret{}, admin.BadRequest("The key is over; create another one")
	case errors.Is(err, apikey.ErrInvalid):
		return admin.APIKeySecret{}, admin.BadRequest("The key was made under another api_keys.pepper, and so is over; create another one")
	case errors.Is(err, apikey.ErrConflict):
		return admin.APIKeySecret{}, admin.BadRequest("Somebody else has changed the key at the same moment; nothing was done. Look at it before you ask again")
	case err != nil && !errors.Is(err, apikey.ErrNotAnnounced):
		return admin.APIKeySecret{}, adminError(err)
	}
	// Without the news the others learn of the new secret within apikey.Staleness, and
	// there is nobody else who could tell it again.
	d.note(ctx, audit.KindAPIKeyRotated, r, "the old secret goes on for "+lasting.String())
	return admin.APIKeySecret{APIKey: d.shown(r), Secret: text}, nil
}

// Revoke implements admin.APIKeys.
func (d apiKeyDesk) Revoke(ctx context.Context, id string) (admin.APIKey, error) {
	r, err := d.keeper.Revoke(ctx, id)
	if err != nil && !errors.Is(err, apikey.ErrNotAnnounced) {
		return admin.APIKey{}, adminError(err)
	}
	d.note(ctx, audit.KindAPIKeyRevoked, r, "")
	if err != nil {
		return admin.APIKey{}, admin.Unavailable(
			"The key is revoked, that is stored; the other replicas could not be told and learn it within "+apikey.Staleness.String()+". Asking again is safe", err)
	}
	return d.shown(r), nil
}

// note puts a change that is stored into the audit trail.
func (d apiKeyDesk) note(ctx context.Context, kind audit.Kind, r apikey.Record, detail string) {
	d.trail.changed(ctx, audit.Event{Kind: kind, UserID: r.UserID, Subject: r.ID, Detail: detail})
}

// mayStandFor makes sure that a key for that user, 0 for nobody, would be good for
// anything: a wrong number would be found out by its owner only, as a token that was
// revoked.
func (d apiKeyDesk) mayStandFor(ctx context.Context, userID uint64) error {
	if userID == 0 || userID > math.MaxInt64 { // Of which the keeper says what it is.
		return nil
	}
	account, err := d.accounts.Account(ctx, userID)
	if err != nil && !errors.Is(err, session.ErrNoAccount) {
		return admin.Unavailable("Faveo's database did not say who the user is; no key was made", err)
	}
	if err != nil || !account.MayLogin {
		return admin.BadRequest(fmt.Sprintf("There is no account %d that may log in", userID))
	}
	return nil
}

// wishOf reads what the client wrote. What a key may be is for the keeper to say.
func (d apiKeyDesk) wishOf(w admin.APIKeyWish) (apikey.Wish, error) {
	wish := apikey.Wish{Name: w.Name, UserID: w.User}
	scopes, err := policy.ParseScopes(w.Scopes)
	if err != nil {
		return apikey.Wish{}, admin.BadRequest("Scopes: " + strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	for _, scope := range scopes {
		wish.Scopes = append(wish.Scopes, scope.String())
	}
	if w.Networks != "" {
		for text := range strings.SplitSeq(w.Networks, ",") {
			network, err := networkOf(strings.Trim(text, " "))
			if err != nil {
				return apikey.Wish{}, admin.BadRequest("Networks: each must be a network such as 10.0.0.0/8, or an address")
			}
			wish.Networks = append(wish.Networks, network)
		}
	}
	if w.Rate != "" {
		if wish.Rate, err = limit.ParseRate(w.Rate); err != nil {
			return apikey.Wish{}, admin.BadRequest("The rate " + err.Error())
		}
	}
	if w.Expires != "" {
		if wish.ExpiresAt, err = d.expiryOf(w.Expires); err != nil {
			return apikey.Wish{}, err
		}
	}
	return wish, nil
}

// networkOf reads a network, or an address as the network of only itself.
func networkOf(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// expiryOf reads when a key ends: a time, a date, or how long from now.
func (d apiKeyDesk) expiryOf(text string) (time.Time, error) {
	if lasting, err := time.ParseDuration(text); err == nil {
		return d.now().Add(lasting), nil
	}
	at, ok := config.ParseTime(text)
	if !ok {
		return time.Time{}, admin.BadRequest("The expiry must be how long from now, such as 720h, a date such as 2027-01-31, or a time such as 2027-01-31T18:00:00Z")
	}
	return at, nil
}

func (d apiKeyDesk) overlapOf(text string) (time.Duration, error) {
	if text == "" {
		return d.overlap, nil
	}
	lasting, err := time.ParseDuration(text)
	if err != nil {
		return 0, admin.BadRequest("The overlap must be a duration with a unit, such as 24h")
	}
	return lasting, nil
}

// shown is a key as the API shows it.
func (d apiKeyDesk) shown(r apikey.Record) admin.APIKey {
	now := d.now()
	k := admin.APIKey{
		ID: r.ID, Name: r.Name, State: "active", UserID: r.UserID, Scopes: r.Scopes, Rate: r.Rate.String(),
		CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, RevokedAt: r.RevokedAt, LastUsedAt: r.LastUsedAt,
	}
	for _, network := range r.Networks {
		k.Networks = append(k.Networks, network.String())
	}
	if len(r.Secrets) > 1 && now.Before(r.Secrets[1].ExpiresAt) {
		k.State, k.OldSecretUntil = "rotating", r.Secrets[1].ExpiresAt
	}
	switch {
	case !r.RevokedAt.IsZero():
		k.State = "revoked"
	case !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt):
		k.State = "expired"
	}
	if !d.keeper.Intact(r) {
		k.State = "altered"
	}
	return k
}
