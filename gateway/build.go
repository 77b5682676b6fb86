package gateway

import (
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// Build tells which gateway this is.
type Build struct {
	// Version is the release, "devel" for a build from a work tree.
	Version string
	// Commit is the revision of the source, "" when it is not known.
	Commit string
}

// ReadBuild reads what the Go linker knows of this program. A version set by
// the linker (-X) wins over the module's.
func ReadBuild(linked string) Build {
	b := Build{Version: linked}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			b.Commit = setting.Value
		}
	}
	return b
}

// newBuildInfo is the metric build_info, always 1.
func newBuildInfo(b Build) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "faveo_gateway_build_info",
		Help:        "Always 1, labelled with version, commit and goversion.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}
