package gateway_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"faveo-gateway/gateway/cli"
)

// TestServeReloads runs the command with a file, and changes that: at a SIGHUP, and a
// moment later without one, what it says counts; what it says wrongly does not.
func TestServeReloads(t *testing.T) {
	stores, _ := onMariaDB(t)
	file := filepath.Join(t.TempDir(), "config.yaml")
	write(t, file, "observability: {log: {level: info}}\n")
	var environ []string
	for path, text := range merge(stores, settings{
		"faveo.jwt_secret": secret, "server.listen": "127.0.0.1:0", "admin.listen": "127.0.0.1:0", "faveo.urls": secondStandin(t),
	}) {
		environ = append(environ, "FAVEO_GATEWAY_"+strings.ToUpper(strings.ReplaceAll(path, ".", "_"))+"="+text)
	}
	var (
		log       safeBuffer
		hangups   = make(chan os.Signal)
		ctx, stop = context.WithCancel(t.Context())
		code      = make(chan int, 1)
	)
	go func() {
		code <- cli.Run(ctx, cli.Process{
			Args: []string{"serve", "-c", file}, Environ: environ, Stdout: &log, Stderr: &log,
			Hangups: func() (<-chan os.Signal, func()) { return hangups, func() {} },
		})
	}()
	logged := func(what, text string) {
		t.Helper()
		eventually(t, what, func() bool { return strings.Contains(log.String(), text) })
	}
	logged("listening", `"msg":"listening"`)

	write(t, file, "server: {max_body_bytes: 3000000}\n")
	hangups <- syscall.SIGHUP
	logged("a reload by SIGHUP", `"taken":"server.max_body_bytes"`)

	write(t, file, "server: {max_body_bytes: 4000000}\nlimits: {per_ip: often}\n")
	logged("a refusal of the changed file", file+`:2: limits.per_ip`)

	write(t, file, "server: {max_body_bytes: 4000000}\nlogin: {max_concurrent_hashes: 7}\n")
	logged("a reload by the changed file", `"taken":"server.max_body_bytes","restart":"login.max_concurrent_hashes"`)

	stop()
	if got := <-code; got != 0 {
		t.Fatalf("exit %d: %s", got, log.String())
	}
}
