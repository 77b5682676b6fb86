// Package deploy_test holds the samples and documents of this folder, and the
// documents of the root, to what they talk about: the configuration and the
// commands of the gateway, real web servers, systemd.
package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"faveo-gateway/gateway/config"
)

// documents are the texts that an operator reads or runs, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	read := func(path string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = string(content)
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (path == "check" || path == "secrets"):
			return filepath.SkipDir
		case !entry.IsDir() && filepath.Ext(path) != ".go":
			read(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "config.yaml"} {
		read("../" + name)
	}
	return all
}

func TestVariablesExist(t *testing.T) {
	known, seen := variables(), 0
	for path, text := range documents(t) {
		for _, name := range regexp.MustCompile(`FAVEO_GATEWAY_[A-Z0-9_]*[A-Z0-9]`).FindAllString(text, -1) {
			seen++
			if !known[name] {
				t.Errorf("%s: %s is no variable of the gateway", path, name)
			}
		}
	}
	if seen < 20 {
		t.Errorf("found %d variables in all documents", seen)
	}
}

// TestKeysExist looks at `a.b` in Markdown whose first part is a section.
func TestKeysExist(t *testing.T) {
	known := map[string]bool{}
	for key, secret := range keys() {
		known[key] = true
		if secret {
			known[key+"_file"] = true
		}
		for i := range key {
			if key[i] == '.' {
				known[key[:i]] = true
			}
		}
	}
	// What looks like one: columns of the database.
	other := map[string]bool{"faveo.sqlite": true}
	seen := 0
	for path, text := range documents(t) {
		if filepath.Ext(path) != ".md" {
			continue
		}
		for _, found := range regexp.MustCompile("`([a-z_]+)((?:\\.[a-z_]+)+)(: [^`]*)?`").FindAllStringSubmatch(text, -1) {
			key := found[1] + found[2]
			if !known[found[1]] || other[key] {
				continue
			}
			seen++
			if !known[key] {
				t.Errorf("%s: %s is no key of the configuration", path, key)
			}
		}
	}
	if seen < 100 {
		t.Errorf("found %d keys in all documents", seen)
	}
}

// TestEnvironmentFileIsUnderstood reads the sample of the unit's environment as the
// gateway would, with what is commented out.
func TestEnvironmentFileIsUnderstood(t *testing.T) {
	content, err := os.ReadFile("faveo-gateway.env.example")
	if err != nil {
		t.Fatal(err)
	}
	given := regexp.MustCompile(`(?m)^#?(FAVEO_GATEWAY_.*)$`).FindAllString(string(content), -1)
	if len(given) < 5 {
		t.Fatalf("the sample sets %v", given)
	}
	environ := []string{
		"FAVEO_GATEWAY_FAVEO_DATABASE=mysql://user:password@127.0.0.1:3306/faveo",
		"FAVEO_GATEWAY_FAVEO_JWT_SECRET=" + jwtSecret,
	}
	for _, line := range given {
		environ = append(environ, strings.TrimPrefix(line, "#"))
	}
	if _, err := config.Load(config.Sources{Environ: environ}); err != nil {
		t.Error(err)
	}
}

// TestLinksLead follows every relative link of the documents, anchors included.
func TestLinksLead(t *testing.T) {
	all := documents(t)
	seen := 0
	for path, text := range all {
		if filepath.Ext(path) != ".md" {
			continue
		}
		for _, found := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(text, -1) {
			target, anchor, hasAnchor := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			seen++
			to := path
			if target != "" {
				to = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: link %s: %v", path, found[1], err)
			} else if hasAnchor && !anchors(all[to])[anchor] {
				t.Errorf("%s: link %s: %s has no such heading", path, found[1], to)
			}
		}
	}
	if seen < 20 {
		t.Errorf("found %d links in all documents", seen)
	}
}

// anchors are the names of a document's headings, as they are linked to.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all[strings.ReplaceAll(name, " ", "-")] = true
	}
	return all
}
