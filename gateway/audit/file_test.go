package audit_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/audit"
)

func openFile(t *testing.T, path string, keys audit.Keys, log *logText) *audit.File {
	t.Helper()
	f, err := audit.OpenFile(path, keys, log.logger())
	if err != nil {
		t.Fatalf("OpenFile: %v", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// fileOf is a file that two processes one after the other have written, n entries each.
func fileOf(t *testing.T, keys audit.Keys, n int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.jsonl")
	for range 2 {
		log := new(logText)
		f := openFile(t, path, keys, log)
		write(t, f, keys, n)
		if err := f.Close(); err != nil || log.String() != "" {
			t.Fatalf("Close: %v, the log says %s", err, log)
		}
	}
	return path
}

func verifyFile(t *testing.T, path string, from audit.Link, keys audit.Keys) audit.Proof {
	t.Helper()
	p, err := audit.VerifyFile(t.Context(), path, from, keys)
	if err != nil {
		t.Fatalf("VerifyFile: %v", err)
	}
	return p
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFileGoesOnWhereItEnded(t *testing.T) {
	keys := keysOf(t, "a")
	path := fileOf(t, keys, 300)
	wantProved(t, verifyFile(t, path, audit.Link{}, keys), 600)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v; want a file for its owner alone", info, err)
	}
	const first = `{"sequence":1,"time":"2026-03-01T12:00:00.123456Z","kind":"login","outcome":"success","reason":"password",` +
		`"actor":"user","user_id":7,"subject":"session-0","address":"192.0.2.1","agent":"Mozilla/5.0","request_id":"request",` +
		`"detail":"all of the user","count":1,"version":1,"previous":"0000000000000000000000000000000000000000000000000000000000000000","key_id":"`
	if text := read(t, path); !bytes.HasPrefix(text, []byte(first)) {
		t.Errorf("the file begins with %.400s", text)
	}
}

// TestEveryByteOfAFileCounts: no byte of it can be changed, taken out or doubled.
func TestEveryByteOfAFileCounts(t *testing.T) {
	keys := keysOf(t, "a")
	path := fileOf(t, keys, 2)
	text := read(t, path)
	last := verifyFile(t, path, audit.Link{}, keys).Last
	for i := range text {
		for name, changed := range map[string][]byte{
			"changed":   append(append(bytes.Clone(text[:i]), text[i]^1), text[i+1:]...),
			"taken out": append(bytes.Clone(text[:i]), text[i+1:]...),
			"doubled":   append(bytes.Clone(text[:i+1]), text[i:]...),
		} {
			put(t, path, changed)
			if p := verifyFile(t, path, audit.Link{}, keys); p.Fault == "" && !bytes.Equal(changed, text) {
				t.Fatalf("byte %d %s: %+v", i, name, p)
			}
		}
		put(t, path, text[:i])
		if p := verifyFile(t, path, last, keys); p.Fault == "" {
			t.Fatalf("cut off at byte %d: %+v", i, p)
		}
	}
}

func TestAttacksByWhoCanWriteTheFile(t *testing.T) {
	keys := keysOf(t, "a")
	path := fileOf(t, keys, 3)
	text := read(t, path)
	line := func(i int) []byte { return bytes.SplitAfter(text, []byte("\n"))[i] }
	whole := func(lines ...[]byte) []byte { return bytes.Join(lines, nil) }
	double := bytes.Replace(line(2), []byte(`"kind"`), []byte(`"kind":"login","kind"`), 1)
	spelt := bytes.Replace(line(2), []byte(`"kind"`), []byte(`"Kind"`), 1)
	for name, test := range map[string]struct {
		text []byte
		want audit.Fault
		at   uint64
	}{
		"the first taken out":   {whole(line(1), line(2)), audit.FaultMissing, 2},
		"one taken out":         {whole(line(0), line(2)), audit.FaultMissing, 3},
		"two swapped":           {whole(line(0), line(2), line(1)), audit.FaultMissing, 3},
		"one doubled":           {whole(line(0), line(1), line(1)), audit.FaultPosition, 2},
		"a member that is two":  {whole(line(0), line(1), double), audit.FaultLine, 3},
		"a member in capitals":  {whole(line(0), line(1), spelt), audit.FaultLine, 3},
		"not complete":          {whole(line(0), line(1)[:50]), audit.FaultTorn, 2},
		"an empty line":         {whole(line(0), []byte("\n"), line(1)), audit.FaultLine, 2},
		"an endless line":       {append(whole(line(0)), bytes.Repeat([]byte("x"), 1<<20)...), audit.FaultLine, 2},
		"blanks behind an line": {whole(line(0)[:len(line(0))-1], []byte(" \n")), audit.FaultLine, 1},
	} {
		put(t, path, test.text)
		t.Run(name, func(t *testing.T) { wantFault(t, verifyFile(t, path, audit.Link{}, keys), test.want, test.at) })
	}
}

func TestFileIsProvedFromWhatWasNoted(t *testing.T) {
	keys := keysOf(t, "a")
	path := fileOf(t, keys, 3)
	whole := verifyFile(t, path, audit.Link{}, keys)
	text := read(t, path)
	lines := bytes.SplitAfter(text, []byte("\n"))
	put(t, path, bytes.Join(lines[:4], nil))
	fourth := verifyFile(t, path, audit.Link{}, keys).Last
	wantFault(t, verifyFile(t, path, whole.Last, keys), audit.FaultEnd, 6)
	put(t, path, text)
	wantProved(t, verifyFile(t, path, fourth, keys), 2)
	wantProved(t, verifyFile(t, path, whole.Last, keys), 0)
	other := fourth
	other.Hash[0] ^= 1
	wantFault(t, verifyFile(t, path, other, keys), audit.FaultChanged, 4)
	// What follows in another file.
	put(t, path, bytes.Join(lines[4:], nil))
	wantProved(t, verifyFile(t, path, fourth, keys), 2)
	wantFault(t, verifyFile(t, path, other, keys), audit.FaultPrevious, 5)
	wantFault(t, verifyFile(t, path, audit.Link{}, keys), audit.FaultMissing, 5)
}

func TestUnknownKeyInAFileHidesNothing(t *testing.T) {
	keys, strangers := keysOf(t, "a"), keysOf(t, "of a stranger")
	path := fileOf(t, strangers, 2)
	if p := verifyFile(t, path, audit.Link{}, keys); p.Fault != "" || p.Unproved != 4 {
		t.Errorf("%+v, want four unproved", p)
	}
	f := openFile(t, path, keys, new(logText))
	write(t, f, keys, 2)
	wantFault(t, verifyFile(t, path, audit.Link{}, keys), audit.FaultKey, 5)
	wantProved(t, verifyFile(t, path, audit.Link{}, keysOf(t, "a", "of a stranger")), 7)
}

// TestLastLineThatWasChangedIsNotVouchedFor when the file is opened again.
func TestLastLineThatWasChangedIsNotVouchedFor(t *testing.T) {
	keys := keysOf(t, "a")
	for _, part := range []string{`"detail":"all of the`, `"mac":"`} {
		path := fileOf(t, keys, 2)
		text := read(t, path)
		at := bytes.LastIndex(text, []byte(part)) + len(part)
		switch text[at] {
		case '0':
			text[at] = '1'
		case ' ':
			text[at] = '_'
		default:
			text[at] = '0'
		}
		put(t, path, text)
		log := new(logText)
		f := openFile(t, path, keys, log)
		write(t, f, keys, 1)
		p := verifyFile(t, path, audit.Link{}, keys)
		if p.FaultAt != 4 {
			t.Errorf("%s: %+v, want a fault at 4", part, p)
		}
		if text := read(t, path); !bytes.Contains(text, []byte(`"kind":"trail","outcome":"failed","reason":"changed"`)) {
			t.Errorf("%s: the file says nothing of it", part)
		}
	}
}

func TestLineThatWasCutOffByACrashIsTakenOut(t *testing.T) {
	keys := keysOf(t, "a")
	path := fileOf(t, keys, 2)
	text := read(t, path)
	end := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	for _, size := range []int{end + 1, end + 200, len(text) - 1, 5, 1} {
		put(t, path, text[:size])
		log := new(logText)
		f := openFile(t, path, keys, log)
		write(t, f, keys, 1)
		_ = f.Close()
		want := 4
		if size < end {
			want = 1
		}
		wantProved(t, verifyFile(t, path, audit.Link{}, keys), want)
		if !strings.Contains(log.String(), "not complete and is taken out") {
			t.Errorf("cut at %d the log says %s", size, log)
		}
	}
}

// TestForeignFileIsLeftAsItIs: a mistyped path.
func TestForeignFileIsLeftAsItIs(t *testing.T) {
	keys := keysOf(t, "a")
	good := string(read(t, fileOf(t, keys, 1)))
	for name, text := range map[string]string{
		"a line":            "root:x:0:0::/root:/bin/sh\n",
		"a torn line":       "root:x:0:0",
		"JSON":              `{"sequence":1}` + "\n",
		"behind a trail":    good + "root:x:0:0\n",
		"torn behind lines": "a\nb",
		"long":              strings.Repeat("x", 1<<20),
		"long, like a line": `{"sequence":1,` + strings.Repeat("x", 1<<20),
		"long and torn":     strings.Repeat("x", 1<<20) + "\n" + `{"sequence":`,
		"an empty line":     "\n",
	} {
		path := filepath.Join(t.TempDir(), "other")
		put(t, path, []byte(text))
		if f, err := audit.OpenFile(path, keys, new(logText).logger()); err == nil {
			_ = f.Close()
			t.Errorf("%s: opened", name)
		}
		if string(read(t, path)) != text {
			t.Errorf("%s: changed", name)
		}
	}
	for _, path := range []string{t.TempDir(), "/dev/null", filepath.Join(t.TempDir(), "missing", "file")} {
		if _, err := audit.OpenFile(path, keys, new(logText).logger()); err == nil {
			t.Errorf("%s: opened", path)
		}
	}
}

func TestFileHasOneWriter(t *testing.T) {
	keys := keysOf(t, "a")
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	f := openFile(t, path, keys, new(logText))
	if _, err := audit.OpenFile(path, keys, new(logText).logger()); err == nil || !strings.Contains(err.Error(), "open elsewhere") {
		t.Errorf("opened twice: %v", err)
	}
	_ = f.Close()
	openFile(t, path, keys, new(logText))
}

// TestFileThatWasMovedAwayIsFollowedByAnother, as by programs that rotate logs.
func TestFileThatWasMovedAwayIsFollowedByAnother(t *testing.T) {
	keys := keysOf(t, "a")
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	f := openFile(t, path, keys, new(logText))
	write(t, f, keys, 2)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, f, keys, 3)
	first := verifyFile(t, path+".1", audit.Link{}, keys)
	wantProved(t, first, 2)
	wantProved(t, verifyFile(t, path, first.Last, keys), 3)

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	put(t, path, []byte("somebody else's\n"))
	err := f.Append(t.Context(), audit.Link{}, func(audit.Head) audit.Batch { panic("sealed") })
	if err == nil || string(read(t, path)) != "somebody else's\n" {
		t.Errorf("Append to a foreign file: %v", err)
	}
}

// stubborn is a writer that fails now and then in the middle of what it is given.
type stubborn struct {
	bytes.Buffer
	room int // how much it still takes
}

var errFull = errors.New("no space left on device")

func (s *stubborn) Write(p []byte) (int, error) {
	n := min(len(p), s.room)
	s.room -= n
	_, _ = s.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// TestFullDiskBreaksNoLine: a batch goes on where it was cut off.
func TestFullDiskBreaksNoLine(t *testing.T) {
	keys := keysOf(t, "a")
	out := new(stubborn)
	stream := audit.NewStream(out)
	var unsure audit.Link
	attempt := func() error {
		return stream.Append(t.Context(), unsure, func(h audit.Head) audit.Batch {
			b := audit.Seal(keys, h, []audit.Event{event(0), event(1)})
			unsure = b.Head.Last
			return b
		})
	}
	for range 40 {
		out.room = 333
		if err := attempt(); err == nil {
			unsure = audit.Link{}
		} else if !errors.Is(err, errFull) {
			t.Fatal(err)
		}
	}
	out.room = 1 << 20
	if err := attempt(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "stdout")
	put(t, path, out.Bytes())
	p := verifyFile(t, path, audit.Link{}, keys)
	if p.Fault != "" || p.Checked < 10 || p.Checked%2 != 0 || p.Checked != bytes.Count(out.Bytes(), []byte("\n")) {
		t.Errorf("the proof is %+v of\n%s", p, out)
	}
}

func TestStreamIsATrailOfItsOwn(t *testing.T) {
	keys := keysOf(t, "a")
	path := filepath.Join(t.TempDir(), "stdout")
	out := &stubborn{room: 1 << 20}
	stream := audit.NewStream(out)
	write(t, stream, keys, 2)
	write(t, stream, keys, 2)
	put(t, path, out.Bytes())
	wantProved(t, verifyFile(t, path, audit.Link{}, keys), 4)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := stream.Append(ctx, audit.Link{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Append: %v, want context.Canceled", err)
	}
}

func TestVerifyFileThatCannotBeRead(t *testing.T) {
	keys := keysOf(t, "a")
	if _, err := audit.VerifyFile(t.Context(), filepath.Join(t.TempDir(), "missing"), audit.Link{}, keys); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	path := fileOf(t, keys, 1)
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	if _, err := audit.VerifyFile(ctx, path, audit.Link{}, keys); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no time: %v", err)
	}
}
