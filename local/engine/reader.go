package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// source reads one shard in chunks and digests it.
type source interface {
	// next fills c with the next records, at most so many. io.EOF: there are none
	// left.
	next(c *chunk, most int64) error
	// digest is that of the whole shard, once next said io.EOF. It is ErrChanged
	// when it is known to be another.
	digest(known string) (string, error)
	close()
}

// open begins a shard whose records are read for some fields.
func (r *Run) open(ctx context.Context, shard int, fields []string, lim record.Limits, report func(int)) (source, error) {
	if r.input.format == job.Parquet {
		return r.openRows(ctx, shard, fields, 0, lim, report)
	}
	return r.openText(ctx, shard, lim, report)
}

// openAt goes on with a shard.
func (r *Run) openAt(ctx context.Context, shard int, at position, report func(int)) (source, error) {
	if r.input.format == job.Parquet {
		return r.openRows(ctx, shard, r.scorer.Fields(), at.Row, r.limits, report)
	}
	s, err := r.openText(ctx, shard, r.limits, report)
	if err != nil {
		return nil, err
	}
	if at.Row > 0 {
		err = s.skip(at)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// object opens what a shard lies in.
func (r *Run) object(ctx context.Context, shard int) (*storage.ObjectReader, error) {
	s := r.task.Shards[shard]
	b, key, err := r.folders.Object(ctx, s.URI)
	if err != nil {
		return nil, unread(r.input.names[shard], err)
	}
	o, err := b.OpenVersion(ctx, storage.Object{Key: key, Size: s.Size, Version: s.Version})
	if err != nil {
		return nil, unread(r.input.names[shard], err)
	}
	return o, nil
}

// unread says which input could not be read.
func unread(name string, err error) error {
	if errors.Is(err, storage.ErrChanged) {
		return fmt.Errorf("%w: %s: %w", ErrChanged, name, err)
	}
	return fmt.Errorf("reading input: %s: %w", name, err)
}

// glance opens a shard as sample and peek do: in blocks as small as they come, by
// nobody who wants to hear of progress.
func (r *Run) glance(ctx context.Context, shard int, fields []string) (source, error) {
	return r.open(ctx, shard, fields, record.DefaultLimits(), func(int) {})
}

// textSource reads a shard of lines.
type textSource struct {
	name   string
	object *storage.ObjectReader
	raw    io.ReadCloser
	z      io.ReadCloser // the decompressor
	sum    *digest.Hash
	split  *record.Splitter
	header record.Header
}

// openText begins a shard of lines. For CSV with a header the first row is taken
// from it.
func (r *Run) openText(ctx context.Context, shard int, lim record.Limits, report func(int)) (*textSource, error) {
	object, err := r.object(ctx, shard)
	if err != nil {
		return nil, err
	}
	s := &textSource{name: r.input.names[shard], object: object, raw: object.NewReader(ctx, 0, -1), sum: digest.New()}
	in := io.TeeReader(&counted{ctx: ctx, r: s.raw, report: report}, s.sum)
	_, name := storage.Split(s.name) // a URI may have a query
	compression, _ := compress.Of(name)
	if s.z, err = compress.NewReader(in, compression); err != nil {
		s.z = io.NopCloser(nil)
		s.close()
		return nil, unread(s.name, err)
	}
	s.split = record.NewSplitter(s.z, r.input.text(), r.delimiter(), lim)
	if r.input.format == job.CSV && r.job.Input.CSV.Header {
		if s.header, err = s.split.ReadHeader(); err != nil {
			s.close()
			return nil, unread(s.name, err)
		}
	}
	return s, nil
}

// skip passes over what lies before a position. It is read all the same: its
// bytes belong to the digest.
func (s *textSource) skip(to position) error {
	err := s.split.Skip(to.Row, to.Offset)
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %s", ErrChanged, s.name)
	case err != nil:
		return unread(s.name, err)
	}
	return nil
}

func (s *textSource) next(c *chunk, most int64) error {
	err := s.split.Next(&c.block)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return err
		}
		return unread(s.name, err)
	}
	b := &c.block
	b.Records = b.Records[:min(int64(len(b.Records)), most)]
	c.first, c.end = b.First, position{Row: b.First + int64(len(b.Records)), Offset: b.End}
	return nil
}

