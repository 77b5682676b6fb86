package config_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/limit"
)

const reference = "../../config.yaml"

func TestReferenceEqualsDefaults(t *testing.T) {
	got := load(t, config.Sources{File: reference, Environ: required()})
	want := config.Default()
	want.Faveo.Database, want.Faveo.JWTSecret = got.Faveo.Database, got.Faveo.JWTSecret
	if !reflect.DeepEqual(got, want) {
		t.Errorf("config.yaml is\n%+v\nthe defaults are\n%+v", got, want)
	}
}

// TestReferenceGivesEveryKey fails for a key that is only implied, which
// TestReferenceEqualsDefaults cannot see.
func TestReferenceGivesEveryKey(t *testing.T) {
	content, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	content = regexp.MustCompile(`(?m)^( +)#([a-z])`).ReplaceAll(content, []byte("$1$2"))
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	given := leaves(document.Content[0], "")
	known := keysOf(reflect.TypeFor[config.Config](), "", nil)
	var want []string
	for _, k := range known {
		want = append(want, k.path)
		if k.secret {
			want = append(want, k.path+"_file")
		}
	}
	slices.Sort(given)
	slices.Sort(want)
	if !slices.Equal(given, want) {
		t.Errorf("config.yaml gives\n%s\nthe keys are\n%s", strings.Join(given, "\n"), strings.Join(want, "\n"))
	}
}

func TestReferenceExplainsEveryKey(t *testing.T) {
	content, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(content), "\n")
	for i, line := range lines {
		isKey := regexp.MustCompile(`^ *#?[a-z_]+:( |$)`).MatchString(line)
		if !isKey || i == 0 {
			continue
		}
		before := strings.TrimSpace(lines[i-1])
		section := strings.HasSuffix(before, ":") // the first key may be explained by its section's name
		together := strings.HasPrefix(strings.TrimSpace(line), "audience:") || strings.Contains(line, "_file:")
		if name := strings.TrimSpace(line); !strings.HasPrefix(before, "# ") && !together &&
			!strings.HasSuffix(name, ":") || section && !strings.HasSuffix(name, ":") {
			t.Errorf("line %d has no explanation above it: %s", i+1, line)
		}
	}
}

func leaves(n *yaml.Node, path string) []string {
	var all []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		at := strings.TrimPrefix(path+"."+n.Content[i].Value, ".")
		if n.Content[i+1].Kind == yaml.MappingNode {
			all = append(all, leaves(n.Content[i+1], at)...)
		} else {
			all = append(all, at)
		}
	}
	return all
}

// field is a key as this test finds it, by its own walk over the types.
type field struct {
	path   string
	secret bool
	index  []int
	typ    reflect.Type
}

func keysOf(t reflect.Type, path string, index []int) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		at := strings.Trim(path+"."+f.Tag.Get("yaml"), ".")
		where := append(slices.Clone(index), i)
		if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[config.Secret]() && f.Type != reflect.TypeFor[time.Time]() && f.Type != reflect.TypeFor[limit.Rate]() {
			all = append(all, keysOf(f.Type, at, where)...)
			continue
		}
		secret := f.Type == reflect.TypeFor[config.Secret]() || f.Type == reflect.TypeFor[[]config.Secret]()
		all = append(all, field{at, secret, where, f.Type})
	}
	return all
}

// TestManualNamesEveryKey holds the table of the manual to the keys there are.
func TestManualNamesEveryKey(t *testing.T) {
	content, err := os.ReadFile("../../deploy/docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var given []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+\\.[a-z_.]+)` \\|").FindAllSubmatch(content, -1) {
		given = append(given, string(row[1]))
	}
	var want []string
	for _, k := range keysOf(reflect.TypeFor[config.Config](), "", nil) {
		want = append(want, k.path)
	}
	slices.Sort(given)
	slices.Sort(want)
	if !slices.Equal(given, want) {
		t.Errorf("configuration.md has rows for\n%s\nthe keys are\n%s", strings.Join(given, "\n"), strings.Join(want, "\n"))
	}
}
