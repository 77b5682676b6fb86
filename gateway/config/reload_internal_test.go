package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestReloadableKeys fails for a name that means nothing, and for one that config.yaml
// does not tell of.
func TestReloadableKeys(t *testing.T) {
	s := newSchema(reflect.TypeFor[Config]())
	reference, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, told, _ := strings.Cut(string(reference), "Taken over without a restart are")
	told, _, _ = strings.Cut(told, "\n\n")
	told = strings.ReplaceAll(told, "\n#", " ")
	for _, path := range reloadable() {
		if s.byPath[path] == nil && s.sections[path] == nil {
			t.Errorf("%s is neither a key nor a section", path)
		}
		if !strings.Contains(told, " "+path+",") && !strings.Contains(told, " "+path+".") {
			t.Errorf("the beginning of config.yaml does not tell that %s is taken over by a reload", path)
		}
	}
	for _, k := range s.keys {
		if k.kind == kindSecret && k.isReloadable() {
			t.Errorf("%s is a secret: what it opened stays open", k.path)
		}
	}
}
