package admin

import "context"

func (h *Handler) tailAudit(ctx context.Context, in input) (any, error) {
	entries, err := h.audit.Tail(ctx, in.follow, in.after, in.limit)
	return AuditEntries{Entries: list(entries)}, err
}

// verifyAudit proves a part of the trail. Without the hash of the entry before it, a
// part proves nothing about where it belongs.
func (h *Handler) verifyAudit(ctx context.Context, in input) (any, error) {
	if (in.after == 0) != (in.hash == "") {
		return nil, BadRequest("after=N and hash=H are one entry and must both be given, or neither, for the beginning")
	}
	return h.audit.Verify(ctx, in.after, in.hash)
}
