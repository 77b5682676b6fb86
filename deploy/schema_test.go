package deploy_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/limit"
)

// keys are all keys of the configuration; true for the secret ones.
func keys() map[string]bool {
	all := map[string]bool{}
	walk(reflect.TypeFor[config.Config](), "", all)
	return all
}

func walk(t reflect.Type, path string, all map[string]bool) {
	leaves := []reflect.Type{reflect.TypeFor[config.Secret](), reflect.TypeFor[time.Time](), reflect.TypeFor[limit.Rate]()}
	for i := range t.NumField() {
		f := t.Field(i)
		at := strings.Trim(path+"."+f.Tag.Get("yaml"), ".")
		if f.Type.Kind() == reflect.Struct && !slices.Contains(leaves, f.Type) {
			walk(f.Type, at, all)
			continue
		}
		all[at] = f.Type == leaves[0] || f.Type == reflect.SliceOf(leaves[0])
	}
}

// variables are all variables that the gateway and its commands read.
func variables() map[string]bool {
	all := map[string]bool{
		"FAVEO_GATEWAY_ADMIN_CA": true, "FAVEO_GATEWAY_ADMIN_CERT": true, "FAVEO_GATEWAY_ADMIN_KEY": true, // As the flags --admin-ca and so on.
	}
	for key, secret := range keys() {
		name := "FAVEO_GATEWAY_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		all[name] = true
		if secret {
			all[name+"_FILE"] = true
		}
	}
	return all
}

// TestChartKnowsEverySecret compares what the chart takes as a secret with what is one.
func TestChartKnowsEverySecret(t *testing.T) {
	content, err := os.ReadFile("chart/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Definitions struct {
			Secret struct{ Enum []string }
		}
	}
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	var want []string
	for key, secret := range keys() {
		if secret {
			want = append(want, key)
		}
	}
	slices.Sort(want)
	if got := schema.Definitions.Secret.Enum; !slices.Equal(got, want) {
		t.Errorf("values.schema.json knows the secrets\n%v, there are\n%v", got, want)
	}
}
