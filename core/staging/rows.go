package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// rows reads the records of one shard, in order.
type rows interface {
	// fields are those whose values item.out holds.
	fields() []string
	// next reads the next record: io.EOF behind the last one.
	next(*item) error
	// finish says that no more is read. It gives the digest of the whole shard,
	// empty where it was not read through: storage.ErrChanged when the shard is
	// not what was listed.
	finish() (string, error)
	close()
}

// openRows begins a shard.
func openRows(src *source, r Recipe) (rows, error) {
	if src.is.Size == 0 { // a shard of no records, whatever its format
		return &none{src, r.columns()}, nil
	}
	if r.Format == job.Parquet {
		return openTyped(src, r)
	}
	return openText(src, r)
}

// none is an empty shard.
type none struct {
	*source
	out []string
}

func (n *none) fields() []string { return n.out }
func (*none) next(*item) error   { return io.EOF }
func (*none) close()             {} // who opened the source closes it

// text reads JSONL and CSV.
type text struct {
	src    *source
	z      io.ReadCloser
	split  *record.Splitter
	d      record.Decoder
	out    []string
	block  record.Block
	at     int // in the block
	values []record.Value
}

// compressionOf goes by the name of an object, behind which a URI may have a query.
func compressionOf(uri string) string {
	_, name := storage.Split(uri)
	compression, _ := compress.Of(name)
	return compression
}

func openText(src *source, r Recipe) (*text, error) {
	compression := compressionOf(src.uri)
	z, err := compress.NewReader(src, compression)
	if err != nil {
		return nil, reading(src.uri, err)
	}
	t := &text{src: src, z: z, out: r.columns()}
	if err := t.begin(r); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *text) begin(r Recipe) error {
	all := slices.Concat(t.out, r.Key)
	t.values = make([]record.Value, len(all))
	if r.Format == job.JSONL {
		t.split = record.NewSplitter(t.z, record.JSONL, 0, record.DefaultLimits())
		t.d = record.NewJSONDecoder(all)
		return nil
	}
	t.split = record.NewSplitter(t.z, record.CSV, r.CSV.Delimiter[0], record.DefaultLimits())
	if r.CSV.Header {
		h, err := t.split.ReadHeader()
		if err != nil {
			return reading(t.src.uri, err)
		}
		if h != nil && !h.Equal(r.Columns) {
			return provider.Errorf(provider.DataError, "the CSV header of %s is not that of the input: %s; %s", t.src.uri, strings.Join(h, ", "), strings.Join(r.Columns, ", "))
		}
	}
	var err error
	t.d, err = record.NewCSVDecoder(r.Columns, r.CSV.Delimiter[0], all)
	return err
}

func (t *text) fields() []string { return t.out }

func (t *text) next(it *item) error {
	if t.at == len(t.block.Records) {
		t.at = 0
		if err := t.split.Next(&t.block); err != nil {
			t.block.Records = t.block.Records[:0]
			if errors.Is(err, io.EOF) {
				return io.EOF
			}
			return reading(t.src.uri, err)
		}
	}
	span := t.block.Records[t.at]
	it.row = t.block.First + int64(t.at)
	it.text = t.block.Data[span.Start:span.End]
	t.at++
	clear(t.values)
	if it.fail = span.Failure; it.fail == nil {
		it.fail = t.d.Decode(it.text, t.values)
	}
	it.out, it.key = t.values[:len(t.out)], t.values[len(t.out):]
	return nil
}

func (t *text) finish() (string, error) { return t.src.finish() }

func (t *text) close() { _ = t.z.Close() }

// batchRows is how many rows of Parquet are read at a time.
const batchRows = 1024

// typed reads Parquet. Only the columns that are wanted are read, unless the
// shard's digest is known: then all of it is read once before.
type typed struct {
	src    *source
	sum    string
	r      *parquet.Reader
	out    []string
	rows   parquet.Rows
	at     int
	values []record.Value
}

func openTyped(src *source, r Recipe) (*typed, error) {
	t := &typed{src: src, out: r.columns()}
	if src.known != "" {
		var err error
		if t.sum, err = src.finish(); err != nil {
			return nil, err
		}
	}
	if err := t.begin(r); err != nil {
		t.close()
		return nil, reading(src.uri, err)
	}
	return t, nil
}

func (t *typed) begin(r Recipe) error {
	p, err := parquet.Open(t.src.object, t.src.is.Size)
	if err != nil {
		return err
	}
	if t.out == nil {
		t.out = p.Fields()
		if err := mapping.CheckFields(t.out...); err != nil {
			return fmt.Errorf("%w: name the fields that are wanted", err)
		}
	}
	all := slices.Concat(t.out, r.Key)
	t.values = make([]record.Value, len(all))
	t.r, err = p.NewReader(all, 0)
	return err
}

func (t *typed) fields() []string { return t.out }

func (t *typed) next(it *item) error {
	if t.at == t.rows.Len() {
		t.at = 0
		if err := t.r.Next(&t.rows, batchRows); err != nil {
			if errors.Is(err, io.EOF) {
				return io.EOF
			}
			return reading(t.src.uri, err)
		}
	}
	clear(t.values)
	it.row = t.rows.First + int64(t.at)
	it.fail = t.rows.Values(t.at, t.values)
	it.out, it.key = t.values[:len(t.out)], t.values[len(t.out):]
	t.at++
	return nil
}

func (t *typed) finish() (string, error) {
	if t.sum == "" { // progress goes by what a shard has, not by what is read of it
		t.src.report(t.src.is.Size)
	}
	return t.sum, t.src.same()
}

func (t *typed) close() {
	if t.r != nil {
		_ = t.r.Close()
	}
}

// Columns are the columns of CSV input, which every piece is written by: those of
// the first shard that has a row; nil where none has. Without a header they are c0,
// c1, ...
func Columns(ctx context.Context, open storage.Opener, shards job.Shards, d job.Dialect) (columns []string, err error) {
	s := &sources{Folders: storage.NewFolders(open), report: func(int64) {}}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, shard := range shards {
		h, err := headerOf(ctx, s, shard, d)
		if err != nil {
			return nil, err
		}
		if h != nil && !d.Header {
			h = record.Numbered(len(h))
		}
		if h != nil {
			return h, nil
		}
	}
	return nil, nil
}

func headerOf(ctx context.Context, s *sources, shard job.Shard, d job.Dialect) (record.Header, error) {
	if shard.Size == 0 {
		return nil, nil
	}
	src, err := s.object(ctx, shard)
	if err != nil {
		return nil, err
	}
	defer src.close()
	compression := compressionOf(shard.URI)
	z, err := compress.NewReader(src, compression)
	if err != nil {
		return nil, reading(shard.URI, err)
	}
	defer func() { _ = z.Close() }()
	h, err := record.NewSplitter(z, record.CSV, d.Delimiter[0], record.DefaultLimits()).ReadHeader()
	if err != nil {
		return nil, reading(shard.URI, err)
	}
	return h, nil
}
