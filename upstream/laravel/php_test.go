package laravel_test

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/laravel"
)

// oracle is one PHP process that answers line by line.
type oracle struct {
	in  io.Writer
	out *bufio.Reader
}

func newOracle(tb testing.TB) *oracle {
	tb.Helper()
	cmd := exec.Command(service.PHP(tb), "-d", "opcache.enable=0", filepath.Join("testdata", "oracle.php"))
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &oracle{in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

func (o *oracle) ask(tb testing.TB, function, input string) string {
	tb.Helper()
	if _, err := fmt.Fprintf(o.in, "%s %s\n", function, base64.StdEncoding.EncodeToString([]byte(input))); err != nil {
		tb.Fatal(err)
	}
	line, err := o.out.ReadString('\n')
	if err != nil {
		tb.Fatalf("%s(%q): %v", function, input, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// phpServer is PHP's own web server with the reading script behind every path.
type phpServer struct{ address string }

func newPHPServer(tb testing.TB) *phpServer {
	tb.Helper()
	php := service.PHP(tb)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(php, "-d", "opcache.enable=0", "-d", "post_max_size=64M", "-d", "upload_max_filesize=64M",
		"-S", address, filepath.Join("testdata", "server.php"))
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	deadline := time.Now().Add(5 * time.Second)
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return &phpServer{address: address}
		}
		if time.Now().After(deadline) {
			tb.Fatalf("PHP's server does not answer: %v", err)
		}
	}
}

// reading is what PHP says it read.
type reading struct {
	Method, Path, Query, Input, Files, Authorization string
}

// send writes raw bytes, so that no client of ours can repair them.
func (s *phpServer) send(tb testing.TB, raw string) reading {
	tb.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(conn, raw); err != nil {
		tb.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		tb.Fatalf("%q: %v", raw, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	var r reading
	if err := json.Unmarshal(body, &r); err != nil {
		tb.Fatalf("%q: PHP answers %q", raw, body)
	}
	return r
}

// sendRequest writes a rebuilt request as net/http's transport does.
func (s *phpServer) sendRequest(tb testing.TB, r *http.Request) reading {
	tb.Helper()
	var raw strings.Builder
	if err := r.Write(&raw); err != nil {
		tb.Fatal(err)
	}
	return s.send(tb, raw.String())
}

// showParams prints parameters as show.php prints a PHP array.
func showParams(p *laravel.Params) string {
	var parts []string
	for name, v := range p.All() {
		parts = append(parts, showKey(name)+"="+showValue(v))
	}
	return "(" + strings.Join(parts, ",") + ")"
}

func showKey(name string) string {
	if n, err := strconv.ParseInt(name, 10, 64); err == nil && strconv.FormatInt(n, 10) == name {
		return "i" + name
	}
	return "s" + base64.StdEncoding.EncodeToString([]byte(name))
}

func showValue(v laravel.Value) string {
	if array, ok := v.Array(); ok {
		return showParams(array)
	}
	switch x := v.Any().(type) {
	case nil:
		return "n"
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return "i" + strconv.FormatInt(x, 10)
	case float64:
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], math.Float64bits(x))
		return "d" + hex.EncodeToString(b[:])
	case string:
		return "s" + base64.StdEncoding.EncodeToString([]byte(x))
	default:
		return fmt.Sprintf("?%T", x)
	}
}

// showInput prints what the gateway holds for $request->input(): the body's
// names, then those of the query that the body has not.
func showInput(q *laravel.Request) string {
	var parts []string
	for name, v := range q.Body.All() {
		parts = append(parts, showKey(name)+"="+showValue(v))
	}
	for name, v := range q.Query.All() {
		if _, given := q.Body.Get(name); !given {
			parts = append(parts, showKey(name)+"="+showValue(v))
		}
	}
	return "(" + strings.Join(parts, ",") + ")"
}

// showValueText prints a string as show.php does.
func showValueText(s string) string { return "s" + base64.StdEncoding.EncodeToString([]byte(s)) }
