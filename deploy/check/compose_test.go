package check_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// project is compose.yaml as Compose itself reads it.
func project(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../compose.yaml"},
		cli.WithEnv([]string{"FAVEO_IMAGE=faveo:2.0.3"}), cli.WithDiscardEnvFile, cli.WithName("helpdesk"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestComposePublishesOnLoopback: only the gateway and Grafana, which has a login.
func TestComposePublishesOnLoopback(t *testing.T) {
	published := map[string]string{}
	for name, service := range project(t).Services {
		for _, p := range service.Ports {
			published[name] += p.HostIP + ":" + p.Published
		}
		if service.NetworkMode != "" || service.Privileged {
			t.Errorf("%s is not held to its networks: %q, privileged %t", name, service.NetworkMode, service.Privileged)
		}
	}
	if want := map[string]string{"gateway": "127.0.0.1:8080", "grafana": "127.0.0.1:3000"}; len(published) != len(want) ||
		published["gateway"] != want["gateway"] || published["grafana"] != want["grafana"] {
		t.Errorf("published %v, want %v", published, want)
	}
}

func TestComposeHidesStoresAndAdmin(t *testing.T) {
	p := project(t)
	inside := map[string][]string{}
	for name, service := range p.Services {
		for network := range service.Networks {
			inside[network] = append(inside[network], name)
		}
	}
	for network, want := range map[string][]string{
		"front":      {"faveo", "gateway"},
		"stores":     {"faveo", "gateway", "mariadb", "redis"},
		"monitoring": {"gateway", "grafana", "prometheus"},
	} {
		got := inside[network]
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("in network %s are %v, want %v", network, got, want)
		}
	}
	if !p.Networks["stores"].Internal {
		t.Error("the network of the stores has a way out")
	}
	gateway := p.Services["gateway"]
	address := gateway.Networks["monitoring"].Ipv4Address
	if listen := *gateway.Environment["FAVEO_GATEWAY_ADMIN_LISTEN"]; address == "" || !strings.HasPrefix(listen, address+":") {
		t.Errorf("the admin listener is on %s, in the network of Prometheus the gateway is %q", listen, address)
	}
	if scrape := p.Configs["prometheus"].Content; !strings.Contains(scrape, address+":9090") {
		t.Errorf("Prometheus asks elsewhere than at %s:\n%s", address, scrape)
	}
	if gateway.StopGracePeriod == nil || time.Duration(*gateway.StopGracePeriod) <= 30*time.Second {
		t.Errorf("killed after %v, before server.shutdown_grace is over", gateway.StopGracePeriod)
	}
	if !gateway.ReadOnly || !slices.Contains(gateway.CapDrop, "ALL") {
		t.Error("the gateway's container may write or has rights")
	}
}

// TestComposeFindsItsFiles: secrets are made by the site, everything else is here,
// and each secret has a line in the document that says how.
func TestComposeFindsItsFiles(t *testing.T) {
	p := project(t)
	for name, service := range p.Services {
		for _, v := range service.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s mounts %v", name, err)
			}
		}
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range p.Secrets {
		if made := "> " + filepath.Base(secret.File); !strings.Contains(string(readme), made+"\n") && !strings.Contains(string(readme), made+" ") {
			t.Errorf("secret %s: README.md makes no %s", name, secret.File)
		}
	}
}
