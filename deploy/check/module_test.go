package check_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// compiled are the folders of the root that the gateway is compiled from.
func compiled(t *testing.T) []string {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}", ".")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var folders []string
	for _, path := range strings.Fields(string(out)) {
		if _, inside, ok := strings.Cut(path, "/"); ok {
			top, _, _ := strings.Cut(inside, "/")
			folders = append(folders, top)
		}
	}
	if len(folders) < 10 {
		t.Fatalf("go list names %v", folders)
	}
	return folders
}

// goVersion is that of go.mod, without the last number.
func goVersion(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(content)
	if found == nil {
		t.Fatal("go.mod names no version of Go")
	}
	return string(found[1])
}
