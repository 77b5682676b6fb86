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

// tuneProcessors gives the scheduler of Go a processor for each hash of a password, unless
// the operator has set GOMAXPROCS, and returns the configuration with their number settled:
// what counts is the number of CPUs, before any was added.
func tuneProcessors(environ []string, c *config.Config) *config.Config {
	tuned, processors := *c, 0
	if tuned.Login, processors = c.Login.Reserve(); !isSet(environ, "GOMAXPROCS") {
		runtime.GOMAXPROCS(processors)
	}
	return &tuned
}

func isSet(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
}
