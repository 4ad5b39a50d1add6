package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// Errors of the input that callers tell apart.
var (
	ErrNoInput = errors.New("no input")
	ErrNotYet  = errors.New("not yet")
	ErrChanged = errors.New("the input changed during the run")
)

// input is what a job's sources lead to.
type input struct {
	paths  []string // in shard order
	shards job.Shards
	format record.Format
}

// list finds the files of a job's sources: sources in their order, files within
// one by the bytes of their path, each file once.
func list(in job.Input) (*input, error) {
	out := &input{}
	seen := map[string]bool{}
	formats := map[string]job.Format{}
	for _, source := range in.Source {
		paths, format, err := expand(source)
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 && in.Empty != "ok" {
			return nil, fmt.Errorf("%w: nothing matches %s (input.empty = \"ok\" allows that)", ErrNoInput, source)
		}
		for _, p := range paths {
			if !seen[p] {
				seen[p] = true
				formats[p] = format
				out.paths = append(out.paths, p)
			}
		}
	}
	for i, p := range out.paths {
		f, err := formatOf(p, in.Format, formats[p])
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("reading input: %w", err)
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("reading input: %s is not a regular file; input is read twice, so save it to a file first", p)
		}
		if i > 0 && f != out.format {
			return nil, fmt.Errorf("%s and %s differ in format; one job reads one format", out.paths[0], p)
		}
		out.format = f
	}
	return out, nil
}

// expand lists the files of one source. format is set where a manifest tells it.
func expand(source string) (paths []string, format job.Format, err error) {
	info, err := os.Stat(source)
	switch {
	case err == nil && !info.IsDir():
		return []string{source}, "", nil
	case err == nil:
		return folder(source)
	case !strings.ContainsAny(source, "*?[{"):
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, "", fmt.Errorf("%w: %s: %w", ErrNoInput, source, err)
	}
	base, _ := doublestar.SplitPattern(filepath.ToSlash(source))
	found, err := doublestar.FilepathGlob(source, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
	if err != nil {
		return nil, "", fmt.Errorf("listing %s: %w", source, err)
	}
	for _, p := range found {
		if rel, err := filepath.Rel(base, p); err == nil && !hidden(rel) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths, "", nil
}

// folder lists a folder: the parts of a published result, or all files below.
func folder(dir string) ([]string, job.Format, error) {
	if paths, format, err := parts(dir); paths != nil || err != nil {
		return paths, format, err
	}
	var paths []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p != dir && hidden(d.Name()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.IsDir() {
			paths = append(paths, p)
			return nil
		}
		if p == dir {
			return nil
		}
		below, _, err := parts(p)
		if err != nil || below == nil {
			return err
		}
		paths = append(paths, below...)
		return fs.SkipDir
	})
	if err != nil {
		return nil, "", fmt.Errorf("listing %s: %w", dir, err)
	}
	slices.Sort(paths)
	return paths, "", nil
}

// parts lists the parts of a published result in the order of its shards; nil
// where dir holds none.
func parts(dir string) ([]string, job.Format, error) {
	m, err := existing(dir)
	if err != nil || m == nil {
		return nil, "", err
	}
	paths := []string{}
	for _, s := range m.Shards {
		if filepath.Base(s.Part.Name) != s.Part.Name {
			return nil, "", fmt.Errorf("%s: the part %q leads out of the folder", filepath.Join(dir, record.ManifestName), s.Part.Name)
		}
		paths = append(paths, filepath.Join(dir, s.Part.Name))
	}
	return paths, job.Format(m.Format), nil
}

// hidden says whether a part of a path starts with _ or a dot.
func hidden(rel string) bool {
	for _, part := range strings.Split(filepath.ToSlash(rel), "/") {
		if strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}

// formatOf tells how a file is written: as the job says, as the manifest that
// names it says, or by its extension.
func formatOf(path string, said, listed job.Format) (record.Format, error) {
	name := strings.ToLower(filepath.Base(path))
	for _, ext := range []string{".gz", ".zst", ".parquet"} {
		if strings.HasSuffix(name, ext) {
			return 0, fmt.Errorf("%w: %s: %s input is not read yet; convert it to .jsonl or .csv", ErrNotYet, path, ext)
		}
	}
	for _, f := range []job.Format{said, listed, job.Format(strings.TrimPrefix(filepath.Ext(name), "."))} {
		switch f {
		case job.JSONL:
			return record.JSONL, nil
		case job.CSV:
			return record.CSV, nil
		case job.Parquet:
			return 0, fmt.Errorf("%w: parquet input is not read yet", ErrNotYet)
		case "":
			continue
		}
	}
	return 0, fmt.Errorf("the format of %s cannot be told by its extension: set input.format to jsonl or csv, or name the files (*.jsonl, *.csv)", path)
}

// digest reads every file once. report is told of bytes as they are read.
func (in *input) digest(ctx context.Context, report func(n int)) error {
	in.shards = make(job.Shards, len(in.paths))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range in.paths {
		g.Go(func() error {
			f, err := os.Open(p)
			if err != nil {
				return fmt.Errorf("reading input: %w", err)
			}
			defer f.Close()
			h := sha256.New()
			n, err := io.Copy(h, &counted{ctx: ctx, r: f, report: report})
			if err != nil {
				return fmt.Errorf("reading input: %s: %w", p, err)
			}
			in.shards[i] = job.Shard{URI: fileURI(p), Size: n, Digest: hex.EncodeToString(h.Sum(nil))}
			return nil
		})
	}
	return g.Wait()
}

func fileURI(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

// counted is a reader that can be cancelled and says how far it is.
type counted struct {
	ctx    context.Context
	r      io.Reader
	report func(n int)
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.report(n)
	return n, err
}
