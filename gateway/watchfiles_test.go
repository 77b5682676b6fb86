package gateway

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

func TestWatchFiles(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "config.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A mounted ConfigMap: the file leads through ..data to a folder of its version.
	swap := func(version, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(folder, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(filepath.Join(folder, version, "config.yaml"), text)
		next := filepath.Join(folder, "..next")
		if err := os.Symlink(version, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(folder, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	swap("..1", "a: 1\n")
	if err := os.Symlink(filepath.Join("..data", "config.yaml"), name); err != nil {
		t.Fatal(err)
	}

	looks, files := make(chan time.Time), []string{name}
	known := contents(files)
	var changes atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		watchFiles(ctx, known, looks, func() []string { return files }, func(context.Context) { changes.Add(1) })
	}()
	// look returns how often it was told of a change until and with the look before the
	// last: a look is over when the next one is taken.
	look := func(times int) int64 {
		for range times + 1 {
			looks <- time.Time{}
		}
		return changes.Load()
	}
	if got := look(3); got != 0 {
		t.Fatalf("told of %d changes of what is as it was", got)
	}
	swap("..2", "a: 2\n")
	if got := look(1); got != 0 && got != 1 {
		t.Fatalf("told of %d changes", got)
	}
	if got := look(3); got != 1 {
		t.Fatalf("a link that leads elsewhere: told of %d changes, want 1", got)
	}
	write(name, "a: 3\n")
	if got := look(3); got != 2 {
		t.Fatalf("written over: told of %d changes, want 2", got)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if got := look(3); got != 3 {
		t.Fatalf("removed: told of %d changes, want 3", got)
	}
	write(name, "a: 3\n")
	if got := look(3); got != 4 {
		t.Fatalf("there again: told of %d changes, want 4", got)
	}
	stop()
	<-ended

	// What has changed since the files were read, and before somebody looked.
	ctx, stop = context.WithCancel(t.Context())
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		watchFiles(ctx, known, looks, func() []string { return files }, func(context.Context) { changes.Add(1) })
	}()
	if got := look(4); got != 5 {
		t.Fatalf("changed before the first look: told of %d changes, want 5", got)
	}
	stop()
	<-ended
}
