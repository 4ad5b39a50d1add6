package collect

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// published is an object of a result as it is read. What is read of it is digested, and
// compared with what its manifest says of it once it was read to its end.
type published struct {
	is    record.File
	fault error // that it is not what it should be: ErrConflict, or ErrPiece
	raw   io.ReadCloser
	sum   *digest.Hash
	size  int64
}

func openPublished(ctx context.Context, from storage.Folder, f record.File, fault error) (*published, error) {
	p := &published{is: f, fault: fault, sum: digest.New()}
	if !plain(f.Name) {
		return nil, p.wrong("it is no file of its folder")
	}
	var err error
	p.raw, err = from.Stream(ctx, storage.Object{Key: from.Key(f.Name)})
	if errors.Is(err, storage.ErrNotFound) {
		return nil, p.wrong("it is not there any more")
	}
	return p, p.reading(err)
}

// wrong says that the object is not what it should be.
func (p *published) wrong(why string) error {
	return fmt.Errorf("%w: %s: %s", p.fault, p.is.Name, why)
}

// reading is why the object cannot be read.
func (p *published) reading(err error) error {
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case errors.Is(err, compress.ErrDamaged), errors.Is(err, parquet.ErrDamaged):
		return p.wrong(err.Error())
	}
	return fmt.Errorf("reading %s: %w", p.is.Name, err)
}

// Read implements io.Reader.
func (p *published) Read(b []byte) (int, error) {
	n, err := p.raw.Read(b)
	_, _ = p.sum.Write(b[:n])
	p.size += int64(n)
	return n, err
}

// finish reads what is left.
func (p *published) finish() error {
	if _, err := io.Copy(io.Discard, p); err != nil {
		return p.reading(err)
	}
	if p.size != p.is.Size || p.sum.String() != p.is.Digest {
		return p.wrong("its content is not what its manifest says")
	}
	return nil
}

func (p *published) close() error { return p.raw.Close() }

// text is a published object of lines, without its compression.
type text struct {
	*published
	z io.ReadCloser
}

func openText(ctx context.Context, from storage.Folder, f record.File, fault error) (text, error) {
	p, err := openPublished(ctx, from, f, fault)
	if err != nil {
		return text{}, err
	}
	compression, _ := compress.Of(f.Name)
	z, err := compress.NewReader(p, compression)
	if err != nil {
		_ = p.close()
		return text{}, p.reading(err)
	}
	return text{p, z}, nil
}

func (t text) close() error { return errors.Join(t.z.Close(), t.published.close()) }

// lines reads JSON Lines. They are published as they stand.
type lines struct {
	text
	r    *bufio.Reader
	line []byte
}

func openLines(ctx context.Context, from storage.Folder, f record.File, fault error) (*lines, error) {
	t, err := openText(ctx, from, f, fault)
	if err != nil {
		return nil, err
	}
	return &lines{text: t, r: bufio.NewReaderSize(t.z, 256<<10)}, nil
}

func (l *lines) next() ([]byte, error) {
	var err error
	l.line, err = readLine(l.r, l.line[:0])
	return l.line, l.reading(err)
}

func (*lines) put(w *splitting, row []byte) error { return w.encoder.Append(row) }

// cells reads CSV. Its rows are published as they stand.
type cells struct {
	text
	split *record.Splitter
	block record.Block
	at    int // in the block
}

// rowBytes bounds a row of published CSV: it may be far longer than its record.
const rowBytes = 1 << 30

func openCells(ctx context.Context, from storage.Folder, f record.File) (*cells, error) {
	t, err := openText(ctx, from, f, ErrConflict)
	if err != nil {
		return nil, err
	}
	limits := record.DefaultLimits()
	limits.Record = rowBytes
	c := &cells{text: t, split: record.NewSplitter(t.z, record.CSV, ',', limits)}
	if _, err := c.split.ReadHeader(); err != nil {
		_ = c.close()
		return nil, c.reading(err)
	}
	return c, nil
}

func (c *cells) next() ([]byte, error) {
	if c.at == len(c.block.Records) {
		c.at = 0
		if err := c.split.Next(&c.block); err != nil {
			c.block.Records = c.block.Records[:0]
			return nil, c.reading(err)
		}
	}
	span := c.block.Records[c.at]
	c.at++
	if span.Failure != nil {
		return nil, c.wrong(span.Failure.Error())
	}
	return c.block.Data[span.Start:span.End], nil
}

func (*cells) put(w *splitting, row []byte) error { return w.encoder.AppendRow(row) }

// table reads Parquet. Its rows become scorer lines again.
type table struct {
	*published
	object *storage.ObjectReader
	r      *parquet.Reader
	keys   int
	keep   []string
	rows   parquet.Rows
	at     int
	values []record.Value
	line   []byte
}

