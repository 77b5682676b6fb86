package admin

import "context"

func (h *Handler) reload(ctx context.Context, _ input) (any, error) {
	done, err := h.config.Reload(ctx)
	return Reloaded{Taken: list(done.Taken), Restart: list(done.Restart)}, err
}
