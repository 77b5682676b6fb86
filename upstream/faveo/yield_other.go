//go:build !linux

package faveo

import "runtime"

// yield lets whoever waits for a processor of Go have it first.
func yield() { runtime.Gosched() }