func (s *textSource) close() {
	_ = errors.Join(s.z.Close(), s.raw.Close(), s.object.Close()) // they have nothing to say that reading did not
}

// digest is that of what was read.
func (s *textSource) digest(known string) (string, error) { return same(s.name, s.sum, known) }

// same gives the digest of what was read of a file, unless another is known.
func same(name string, sum *digest.Hash, known string) (string, error) {
	got := sum.String()
	if known != "" && got != known {
		return "", fmt.Errorf("%w: %s", ErrChanged, name)
	}
	return got, nil
}

// chunk is some records of a shard that follow one another. It is read again and
// again, and reuses its memory.
type chunk struct {
	first int64    // row of the first
	end   position // behind the last
	block record.Block
	rows  parquet.Rows

	some   bool  // only the records of picked are scored
	picked []int // numbers of records
}

// choose picks the records whose rows at names, and passes over those rows. It is false
// where there are none.
func (c *chunk) choose(at *record.Cursor) bool {
	c.some, c.picked = true, c.picked[:0]
	at.PassTo(c.first)
	for first, _, ok := at.Range(); ok && first < c.end.Row; first, _, ok = at.Range() {
		c.picked = append(c.picked, int(first-c.first))
		at.PassTo(first + 1)
	}
	return len(c.picked) > 0
}

// view is how a goroutine takes the records of chunks apart.
type view struct {
	input   *input
	fields  []string
	decoder record.Decoder // of lines
}

// view makes a view of fields.
func (r *Run) view(fields []string) (view, error) {
	v := view{input: &r.input, fields: fields}
	var err error
	switch r.input.format {
	case job.CSV:
		v.decoder, err = record.NewCSVDecoder(r.header, r.delimiter(), fields)
	case job.JSONL:
		v.decoder = record.NewJSONDecoder(fields)
	}
	return v, err
}

// of are the records of a chunk of a shard.
func (v view) of(c *chunk, shard int) scorer.Records {
	var all scorer.Records = &c.rows
	if v.input.format != job.Parquet {
		all = record.Text{Block: &c.block, Decoder: v.decoder}
	}
	all = v.input.fromPath(shard, v.fields, all)
	if c.some {
		return picked{all, c}
	}
	return all
}

// picked are some records of a chunk.
type picked struct {
	scorer.Records
	c *chunk
}

func (p picked) Len() int { return len(p.c.picked) }

func (p picked) Values(i int, values []record.Value) *record.Failure {
	return p.Records.Values(p.c.picked[i], values)
}

func (p picked) Row(i int) int64 { return p.c.first + int64(p.c.picked[i]) }

// scored makes a view of the scorer's fields, whose numbers are read as it takes
// them.
func (r *Run) scored() (view, error) {
	v, err := r.view(r.scorer.Fields())
	if err == nil && v.decoder != nil {
		v.decoder.Floats(r.scorer.Floats())
	}
	return v, err
}

// one is a single record of several.
type one struct {
	scorer.Records
	i int
}

func (o one) Len() int { return 1 }

func (o one) Values(_ int, values []record.Value) *record.Failure {
	return o.Records.Values(o.i, values)
}

// count says how many records a shard has; those past most are not looked for.
func (r *Run) count(ctx context.Context, shard int, most int64) (int64, error) {
	s, err := r.glance(ctx, shard, nil)
	if err != nil {
		return 0, err
	}
	defer s.close()
	if s, ok := s.(*rowSource); ok {
		return min(s.file.Records(), most), nil
	}
	var c chunk
	for c.end.Row < most {
		err := s.next(&c, most-c.end.Row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	return c.end.Row, nil
}

func (r *Run) delimiter() byte { return r.job.Input.CSV.Delimiter[0] }

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
