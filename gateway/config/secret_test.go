package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"faveo-gateway/gateway/config"
)

const marked = "MARKEDSECRETMARKED"

// hidden has its Secret where fmt cannot call a method.
type hidden struct{ secret config.Secret }

func TestSecretPrintsItsNameInEveryFormat(t *testing.T) {
	secret := config.NewSecret(marked)
	values := map[string]any{
		"value": secret, "pointer": &secret, "list": []config.Secret{secret},
		"map": map[string]config.Secret{"a": secret}, "key": map[config.Secret]int{secret: 1},
		"field": struct{ Secret config.Secret }{secret}, "hidden field": hidden{secret}, "any": any(secret),
	}
	for name, value := range values {
		for _, verb := range "vsqdxXpTtbcoOUeEfFgGwz" {
			for _, flags := range []string{"", "+", "#", "-20", "020", ".3", " "} {
				format := "%" + flags + string(verb)
				if printed := fmt.Sprintf(format, value); leaks(printed) {
					t.Errorf("%s by %s prints %q", name, format, printed)
				}
			}
		}
		if printed := fmt.Sprint(value); leaks(printed) {
			t.Errorf("%s prints %q", name, printed)
		}
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if got := fmt.Sprintf(format, secret); got != "<secret>" {
			t.Errorf("%s prints %q, want <secret>", format, got)
		}
	}
}

// leaks looks for the text in the clear and in hexadecimal.
func leaks(printed string) bool {
	lower := strings.ToLower(printed)
	return strings.Contains(printed, "MARKED") || strings.Contains(printed, "MAR") ||
		strings.Contains(lower, fmt.Sprintf("%x", "MAR")) || strings.Contains(lower, "77 65 82")
}

func TestSecretIsNotEncoded(t *testing.T) {
	document := struct {
		Secret config.Secret   `json:"secret" yaml:"secret"`
		List   []config.Secret `json:"list" yaml:"list"`
	}{config.NewSecret(marked), []config.Secret{config.NewSecret(marked)}}

	asJSON, err := json.Marshal(document)
	if want := `{"secret":"\u003csecret\u003e","list":["\u003csecret\u003e"]}`; err != nil || string(asJSON) != want {
		t.Errorf("JSON is %s, %v, want %s", asJSON, err, want)
	}
	asYAML, err := yaml.Marshal(document)
	if err != nil || leaks(string(asYAML)) || !strings.Contains(string(asYAML), "<secret>") {
		t.Errorf("YAML is %s, %v", asYAML, err)
	}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var log bytes.Buffer
		slog.New(handler(&log)).Info("event", slog.Any("secret", document.Secret), slog.Any("document", document), slog.Any("error", fmt.Errorf("%v", document)))
		if leaks(log.String()) || !strings.Contains(log.String(), "secret") {
			t.Errorf("%s log is %s", name, log.String())
		}
	}
}

func TestSecretAbsent(t *testing.T) {
	absent, given := config.NewSecret(""), config.NewSecret("x")
	if !absent.IsZero() || absent.Reveal() != "" || absent != (config.Secret{}) {
		t.Error("the empty Secret is not the absent one")
	}
	if given.IsZero() || given.Reveal() != "x" {
		t.Errorf("a given Secret reveals %q", given.Reveal())
	}
}
