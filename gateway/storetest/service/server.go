package service

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patient bounds how long a server, or a group of them, may take until it is ready.
const patient = 30 * time.Second

// server is a redis-server of the test's own, or a sentinel, which is one too.
type server struct {
	address   string
	directory string
	mode      []string // what follows the file of settings
	running   *exec.Cmd
	input     io.Closer
}

// guard runs the command behind it until its own standard input ends, which it
// does with this process at the latest: a test that is killed leaves no server.
const guard = `"$@" & read -r _; kill -9 $!; wait`

// serve starts a server that ends with the test, and waits until it answers. The
// settings are lines of a redis.conf.
func serve(tb testing.TB, mode []string, settings ...string) *server {
	tb.Helper()
	path, err := exec.LookPath("redis-server")
	Require(tb, "redis-server", err)
	for range 5 { // Somebody else may take the port before the server does.
		s := &server{directory: tb.TempDir(), mode: mode}
		if s.address, err = freeAddress(); err != nil {
			continue
		}
		if err = s.configure(settings); err != nil {
			tb.Fatal(err)
		}
		if err = s.start(path); err == nil {
			tb.Cleanup(s.stop)
			return s
		}
	}
	tb.Fatal(err)
	return nil
}

func (s *server) settings() string { return filepath.Join(s.directory, "redis.conf") }

func (s *server) log() string { return filepath.Join(s.directory, "log") }

func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.address) // Made by freeAddress.
	return port
}

func (s *server) configure(more []string) error {
	settings := append([]string{
		"port " + s.port(), "bind 127.0.0.1", "dir " + s.directory, "logfile " + s.log(),
	}, more...)
	return os.WriteFile(s.settings(), []byte(strings.Join(settings, "\n")+"\n"), 0o600)
}

// start runs the server and waits until it answers.
func (s *server) start(path string) error {
	s.running = exec.Command("sh", append([]string{"-c", guard, "guard", path, s.settings()}, s.mode...)...)
	var err error
	if s.input, err = s.running.StdinPipe(); err != nil {
		return err
	}
	if err := s.running.Start(); err != nil {
		return err
	}
	if err := until(s.answers); err != nil {
		s.stop()
		log, _ := os.ReadFile(s.log())
		return fmt.Errorf("redis-server at %s: %w\n%s", s.address, err, log)
	}
	return nil
}

// answers tells by its settings whether the server at the address is this one.
func (s *server) answers() error {
	info, err := ask(s.address, "INFO", "server")
	if err == nil && !strings.Contains(info, "config_file:"+s.settings()) {
		err = fmt.Errorf("somebody else is there")
	}
	return err
}

// stop ends the server the hard way and waits for it. It may be called again.
func (s *server) stop() {
	if s.running == nil {
		return
	}
	_ = s.input.Close()
	_ = s.running.Wait() // It was killed: that is no news.
	s.running = nil
}

// addresses are those of servers, in their order.
func addresses(servers []*server) []string {
	list := make([]string, len(servers))
	for i, s := range servers {
		list[i] = s.address
	}
	return list
}

// busOffset is how far above its port a node of a cluster talks to the others.
const busOffset = 10_000

// freeAddress returns a loopback address whose port is free, and the port of the
// cluster's bus too.
func freeAddress() (string, error) {
	for range 100 {
		port := 10_000 + rand.IntN(20_000)
		if isFree(port) && isFree(port+busOffset) {
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), nil
		}
	}
	return "", fmt.Errorf("no free port on the loopback")
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// until asks again and again, and returns the last complaint when it takes too
// long.
func until(ready func() error) error {
	deadline := time.Now().Add(patient)
	for {
		err := ready()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// each does the same with all servers at once and returns the first fault.
func each(servers []*server, do func(*server) error) error {
	faults := make([]error, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() { faults[i] = do(s) })
	}
	all.Wait()
	for _, err := range faults {
		if err != nil {
			return err
		}
	}
	return nil
}
