//go:build unix

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/core/verify"
)

// result is what a reader sees that follows the manifest.
type result struct {
	run    string
	totals record.Counts
	parts  map[string]string // SHA-256 by name, without the run's digits
}

// is says whether it is the very same result.
func (r result) is(other result) bool { return r.run == other.run && r.equal(other) }

// equal compares all but the run.
func (r result) equal(other result) bool {
	return r.totals == other.totals && maps.Equal(r.parts, other.parts)
}

// reader reads results of a destination.
type reader struct{ folder storage.Folder }

func (c *scene) reader() *reader {
	c.Helper()
	b, prefix, err := c.open(c.Context(), c.out)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { _ = b.Close() })
	return &reader{storage.Folder{Bucket: b, Prefix: prefix}}
}

// read reads the manifest, then its parts, and the manifest again when one of those
// is not there: then it has to be another one. Without a manifest the result is empty.
// between is called between the manifest and its parts; it may be nil.
func (r *reader) read(ctx context.Context, between func()) (result, error) {
	for last := ""; ; {
		body, err := r.folder.Read(ctx, r.folder.Key(record.ManifestName))
		if errors.Is(err, storage.ErrNotFound) {
			return result{}, nil
		}
		if err != nil {
			return result{}, err
		}
		m, err := record.ParseManifest(body)
		if err != nil {
			return result{}, err
		}
		if between != nil {
			between()
		}
		out := result{m.Run, m.Totals, map[string]string{}}
		for _, name := range m.Files() {
			if body, err = r.folder.Read(ctx, r.folder.Key(name)); err != nil {
				break
			}
			sum := sha256.Sum256(body)
			out.parts[runMark.ReplaceAllString(name, "")] = hex.EncodeToString(sum[:])
		}
		if !errors.Is(err, storage.ErrNotFound) || m.Run == last {
			return out, err
		}
		last = m.Run
	}
}

// sees reads the result as it is now.
func (c *scene) sees(r *reader) result {
	c.Helper()
	out, err := r.read(c.Context(), nil)
	if err != nil {
		c.Fatal(err)
	}
	return out
}

// verified is the result of a destination in which nothing else lies.
func (c *scene) verified(r *reader) result {
	c.Helper()
	dir := storage.FS(c.Context(), r.folder)
	m, findings, err := verify.Result(c.Context(), dir)
	if err != nil || len(findings) > 0 {
		c.Fatalf("%v %v", err, findings)
	}
	named := append(m.Files(), record.ManifestName)
	for o, err := range r.folder.Objects(c.Context(), r.folder.Prefix) {
		if err != nil {
			c.Fatal(err)
		}
		if name := strings.TrimPrefix(o.Key, r.folder.Prefix); !slices.Contains(named, name) {
			c.Errorf("%s is left in the destination", name)
		}
	}
	return c.sees(r)
}

// TestLateDataBesideReaders replaces a result, of which two shards changed, while
// readers read it again and again: each time they see the old result or the new one,
// whole. So does one that has read the old manifest, and reads on when nothing else of
// the old result is left. (TestKilledAnywhere kills who publishes at each write.)
func TestLateDataBesideReaders(t *testing.T) {
	cloud := newCloud(t)
	for name, c := range map[string]*scene{"folder": newScene(t, stage{haste: 20}), "bucket": cloud.sagemaker(t, "readers")} {
		t.Run(name, func(t *testing.T) {
			c.T = t
			c.walk(c.newSteps(), applied...)
			r := c.reader()
			was := c.verified(r)
			c.late(1)
			reading, over := make(chan struct{}), make(chan struct{})
			begin, end := sync.OnceFunc(func() { close(reading) }), sync.OnceFunc(func() { close(over) })
			defer end()
			var read [3][]result
			var errs [3]error
			var readers sync.WaitGroup
			for i := range read {
				readers.Go(func() {
					for last := false; !last && errs[i] == nil; {
						var now result
						now, errs[i] = r.read(t.Context(), func() {
							if i == 0 { // it is slow
								begin()
								<-over
							}
						})
						select {
						case <-over:
							last = true
						default:
						}
						read[i] = append(read[i], now)
					}
				})
			}
			<-reading
			c.walk(c.newSteps(), applied...)
			end()
			readers.Wait()
			now := c.verified(r)
			if now.equal(was) {
				t.Fatal("the data that came late changed nothing")
			}
			for i := range read {
				if errs[i] != nil {
					t.Fatal(errs[i])
				}
				for _, one := range read[i] {
					if !one.is(was) && !one.is(now) {
						t.Errorf("reader %d saw %+v, which is neither %+v nor %+v", i, one, was, now)
					}
				}
				t.Logf("reader %d read %d times", i, len(read[i]))
			}
			if !read[0][len(read[0])-1].is(now) {
				t.Errorf("the slow reader saw %+v", read[0])
			}
		})
	}
}
