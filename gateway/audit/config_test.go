package audit_test

import (
	"reflect"
	"testing"
	"time"

	"faveo-gateway/gateway/audit"
)

func TestConfig(t *testing.T) {
	for name, test := range map[string]struct {
		config audit.Config
		want   []string
	}{
		"default":             {audit.DefaultConfig(), nil},
		"file":                {audit.Config{To: "file", File: "/var/log/audit.jsonl"}, nil},
		"a file for later":    {audit.Config{To: "stdout", File: "/var/log/audit.jsonl"}, nil},
		"off":                 {audit.Config{To: "off"}, nil},
		"kept":                {audit.Config{To: "database", Keep: 24 * time.Hour}, nil},
		"nowhere":             {audit.Config{}, []string{"to"}},
		"elsewhere":           {audit.Config{To: "syslog"}, []string{"to"}},
		"no file":             {audit.Config{To: "file"}, []string{"file"}},
		"a relative file":     {audit.Config{To: "file", File: "audit.jsonl"}, []string{"file"}},
		"kept too short":      {audit.Config{To: "database", Keep: time.Hour}, []string{"keep"}},
		"kept a negative age": {audit.Config{To: "database", Keep: -1}, []string{"keep"}},
		"kept too long":       {audit.Config{To: "database", Keep: 1<<63 - 1}, []string{"keep"}},
		"a file is not cut":   {audit.Config{To: "file", File: "/a", Keep: 24 * time.Hour}, []string{"keep"}},
	} {
		var got []string
		test.config.Validate(func(path, _ string) { got = append(got, path) })
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: faults at %q, want %q", name, got, test.want)
		}
	}
}
