package gateway_test

import (
	"os/exec"
	"strings"
	"testing"
)

// mayImport pins the directions between the rooms: what each may import of this
// module. A room that is not named here may import nothing of it.
var mayImport = map[string][]string{
	"":               {"gateway/cli"},
	"gateway/cli":    {"gateway", "gateway/admin", "gateway/config", "gateway/doctor", "policy", "upstream/standin"},
	"gateway":        {"gateway/...", "policy", "upstream/..."},
	"gateway/config": {"gateway/acme", "gateway/apikey", "gateway/audit", "gateway/certificate", "gateway/identity", "gateway/keyring", "gateway/limit", "gateway/login", "gateway/redisstore", "gateway/session", "gateway/token", "policy", "upstream/database", "upstream/faveo", "upstream/proxy"},

	// limit is a leaf of pure types like identity: a rate means the same everywhere.
	"gateway/stage": {"gateway/identity", "gateway/limit", "policy", "upstream/laravel"},
	"gateway/login": {"gateway/identity", "gateway/limit", "upstream/laravel"},
	"gateway/admin": {},
	// doctor is pure: what it asks, it is handed as functions.
	"gateway/doctor": {},

	// acme and certificate know nothing of a gateway: a listener is given to them.
	"gateway/acme":        {},
	"gateway/certificate": {},

	"gateway/identity":   {"gateway/limit"},
	"gateway/limit":      {},
	"gateway/apikey":     {"gateway/identity", "gateway/limit"},
	"gateway/audit":      {"gateway/limit"},
	"gateway/token":      {"gateway/identity"},
	"gateway/trace":      {},
	"gateway/session":    {"gateway/identity"},
	"gateway/keyring":    {"gateway/token"},
	"gateway/redisstore": {"gateway/apikey", "gateway/keyring", "gateway/limit", "gateway/session", "gateway/token", "upstream/breaker"},
	"gateway/sqlstore":   {"gateway/apikey", "gateway/audit", "gateway/keyring", "gateway/limit", "upstream/breaker", "upstream/database"},
	"gateway/storetest":  {"gateway/apikey", "gateway/audit", "gateway/keyring", "gateway/limit", "gateway/session", "gateway/token"},

	"gateway/storetest/service": {"upstream/database"},

	"upstream/breaker":         {},
	"upstream/database":        {},
	"upstream/faveo":           {"upstream/breaker", "upstream/database", "upstream/laravel"},
	"upstream/faveo/faveotest": {"upstream/standin", "upstream/faveo", "upstream/laravel"},
	"upstream/standin":         {"upstream/faveo", "upstream/laravel"},
}

// TestArrows reads the imports of the packages as they ship; tests may look
// wherever they need to.
func TestArrows(t *testing.T) {
	const module = "faveo-gateway"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports ","}}`, module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	rooms := strings.Fields(string(out))
	if len(rooms) < 15 {
		t.Fatalf("go list names %d packages, want the whole house", len(rooms))
	}
	for _, line := range rooms {
		importer, imports, _ := strings.Cut(line, ":")
		room := strings.TrimPrefix(strings.TrimPrefix(importer, module), "/")
		for _, imported := range strings.Split(imports, ",") {
			other, ours := strings.CutPrefix(imported, module+"/")
			if ours && !allowed(mayImport[room], other) {
				t.Errorf("%q imports %q, which the table above does not allow", room, other)
			}
		}
	}
}

func allowed(patterns []string, room string) bool {
	for _, pattern := range patterns {
		prefix, isTree := strings.CutSuffix(pattern, "/...")
		if room == pattern || (isTree && strings.HasPrefix(room, prefix+"/")) {
			return true
		}
	}
	return false
}
