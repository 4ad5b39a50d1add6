package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// Errors of the input that callers tell apart.
var (
	ErrNoInput = errors.New("no input")
	ErrNotYet  = errors.New("not yet")
)

// Input is what a job's sources lead to, in shard order.
type Input struct {
	Objects []Source
	Format  job.Format // empty when there is no object
}

// Source is one object of an input.
type Source struct {
	URI     string
	Path    string // on this machine; empty for an object of a store
	Size    int64  // bytes
	Version string // of an object of a store; see Service.Version
}

// name is what people know it by.
func (s Source) name() string { return cmp.Or(s.Path, s.URI) }

// ListInput finds the objects of a job's sources: sources in their order,
// objects within one by the bytes of their path, each object once. It reads
// listings and result manifests, no data. A source is an object, a folder or a
// glob; one that ends in no slash is the object of that name or the folder of
// that name, never what merely begins so. Stores are opened by open. A job that is
// a source stands for the parts of its result: ErrNoResult where it has none that
// may be read.
func ListInput(ctx context.Context, open Opener, in job.Input) (Input, error) {
	var out Input
	seen := map[string]bool{}
	for _, item := range in.Sources() {
		if err := ctx.Err(); err != nil {
			return Input{}, err
		}
		if item.URI == "" {
			found, format, err := listResult(ctx, open, item.Read, in)
			if err != nil {
				return Input{}, err
			}
			if len(found) == 0 && in.Empty != "ok" {
				return Input{}, nothing(item.Read.Job + ", whose result is empty")
			}
			for _, o := range found {
				name := o.name()
				if seen[name] {
					continue
				}
				seen[name] = true
				if err := out.append(o, in.Format, format); err != nil {
					return Input{}, err
				}
			}
			continue
		}
		source := item.URI
		local, ok := LocalPath(source)
		if !ok {
			found, listed, err := listStore(ctx, open, source)
			if err != nil {
				return Input{}, err
			}
			if len(found) == 0 && in.Empty != "ok" {
				return Input{}, nothing(source)
			}
			for _, o := range found {
				if seen[o.URI] {
					continue
				}
				seen[o.URI] = true
				if err := out.append(o, in.Format, listed); err != nil {
					return Input{}, err
				}
			}
			continue
		}
		paths, listed, err := expand(local)
		if err != nil {
			return Input{}, err
		}
		if len(paths) == 0 && in.Empty != "ok" {
			return Input{}, nothing(source)
		}
		for _, p := range paths {
			p = filepath.Clean(p)
			if seen[p] {
				continue
			}
			seen[p] = true
			if err := out.add(p, in.Format, listed); err != nil {
				return Input{}, err
			}
		}
	}
	return out, nil
}

func nothing(source string) error {
	return fmt.Errorf("%w: nothing matches %s (input.empty = \"ok\" allows that)", ErrNoInput, source)
}

// add appends a file.
func (in *Input) add(path string, said, listed job.Format) error {
	o, err := file(path)
	if err != nil {
		return err
	}
	return in.append(o, said, listed)
}

// file is a file as a source.
func file(path string) (Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Source{}, fmt.Errorf("reading input: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Source{}, fmt.Errorf("reading input: %s is not a regular file; input is read twice, so save it to a file first", path)
	}
	return Source{URI: FileURI(path), Path: path, Size: info.Size()}, nil
}

// append appends an object; all objects are of one format.
func (in *Input) append(o Source, said, listed job.Format) error {
	name := o.Path
	if name == "" {
		_, name = Split(o.URI)
	}
	f, err := formatOf(name, said, listed)
	if err != nil {
		return err
	}
	if len(in.Objects) > 0 && f != in.Format {
		return fmt.Errorf("%s and %s differ in format; one job reads one format", in.Objects[0].name(), o.name())
	}
	in.Format = f
	in.Objects = append(in.Objects, o)
	return nil
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
	root := filepath.Clean(dir) + string(filepath.Separator) // with its slash, or a link to a folder is not followed
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p != root && hidden(d.Name()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.IsDir() {
			if d.Type()&fs.ModeSymlink != 0 && isFolder(p) {
				return fmt.Errorf("%s is a link to a folder, which is not followed: name it as a source of its own, or leave it out by a glob", p)
			}
			paths = append(paths, p)
			return nil
		}
		if p == root {
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
	m, err := published(dir)
	if err != nil || m == nil {
		return nil, "", err
	}
	return partsOf(dir, m)
}

// partsOf lists the parts of a result that dir holds.
func partsOf(dir string, m *record.Manifest) ([]string, job.Format, error) {
	paths := []string{}
	for _, s := range m.Shards {
		if filepath.Base(s.Part.Name) != s.Part.Name {
			return nil, "", fmt.Errorf("%s: the part %q leads out of the folder", filepath.Join(dir, record.ManifestName), s.Part.Name)
		}
		paths = append(paths, filepath.Join(dir, s.Part.Name))
	}
	return paths, job.Format(m.Format), nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
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

// FormatOf is the format of a source by what the job says, else by its extension.
func FormatOf(source string, said job.Format) (job.Format, error) {
	if _, ok := LocalPath(source); !ok {
		source, _ = CutQuery(source)
	}
	return formatOf(source, said, "")
}

// formatOf tells how a file is written: as the job says, as the manifest that
// names it says, or by its extension.
func formatOf(path string, said, listed job.Format) (job.Format, error) {
	packed, name := compress.Of(strings.ToLower(filepath.Base(path)))
	for _, f := range []job.Format{said, listed, job.Format(strings.TrimPrefix(filepath.Ext(name), "."))} {
		switch f {
		case job.JSONL, job.CSV:
			return f, nil
		case job.Parquet:
			if packed != compress.None {
				return "", fmt.Errorf("%s is compressed as a whole, which Parquet cannot be read from: its columns are compressed inside; unpack it first", path)
			}
			return f, nil
		case "":
			continue
		}
	}
	return "", fmt.Errorf("the format of %s cannot be told by its extension: set input.format to jsonl, csv or parquet, or name the files (*.jsonl, *.csv, *.parquet, the first two also with .gz or .zst behind it)", path)
}

// published reads the manifest of a folder; nil when there is none.
func published(dir string) (*record.Manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, record.ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for a result: %w", err)
	}
	m, err := record.ParseManifest(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, record.ManifestName), err)
	}
	return m, nil
}

// Shards are the objects as a run numbers them, none digested yet.
func (in Input) Shards() job.Shards {
	shards := make(job.Shards, len(in.Objects))
	for i, o := range in.Objects {
		shards[i] = job.Shard{URI: o.URI, Size: o.Size, Version: o.Version}
	}
	return shards
}

// Bytes is the size of all objects together.
func (in Input) Bytes() int64 {
	var n int64
	for _, o := range in.Objects {
		n += o.Size
	}
	return n
}
