package storetest_test

import (
	"errors"
	"testing"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/storetest"
)

func TestAudit(t *testing.T) {
	storetest.TestAuditStore(t, func(*testing.T) (one, other audit.Store) {
		store := storetest.NewAudit()
		return store, store
	})
}

func TestAuditFailsWhenTold(t *testing.T) {
	fault, store := errors.New("down"), storetest.NewAudit()
	store.Fail(fault)
	_, head := store.Head(t.Context())
	_, after := store.After(t.Context(), 0, 1)
	for name, err := range map[string]error{
		"Head": head, "After": after,
		"Append": store.Append(t.Context(), audit.Link{}, func(audit.Head) audit.Batch { panic("sealed") }),
		"Prune":  store.Prune(t.Context(), func(audit.Head) (audit.Head, bool) { panic("sealed") }),
	} {
		if !errors.Is(err, fault) {
			t.Errorf("%s: %v, want %v", name, err, fault)
		}
	}
}
