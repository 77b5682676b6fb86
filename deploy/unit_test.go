package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/gateway/storetest/service"
)

const unit = "faveo-gateway.service"

// exposure is the worst that `systemd-analyze security` may say of the unit, in
// tenths; it is at 1.2 now.
const exposure = "13"

// TestUnit asks systemd whether it understands the unit and how much it leaves open.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	service.Require(t, "systemd-analyze", err)
	content, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	// The program must be there, or systemd complains of that.
	const installed = "/usr/local/bin/faveo-gateway"
	if !strings.Contains(string(content), "ExecStart="+installed+" ") {
		t.Fatalf("the unit does not start %s", installed)
	}
	copied := filepath.Join(t.TempDir(), unit)
	if err := os.WriteFile(copied, []byte(strings.ReplaceAll(string(content), installed, "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", copied).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", "--threshold="+exposure, copied).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}
