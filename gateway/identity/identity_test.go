package identity_test

import (
	"testing"

	"faveo-gateway/gateway/identity"
)

// TestRoleOf reads the column as PHP does: exactly, and everything else as the
// least of the roles.
func TestRoleOf(t *testing.T) {
	for column, want := range map[string]identity.Role{
		"admin": identity.RoleAdmin, "agent": identity.RoleAgent, "user": identity.RoleUser,
		"": identity.RoleUser, "Admin": identity.RoleUser, "admin ": identity.RoleUser, "root": identity.RoleUser,
	} {
		if got := identity.RoleOf(column); got != want {
			t.Errorf("RoleOf(%q) = %q, want %q", column, got, want)
		}
	}
}
