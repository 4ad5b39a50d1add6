package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// chunk is how much is read between two looks at the context.
const chunk = 1 << 20

// File is one file of a model package.
type File struct {
	Name   string `json:"name"` // relative to the model's folder, with slashes; the model file's own name
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"` // hex SHA-256
}

// Package is a model on disk: the model file and the external data beside it.
type Package struct {
	Path string `json:"path"`
	// Digest is the hex SHA-256 of the model file when there is nothing else.
	// With external data it is that of the text
	//
	//	crossbatch model 1\n
	//	<model file's hex digest>\n
	//	<length of name in bytes> <name> <hex digest>\n    for each external file, sorted by name
	//
	// so a renamed model file, or a moved folder, keeps its digest.
	Digest string `json:"digest"`
	Size   int64  `json:"size"`  // of all files together
	Files  []File `json:"files"` // the model first, then external data sorted by name
	Graph  *Graph `json:"graph"`
}

// Open reads the model at path and digests its files. The error wraps
// fs.ErrNotExist when a file is missing, ErrNotONNX when the file is no model,
// and the context's error when that ended; external data outside of the model's
// folder are an error too.
func Open(ctx context.Context, path string) (*Package, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	b := make([]byte, size)
	h := sha256.New()
	for at := int64(0); at < size; at += chunk {
		part := b[at:min(at+chunk, size)]
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("model %s: %w", path, err)
		}
		if _, err := io.ReadFull(f, part); err != nil {
			return nil, fmt.Errorf("model %s: %w", path, err)
		}
		h.Write(part)
	}
	g, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	p := &Package{Path: path, Size: size, Graph: g, Digest: sum(h)}
	p.Files = []File{{Name: filepath.Base(path), Path: path, Size: size, Digest: p.Digest}}
	if err := p.addExternal(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// addExternal digests the external data and folds them into the package's digest.
func (p *Package) addExternal(ctx context.Context) error {
	var names []string
	for _, location := range p.Graph.External {
		// The location comes from the file: it must not reach what the user did not offer.
		if !filepath.IsLocal(filepath.FromSlash(location)) {
			return fmt.Errorf("model %s: external data %q lie outside of the model's folder", p.Path, location)
		}
		names = append(names, path.Clean(location))
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return nil
	}
	all := sha256.New()
	fmt.Fprintf(all, "crossbatch model 1\n%s\n", p.Digest)
	for _, name := range names {
		f := File{Name: name, Path: filepath.Join(filepath.Dir(p.Path), filepath.FromSlash(name))}
		if err := f.digest(ctx); err != nil {
			return fmt.Errorf("model %s: external data %q: %w", p.Path, name, err)
		}
		fmt.Fprintf(all, "%d %s %s\n", len(name), name, f.Digest)
		p.Files = append(p.Files, f)
		p.Size += f.Size
	}
	p.Digest = sum(all)
	return nil
}

// digest streams the file.
func (f *File) digest(ctx context.Context) error {
	r, _, err := openRegular(f.Path)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // read only: nothing can be lost
	h := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(h, r, chunk)
		f.Size += n
		if errors.Is(err, io.EOF) {
			f.Digest = sum(h)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// openRegular opens a regular file; a folder, a pipe or a device is an error.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path) // before opening: to open a pipe would wait for its writer
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	return f, info.Size(), err
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
