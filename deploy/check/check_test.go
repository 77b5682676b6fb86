// Package check_test holds the chart to what Helm, Kubernetes and the gateway make
// of it: Helm's own linter and engine, the types of the Kubernetes API decoded
// strictly, and `faveo-gateway check` on the configuration that comes out.
//
// It is a module of its own, so that the gateway does not depend on Helm.
package check_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const chartFolder = "../chart"

// examples are the files of values in ci/, by name.
func examples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../chart/ci/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	return files
}

func TestLint(t *testing.T) {
	for _, file := range examples(t) {
		values, err := chartutil.ReadValuesFile(file)
		if err != nil {
			t.Fatal(err)
		}
		linted := lint.AllWithKubeVersion(chartFolder, values, "helpdesk", &kubernetes.KubeVersion)
		for _, m := range linted.Messages {
			if m.Severity > support.InfoSev {
				t.Errorf("%s: %v", file, m)
			}
		}
	}
}

// kubernetes is what the chart is rendered for.
var kubernetes = func() *chartutil.Capabilities {
	c := chartutil.DefaultCapabilities.Copy()
	c.KubeVersion = chartutil.KubeVersion{Version: "v1.31.0", Major: "1", Minor: "31"}
	return c
}()

// render gives the files of the chart for the values of a file and, over them, a
// document.
func render(file, over string) (map[string]string, error) {
	chart, err := loader.Load(chartFolder)
	if err != nil {
		return nil, err
	}
	values, err := chartutil.ReadValuesFile(file)
	if err != nil {
		return nil, err
	}
	more, err := chartutil.ReadValues([]byte(over))
	if err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: "gw", Namespace: "helpdesk", IsInstall: true, Revision: 1}
	all, err := chartutil.ToRenderValues(chart, chartutil.CoalesceTables(more, values), release, kubernetes)
	if err != nil {
		return nil, err
	}
	return engine.Render(chart, all)
}

// objects are the manifests of the chart as Kubernetes reads them. One that has an
// unknown or doubled member fails the test.
func objects(t *testing.T, file, over string) []runtime.Object {
	t.Helper()
	files, err := render(file, over)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		json.SerializerOptions{Yaml: true, Strict: true})
	var all []runtime.Object
	for name, content := range files {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for document := range strings.SplitSeq(content, "\n---") {
			if isEmpty(document) {
				continue
			}
			object, _, err := strict.Decode([]byte(document), nil, nil)
			if runtime.IsNotRegisteredError(err) { // Of the Prometheus operator.
				object, err = custom(document)
			}
			if err != nil {
				t.Fatalf("%s: %s: %v\n%s", file, name, err, document)
			}
			all = append(all, object)
		}
	}
	return all
}

func isEmpty(document string) bool {
	for line := range strings.Lines(document) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && line != "---" {
			return false
		}
	}
	return true
}

// custom reads what is no type of Kubernetes itself.
func custom(document string) (runtime.Object, error) {
	var u runtime.Unknown
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string
		Spec       map[string]any
	}
	if err := yaml.Unmarshal([]byte(document), &head); err != nil {
		return nil, err
	}
	known := []string{"ServiceMonitor", "PrometheusRule"}
	if head.APIVersion != "monitoring.coreos.com/v1" || !slices.Contains(known, head.Kind) {
		return nil, fmt.Errorf("unknown kind %s %s", head.APIVersion, head.Kind)
	}
	if len(head.Spec) == 0 {
		return nil, errors.New("has no spec")
	}
	u.APIVersion, u.Kind, u.Raw = head.APIVersion, head.Kind, []byte(document)
	return &u, nil
}

// one is the only object of its type among all.
func one[T runtime.Object](t *testing.T, all []runtime.Object) T {
	t.Helper()
	var found []T
	for _, o := range all {
		if typed, ok := o.(T); ok {
			found = append(found, typed)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T, want 1", len(found), *new(T))
	}
	return found[0]
}
