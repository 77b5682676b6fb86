package check_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestPodsHaveNoRights(t *testing.T) {
	for _, file := range examples(t) {
		pod := one[*apps.Deployment](t, objects(t, file, "")).Spec.Template.Spec
		c := pod.Containers[0]
		if s := pod.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser == 0 || *s.RunAsGroup == 0 ||
			s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: the pod's security context is %+v", file, s)
		}
		if s := c.SecurityContext; *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem ||
			!slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
			t.Errorf("%s: the container's security context is %+v", file, s)
		}
		if *pod.AutomountServiceAccountToken {
			t.Errorf("%s: the pod gets a token of Kubernetes", file)
		}
		// The variables of a Service faveo-gateway would look like keys.
		if *pod.EnableServiceLinks {
			t.Errorf("%s: the pod gets the variables of Services", file)
		}
	}
}

func TestMountsHaveVolumes(t *testing.T) {
	for _, file := range examples(t) {
		pod := one[*apps.Deployment](t, objects(t, file, "")).Spec.Template.Spec
		var volumes, mounts []string
		for _, v := range pod.Volumes {
			volumes = append(volumes, v.Name)
		}
		for _, m := range pod.Containers[0].VolumeMounts {
			mounts = append(mounts, m.Name)
			if m.SubPath != "" {
				t.Errorf("%s: a change of %s would never arrive", file, m.MountPath)
			}
		}
		if !slices.Equal(volumes, mounts) {
			t.Errorf("%s: volumes %v, mounts %v", file, volumes, mounts)
		}
	}
}

func TestPodsMayFinish(t *testing.T) {
	pod := one[*apps.Deployment](t, objects(t, "../chart/ci/full.yaml", "{shutdownGraceSeconds: 120, preStopSeconds: 7}")).Spec.Template.Spec
	if got := *pod.TerminationGracePeriodSeconds; got <= 127 {
		t.Errorf("killed after %d s, in spite of 7 s and 120 s", got)
	}
	if got := pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds; got != 7 {
		t.Errorf("goes on serving for %d s, want 7", got)
	}
	pod = one[*apps.Deployment](t, objects(t, "../chart/ci/full.yaml", "preStopSeconds: 0")).Spec.Template.Spec
	if pod.Containers[0].Lifecycle != nil {
		t.Errorf("preStopSeconds: 0 gives %v", pod.Containers[0].Lifecycle)
	}
}

// TestProbesSpeakTLS where the admin listener does.
func TestProbesSpeakTLS(t *testing.T) {
	for over, want := range map[string]core.URIScheme{
		"": core.URISchemeHTTP, "config: {admin: {tls: {cert_file: /etc/faveo-gateway/tls/tls.crt}}}": core.URISchemeHTTPS,
	} {
		c := one[*apps.Deployment](t, objects(t, "../chart/ci/full.yaml", over)).Spec.Template.Spec.Containers[0]
		for _, probe := range []*core.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			if got := probe.HTTPGet.Scheme; got != want {
				t.Errorf("%q: probe of %s by %s, want %s", over, probe.HTTPGet.Path, got, want)
			}
		}
	}
}

// TestServicesReachPods compares selectors and ports of everything that selects pods.
func TestServicesReachPods(t *testing.T) {
	all := objects(t, "../chart/ci/full.yaml", "")
	deployment := one[*apps.Deployment](t, all)
	pod := labels.Set(deployment.Spec.Template.Labels)
	ports := map[string]bool{}
	for _, p := range deployment.Spec.Template.Spec.Containers[0].Ports {
		ports[p.Name] = true
	}
	c := deployment.Spec.Template.Spec.Containers[0]
	for _, probe := range []*core.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if !ports[probe.HTTPGet.Port.StrVal] {
			t.Errorf("a probe asks port %v, there are %v", probe.HTTPGet.Port, ports)
		}
	}
	seen := map[string]core.ServiceType{}
	for _, o := range all {
		s, ok := o.(*core.Service)
		if !ok {
			continue
		}
		seen[s.Name] = s.Spec.Type
		if !labels.SelectorFromSet(s.Spec.Selector).Matches(pod) {
			t.Errorf("service %s selects %v, the pods are %v", s.Name, s.Spec.Selector, pod)
		}
		for _, p := range s.Spec.Ports {
			if !ports[p.TargetPort.StrVal] {
				t.Errorf("service %s leads to port %v, there are %v", s.Name, p.TargetPort, ports)
			}
		}
	}
	if want := map[string]core.ServiceType{"gw": "ClusterIP", "gw-admin": "ClusterIP"}; !maps.Equal(seen, want) {
		t.Errorf("services %v, want %v", seen, want)
	}
	if !labels.SelectorFromSet(deployment.Spec.Selector.MatchLabels).Matches(pod) {
		t.Error("the deployment does not select its own pods")
	}
	if replicas := deployment.Spec.Replicas; replicas != nil {
		t.Errorf("%d replicas beside an autoscaler, which each upgrade would undo", *replicas)
	}
	if backend := one[*networking.Ingress](t, all).Spec.Rules[0].HTTP.Paths[0].Backend.Service; backend.Name != "gw" || backend.Port.Name != "http" {
		t.Errorf("the ingress leads to %+v: never to the admin listener", backend)
	}
}