// tableRows is how many rows of Parquet are read at a time.
const tableRows = 1024

func openTable(ctx context.Context, from storage.Folder, f record.File, cols *record.Columns) (_ *table, err error) {
	t := &table{keys: max(1, cols.Keys), keep: cols.Keep}
	if t.published, err = openPublished(ctx, from, f, ErrConflict); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = t.close()
		}
	}()
	if err := t.published.finish(); err != nil { // its end is read first, so it is digested by itself
		return nil, err
	}
	is, err := from.Stat(ctx, from.Key(f.Name))
	if err == nil {
		t.object, err = from.OpenVersion(ctx, is)
	}
	if err != nil {
		return nil, t.reading(err)
	}
	file, err := parquet.Open(t.object, t.object.Size())
	if err != nil {
		return nil, t.reading(err)
	}
	fields := []string{"key"}
	if cols.Keys > 1 {
		fields = fields[:0]
		for i := range cols.Keys {
			fields = append(fields, fmt.Sprintf("key_%d", i))
		}
	}
	fields = append(append(fields, cols.Keep...), "prediction")
	t.values = make([]record.Value, len(fields))
	t.r, err = file.NewReader(fields, 0)
	return t, t.reading(err)
}

func (t *table) next() ([]byte, error) {
	if t.at == t.rows.Len() {
		t.at = 0
		if err := t.r.Next(&t.rows, tableRows); err != nil {
			return nil, t.reading(err)
		}
	}
	clear(t.values)
	if fail := t.rows.Values(t.at, t.values); fail != nil {
		return nil, t.wrong(fail.Error())
	}
	t.at++
	t.line = append(t.line[:0], `{"key":`...)
	if t.keys > 1 {
		t.line = append(t.line, '[')
	}
	for i, v := range t.values[:t.keys] {
		if i > 0 {
			t.line = append(t.line, ',')
		}
		t.line = record.AppendJSON(t.line, v)
	}
	if t.keys > 1 {
		t.line = append(t.line, ']')
	}
	for i, name := range t.keep {
		t.line = append(t.line, ',')
		t.line = record.AppendString(t.line, name)
		t.line = append(t.line, ':')
		t.line = record.AppendJSON(t.line, t.values[t.keys+i])
	}
	t.line = append(t.line, `,"prediction":`...)
	t.line = record.AppendJSON(t.line, t.values[len(t.values)-1])
	t.line = append(t.line, "}\n"...)
	return t.line, nil
}

func (*table) put(w *splitting, row []byte) error { return w.encoder.Append(row) }

// finish has nothing to do: the object was read through when it was opened.
func (*table) finish() error { return nil }

func (t *table) close() error {
	err := t.published.close()
	if t.r != nil {
		err = errors.Join(err, t.r.Close())
	}
	if t.object != nil {
		err = errors.Join(err, t.object.Close())
	}
	return err
}

// failures reads the failed-* of a shard. Where there is none, it has no line.
type failures struct {
	shard int
	part  string
	fault error
	left  int64  // lines that are to come
	lines *lines // nil: there is none
	line  []byte // at hand
	row   int64  // of line
	ok    bool   // there is a line at hand
}

func openFailures(ctx context.Context, from storage.Folder, shard int, s record.Shard, fault error) (*failures, error) {
	f := &failures{shard: shard, part: s.Part.Name, fault: fault, left: s.Failed, row: -1}
	if s.FailedPart == nil {
		return f, nil
	}
	var err error
	if f.lines, err = openLines(ctx, from, *s.FailedPart, fault); err != nil {
		return nil, err
	}
	if err := f.next(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *failures) wrong() error {
	return fmt.Errorf("%w: the failed records of %s are not those that are counted", f.fault, f.part)
}

// next goes on to the next line.
func (f *failures) next() error {
	var err error
	if f.line, err = f.lines.next(); errors.Is(err, io.EOF) {
		f.ok, f.line = false, nil
		if f.left > 0 {
			return f.wrong()
		}
		return nil
	}
	if err != nil {
		return err
	}
	f.left--
	var is struct {
		Shard *int   `json:"shard"`
		Row   *int64 `json:"row"`
	}
	if err := json.Unmarshal(f.line, &is); err != nil || is.Shard == nil || is.Row == nil || *is.Shard != f.shard || *is.Row <= f.row || f.left < 0 {
		return f.wrong()
	}
	f.row, f.ok = *is.Row, true
	return nil
}

func (f *failures) finish() error {
	if f.lines == nil {
		return nil
	}
	return f.lines.finish()
}

func (f *failures) close() {
	if f.lines != nil {
		_ = f.lines.close()
	}
}
