package check_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// stages are those of a Dockerfile as BuildKit reads and lints it.
func stages(t *testing.T, name string) []instructions.Stage {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	file, err := parser.Parse(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, w := range file.Warnings {
		t.Errorf("%s: %s", name, w.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, message string, _ []parser.Range) {
		t.Errorf("%s: %s: %s", name, rule, message)
	}})
	found, _, err := instructions.Parse(file.AST, lint)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return found
}

// TestImagesAreAlike: both have nothing below them, no root, and the same entry.
func TestImagesAreAlike(t *testing.T) {
	var told []string
	for _, name := range []string{"../Dockerfile", "../Dockerfile.local"} {
		all := stages(t, name)
		last := all[len(all)-1]
		if last.BaseName != "scratch" {
			t.Errorf("%s: the image is based on %s", name, last.BaseName)
		}
		var lines []string
		for _, c := range last.Commands {
			switch c := c.(type) {
			case *instructions.UserCommand:
				lines = append(lines, "USER "+c.User)
			case *instructions.ExposeCommand:
				lines = append(lines, "EXPOSE "+strings.Join(c.Ports, " "))
			case *instructions.StopSignalCommand:
				lines = append(lines, "STOPSIGNAL "+c.Signal)
			case *instructions.EntrypointCommand:
				lines = append(lines, "ENTRYPOINT "+strings.Join(c.CmdLine, " "))
			case *instructions.CmdCommand:
				lines = append(lines, "CMD "+strings.Join(c.CmdLine, " "))
			case *instructions.CopyCommand:
				lines = append(lines, "COPY "+c.DestPath+" "+c.Chown)
			default:
				t.Errorf("%s: %s in the image", name, c.Name())
			}
		}
		told = append(told, strings.Join(lines, "\n"))
	}
	if told[0] != told[1] {
		t.Errorf("Dockerfile makes\n%s\nDockerfile.local\n%s", told[0], told[1])
	}
	if !strings.Contains(told[0], "USER 65532:65532") {
		t.Errorf("the user is no number above zero:\n%s", told[0])
	}
}

// TestDockerfileCopiesWhatIsCompiled compares what the build stage gets with the
// folders that Go reads.
func TestDockerfileCopiesWhatIsCompiled(t *testing.T) {
	build := stages(t, "../Dockerfile")[0]
	var copied []string
	for _, c := range build.Commands {
		if c, ok := c.(*instructions.CopyCommand); ok {
			copied = append(copied, c.SourcePaths...)
		}
	}
	needed := map[string]bool{"go.mod": true, "go.sum": true, "main.go": true}
	for _, folder := range compiled(t) {
		needed[folder] = true
	}
	for name := range needed {
		if !slices.Contains(copied, name) {
			t.Errorf("%s is needed, copied are %v", name, copied)
		}
	}
	if version := goVersion(t); build.BaseName != "golang:"+version {
		t.Errorf("built with %s, go.mod says %s", build.BaseName, version)
	}
}
