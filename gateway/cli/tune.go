package cli

import (
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"faveo-gateway/gateway/config"
)

// gcPercent lets the heap grow to five times what lives before it is collected.
// What lives is small and bounded by the caches, so that this costs some tens of
// megabytes and saves a tenth of the CPU.
const gcPercent = 400

// tuneMemory sets the collector for a server, unless the operator has set GOGC.
// GOMEMLIMIT is the runtime's own and bounds both.
func tuneMemory(environ []string) {
	if !isSet(environ, "GOGC") {
		debug.SetGCPercent(gcPercent)
	}
}

// hashesOf settles how many passwords a configuration lets be hashed at once, where it
// leaves that to the number of CPUs.
func hashesOf(cpus int) func(*config.Config) *config.Config {
	return func(c *config.Config) *config.Config {
		settled := *c
		if settled.Login.MaxConcurrentHashes == 0 {
			settled.Login.MaxConcurrentHashes = cpus
		}
		return &settled
	}
}

// tuneProcessors gives the scheduler of Go one processor more for each password that is
// hashed at once, unless the operator has set GOMAXPROCS: so requests find one while all
// slots hash, and need not wait until the scheduler takes one away from a hash.
func tuneProcessors(environ []string, c *config.Config) {
	if !isSet(environ, "GOMAXPROCS") {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + c.Login.MaxConcurrentHashes)
	}
}

func isSet(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
}
