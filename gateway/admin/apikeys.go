package admin

import "context"

func (h *Handler) listAPIKeys(ctx context.Context, _ input) (any, error) {
	keys, err := h.apiKeys.List(ctx)
	shown := make([]APIKey, len(keys))
	for i, k := range keys {
		shown[i] = listWithin(k)
	}
	return APIKeyList{APIKeys: shown}, err
}

func (h *Handler) showAPIKey(ctx context.Context, in input) (any, error) {
	key, err := h.apiKeys.Show(ctx, in.id)
	return listWithin(key), missingAPIKey(err)
}

func (h *Handler) createAPIKey(ctx context.Context, in input) (any, error) {
	if in.name == "" || in.scopes == "" {
		return nil, BadRequest(`The members of the body "name" and "scopes" must be given`)
	}
	made, err := h.apiKeys.Create(ctx, APIKeyWish{
		Name: in.name, User: in.user, Scopes: in.scopes, Networks: in.networks, Rate: in.rate, Expires: in.expires,
	})
	made.APIKey = listWithin(made.APIKey)
	return made, err
}

func (h *Handler) rotateAPIKey(ctx context.Context, in input) (any, error) {
	rotated, err := h.apiKeys.Rotate(ctx, in.id, in.overlap)
	rotated.APIKey = listWithin(rotated.APIKey)
	return rotated, missingAPIKey(err)
}

func (h *Handler) revokeAPIKey(ctx context.Context, in input) (any, error) {
	key, err := h.apiKeys.Revoke(ctx, in.id)
	return listWithin(key), missingAPIKey(err)
}

func missingAPIKey(err error) error { return missing(err, "There is no API key with that id") }

// listWithin is list for what an API key holds.
func listWithin(k APIKey) APIKey {
	k.Scopes, k.Networks = list(k.Scopes), list(k.Networks)
	return k
}
