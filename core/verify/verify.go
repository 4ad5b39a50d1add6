// Package verify checks published results again, from their files alone.
//
// It must not know what made a result, nor trust any of its files.
package verify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
)

// Finding is one thing that is wrong with a published result.
type Finding struct {
	Object  string `json:"object"`
	Message string `json:"message"`
}

// Result re-checks a published result from its files alone: every object that
// the manifest names is there with its size and digest, holds as many records
// as the manifest says, no other part of this run lies beside them, and the
// counts add up. An error means that the check could not be made.
func Result(ctx context.Context, dir fs.FS) (*record.Manifest, []Finding, error) {
	b, err := fs.ReadFile(dir, record.ManifestName)
	if err != nil {
		return nil, nil, fmt.Errorf("no published result: %w", err)
	}
	m, err := record.ParseManifest(b)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", record.ManifestName, err)
	}
	v := verifier{dir: dir, seen: map[string]bool{}}
	var total record.Counts
	for i, s := range m.Shards {
		if err := ctx.Err(); err != nil {
			return m, nil, err
		}
		total.Add(s.Counts)
		v.shard(m, i, s)
	}
	if total != m.Totals {
		v.add(record.ManifestName, "the shards add up to %+v, the totals say %+v", total, m.Totals)
	}
	if err := v.strays(m.Run); err != nil {
		return m, nil, err
	}
	return m, v.findings, nil
}

type verifier struct {
	dir      fs.FS
	seen     map[string]bool
	findings []Finding
}

func (v *verifier) add(object, format string, args ...any) {
	v.findings = append(v.findings, Finding{Object: object, Message: fmt.Sprintf(format, args...)})
}

func (v *verifier) shard(m *record.Manifest, i int, s record.Shard) {
	if !s.Balanced() {
		v.add(record.ManifestName, "shard %d: %d records in are not %d ok + %d failed + %d skipped", i, s.In, s.OK, s.Failed, s.Skipped)
	}
	if min(s.In, s.OK, s.Failed, s.Skipped) < 0 {
		v.add(record.ManifestName, "shard %d: a count is below zero", i)
	}
	v.file(s.Part, s.OK, job.Format(m.Format))
	if s.FailedPart != nil {
		v.file(*s.FailedPart, s.Failed, job.JSONL)
	} else if s.Failed > 0 {
		v.add(record.ManifestName, "shard %d: %d failed records, but no object that names them", i, s.Failed)
	}
}

// file checks one object.
func (v *verifier) file(f record.File, records int64, format job.Format) {
	if v.seen[f.Name] {
		v.add(f.Name, "two shards name this object")
	}
	v.seen[f.Name] = true
	r, err := v.dir.Open(f.Name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			v.add(f.Name, "is missing")
		} else {
			v.add(f.Name, "cannot be read: %v", err)
		}
		return
	}
	defer r.Close()
	h := digest.New()
	size := &counter{}
	raw := io.TeeReader(bufio.NewReader(r), io.MultiWriter(h, size))
	var n int64
	if format != job.Parquet {
		n, err = lines(raw, f.Name, format)
	}
	if err != nil || format == job.Parquet { // what is left of it still tells whether it is another file
		_, cerr := io.Copy(io.Discard, raw)
		err = errors.Join(err, cerr)
	}
	if err == nil && format == job.Parquet {
		n, err = rows(r, size.n)
	}
	switch {
	case size.n != f.Size:
		v.add(f.Name, "has %d bytes, the manifest says %d", size.n, f.Size)
	case h.String() != f.Digest:
		v.add(f.Name, "its content differs from the manifest's digest")
	case err != nil:
		v.add(f.Name, "cannot be read: %v", err)
	case n != records:
		v.add(f.Name, "has %d records, the manifest says %d", n, records)
	}
}

// lines counts the records of an object of lines, which its name says to be
// compressed or not.
func lines(r io.Reader, name string, format job.Format) (int64, error) {
	compression, _ := compress.Of(name)
	z, err := compress.NewReader(r, compression)
	if err != nil {
		return 0, err
	}
	defer func() { _ = z.Close() }()
	n, form := int64(0), record.JSONL
	if format == job.CSV {
		n, form = -1, record.CSV // its header is no record
	}
	split := record.NewSplitter(z, form, ',', record.DefaultLimits())
	var b record.Block
	for {
		switch err := split.Next(&b); {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		}
		n += int64(len(b.Records))
	}
}

// rows counts the records of a Parquet file of so many bytes.
func rows(f fs.File, size int64) (int64, error) {
	at, ok := f.(io.ReaderAt)
	if !ok {
		s, ok := f.(io.ReadSeeker)
		if !ok {
			return 0, errors.New("its end is to be read first, which this place does not allow")
		}
		at = seeking{s}
	}
	p, err := parquet.Open(at, size)
	if err != nil {
		return 0, err
	}
	return p.Records(), nil
}

// seeking reads anywhere in what can seek. It is not safe for concurrent use.
type seeking struct{ io.ReadSeeker }

func (s seeking) ReadAt(b []byte, off int64) (int, error) {
	if _, err := s.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	return io.ReadFull(s, b)
}

// strays finds parts of this run that the manifest does not name; those of other
// runs are what a killed clean-up left, and no reader takes them for this result.
func (v *verifier) strays(run string) error {
	entries, err := fs.ReadDir(v.dir, ".")
	if err != nil {
		return fmt.Errorf("listing the result: %w", err)
	}
	mark := fmt.Sprintf(".%.8s.", run)
	for _, e := range entries {
		name := e.Name()
		ours := strings.HasPrefix(name, "part-") || strings.HasPrefix(name, "failed-")
		if ours && strings.Contains(name, mark) && !v.seen[name] {
			v.add(name, "is of this run, but the manifest does not name it")
		}
	}
	return nil
}

// counter counts the bytes written to it.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
