package check_test

import (
	"strings"
	"testing"
)

// TestNotesWarn: what an installation lacks is said at its end, and nothing else is.
func TestNotesWarn(t *testing.T) {
	for file, want := range map[string][]string{
		"../chart/ci/full.yaml":  nil,
		"../chart/ci/trial.yaml": {"without state.encryption_keys", "the secrets are in the release", "nothing closes the port of PHP", "trusted_proxies is empty"},
	} {
		files, err := render(file, "")
		if err != nil {
			t.Fatal(err)
		}
		notes := files["faveo-gateway/templates/NOTES.txt"]
		for _, text := range want {
			if !strings.Contains(notes, text) {
				t.Errorf("%s: nothing about %q:\n%s", file, text, notes)
			}
		}
		if got := strings.Count(notes, "NOTE:"); got != len(want) || !strings.Contains(notes, "/readyz") {
			t.Errorf("%s: %d warnings, want %d:\n%s", file, got, len(want), notes)
		}
	}
}
