package admin

import (
	"context"
	"errors"
	"net/http"
)

func (h *Handler) keyStatus(ctx context.Context, _ input) (any, error) {
	status, err := h.keys.Status(ctx)
	if err != nil {
		return nil, err
	}
	status.Keys = list(status.Keys)
	status.Replicas = listReplicas(status.Replicas)
	return status, nil
}

func (h *Handler) replicas(ctx context.Context, _ input) (any, error) {
	status, err := h.keys.Status(ctx)
	if err != nil {
		return nil, err
	}
	return Replicas{Replicas: listReplicas(status.Replicas)}, nil
}

func (h *Handler) rotate(ctx context.Context, in input) (any, error) {
	return h.keys.Rotate(ctx, in.algorithm)
}

func (h *Handler) reseal(ctx context.Context, _ input) (any, error) {
	n, err := h.keys.Reseal(ctx)
	return Resealed{Resealed: n}, err
}

func (h *Handler) revoke(ctx context.Context, in input) (any, error) {
	revoked, err := h.keys.Revoke(ctx, in.id)
	return revoked, missing(err, "There is no key with that id, or it is gone")
}

// missing says what was not found, unless err says so itself.
func missing(err error, message string) error {
	var explained *Problem
	if errors.Is(err, ErrNotFound) && !errors.As(err, &explained) {
		return &Problem{Status: http.StatusNotFound, Code: notFound.Code, Message: message}
	}
	return err
}

// list makes [] of what would be null.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// listReplicas is list, within too. The caller's replicas are left alone.
func listReplicas(replicas []Replica) []Replica {
	listed := make([]Replica, len(replicas))
	for i, r := range replicas {
		r.Keys = list(r.Keys)
		listed[i] = r
	}
	return listed
}