// TestPHPIsClosed: nobody but the gateway reaches Faveo's pods, and the admin
// listener is for whom the values name.
func TestPHPIsClosed(t *testing.T) {
	all := objects(t, "../chart/ci/full.yaml", "")
	pod := labels.Set(one[*apps.Deployment](t, all).Spec.Template.Labels)
	policies := map[string]networking.NetworkPolicySpec{}
	for _, o := range all {
		if p, ok := o.(*networking.NetworkPolicy); ok {
			policies[p.Name] = p.Spec
		}
	}
	faveo := policies["gw-faveo"]
	if !maps.Equal(faveo.PodSelector.MatchLabels, map[string]string{"app": "faveo"}) ||
		!slices.Contains(faveo.PolicyTypes, networking.PolicyTypeIngress) || len(faveo.Ingress) != 1 || len(faveo.Ingress[0].From) != 1 {
		t.Fatalf("the policy of Faveo is %+v", faveo)
	}
	from := faveo.Ingress[0].From[0]
	if from.NamespaceSelector != nil || from.IPBlock != nil || !labels.SelectorFromSet(from.PodSelector.MatchLabels).Matches(pod) {
		t.Errorf("Faveo is open to %+v", from)
	}
	if labels.SelectorFromSet(from.PodSelector.MatchLabels).Matches(labels.Set{"app.kubernetes.io/name": "faveo-gateway"}) {
		t.Error("Faveo is open to the gateway of another release")
	}

	for _, rule := range policies["gw"].Ingress {
		if len(rule.From) == 0 {
			t.Errorf("%v is open to everybody, in spite of values", rule.Ports)
		}
	}
	for _, rule := range one[*networking.NetworkPolicy](t, without(objects(t, "../chart/ci/full.yaml", "networkPolicy: {adminFrom: []}"), "gw-faveo")).Spec.Ingress {
		for _, p := range rule.Ports {
			if p.Port.StrVal == "admin" {
				t.Error("the admin listener is open, and nobody said to whom")
			}
		}
	}
}

// without leaves one network policy out.
func without(all []runtime.Object, name string) []runtime.Object {
	return slices.DeleteFunc(all, func(o runtime.Object) bool {
		p, ok := o.(*networking.NetworkPolicy)
		return ok && p.Name == name
	})
}

// TestGatewayTakesTheConfiguration asks the gateway itself, on files where the pods
// would find them.
func TestGatewayTakesTheConfiguration(t *testing.T) {
	secrets := map[string]string{
		"faveo.database":        "mysql://gateway:password@mariadb:3306/faveo",
		"faveo.jwt_secret":      "5a60b9c1f2d84e7fa3c9d1e07b264f58",
		"redis.url":             "redis://redis:6379/0",
		"state.encryption_keys": strings.Repeat("5a60b9c1", 8),
		"admin.token":           "c9d1e07b264f585a60b9c1f2d84e7fa3",
		"api_keys.pepper":       "f2d84e7fa3c9d1e07b264f585a60b9c1",
	}
	gateway := filepath.Join(t.TempDir(), "faveo-gateway")
	build := exec.Command("go", "build", "-o", gateway, ".")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, file := range examples(t) {
		root := t.TempDir()
		put := func(name, content string) {
			name = filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(strings.ReplaceAll(content, "/etc/faveo-gateway", root)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, o := range objects(t, file, "") {
			switch m := o.(type) {
			case *core.ConfigMap:
				folder := "config"
				if strings.HasSuffix(m.Name, "-policies") {
					folder = "policies"
				}
				for name, content := range m.Data {
					put(filepath.Join(folder, name), content)
				}
			case *core.Secret:
				for name, content := range m.StringData {
					put(filepath.Join("secrets", name), content)
				}
			}
		}
		if file == "../chart/ci/full.yaml" { // Its Secret is the site's.
			for name, content := range secrets {
				put(filepath.Join("secrets", name), content)
			}
		}
		out, err := exec.Command(gateway, "check", "-c", filepath.Join(root, "config", "config.yaml")).CombinedOutput()
		if err != nil {
			t.Errorf("%s: check: %v\n%s", file, err, out)
		}
	}
}

func TestRefusedValues(t *testing.T) {
	for name, c := range map[string]struct{ over, want string }{
		"an unknown value":              {"replica: 3", "replica"},
		"an unknown secret":             {"secrets: {keys: [faveo.password]}", "/secrets/keys/0"},
		"no image":                      {"image: {repository: '', digest: ''}", "image.repository"},
		"nobody closes PHP":             {"networkPolicy: {faveo: {podLabels: null}}", "networkPolicy.faveo.podLabels"},
		"a grace that nobody waits for": {"config: {server: {shutdown_grace: 5m}}", "shutdownGraceSeconds"},
		"another listener":              {"config: {admin: {listen: ':1'}}", "admin.listen"},
		"a secret in the open":          {"config: {redis: {url: 'redis://a'}}", "config.redis.url"},
		"two sources of secrets":        {"secrets: {values: {redis.url: 'redis://a'}}", "either existingSecret or values"},
		"both listeners on one port":    {"admin: {port: 8080}", "port"},
		"rules that were not packed":    {"grafanaDashboard: {enabled: maybe}", "grafanaDashboard"},
	} {
		_, err := render("../chart/ci/full.yaml", c.over)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
}
