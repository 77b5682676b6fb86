package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/gateway/config"
)

var update = flag.Bool("update", false, "write the faults that are found into testdata")

// TestFaults loads each file of testdata/faults and compares the faults with the
// .faults file beside it, without the folder in front. Files have what is
// required unless their name says otherwise.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("only %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			environ := required()
			if content, _ := os.ReadFile(file); strings.HasPrefix(string(content), "# alone") {
				environ = nil
			}
			got := strings.ReplaceAll(loadFaults(t, config.Sources{File: file, Environ: environ}).Error(), "testdata/faults/", "") + "\n"
			if leaks(got) {
				t.Errorf("a secret is shown: %s", got)
			}
			beside := strings.TrimSuffix(file, ".yaml") + ".faults"
			if *update {
				if err := os.WriteFile(beside, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(beside)
			if err != nil || got != string(want) {
				t.Errorf("faults are\n%swant\n%s%v", got, want, err)
			}
		})
	}
}
