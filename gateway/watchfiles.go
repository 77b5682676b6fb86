package gateway

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"time"
)

const (
	// lookEvery is how often the files of the configuration are looked at.
	lookEvery = 2 * time.Second
	// maxWatched bounds what is read of one of them.
	maxWatched = 4 << 20
)

// watchFiles calls changed when the content of a file is another than the known one, and has
// been the same at two looks: whoever writes it has finished. It compares contents, not times
// or inodes, so that it makes no difference how a file is exchanged: written over, renamed, or
// behind a link that leads elsewhere, as Kubernetes does it. It works on every file system,
// too, and misses nothing that lasts.
//
// files may return others from one look to the next. It ends with ctx.
func watchFiles(ctx context.Context, known [sha256.Size]byte, look <-chan time.Time, files func() []string, changed func(context.Context)) {
	last := known
	for {
		select {
		case <-ctx.Done():
			return
		case <-look:
		}
		now := contents(files())
		if now != known && now == last {
			changed(ctx)
			known = now // And not what is there by now: that may be another already.
		}
		last = now
	}
}

// contents is a digest of what is in the files, and of which cannot be read.
func contents(files []string) [sha256.Size]byte {
	all := sha256.New()
	for _, name := range files {
		one := sha256.New()
		if f, err := os.Open(name); err == nil {
			if _, err := io.Copy(one, io.LimitReader(f, maxWatched)); err == nil {
				_, _ = all.Write(one.Sum([]byte(name)))
			}
			_ = f.Close() // It was only read.
		}
	}
	return [sha256.Size]byte(all.Sum(nil))
}
