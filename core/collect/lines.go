package collect

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/part"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// splitting takes the scorer lines of one shard apart into predictions and
// failures.
type splitting struct {
	shard   int
	base    *standing // what stood there before; nil: nothing
	encoder *part.Encoder
	errors  *record.ErrorReader
	ok      *spill
	notes   [][]byte // of the chunks written to ok
	failed  *spill
	row     int64 // the next one
	end     int64 // where the last lines say that the shard ends; unknown
	counts  record.Counts
	skipped [][2]int64
	fills   map[string]int64 // nulls filled, by field
	buf     []byte
	named   []byte
}

// split makes the parts of a shard from its lines. Rows without a line are
// skipped.
func (c *collector) split(ctx context.Context, i int, s shard, out record.Shard) (record.Shard, error) {
	dir, err := os.MkdirTemp("", "crossbatch-collect-")
	if err != nil {
		return out, fmt.Errorf("spilling results: %w", err)
	}
	defer os.RemoveAll(dir)
	made := c.scored
	if len(s.lines) > 0 {
		made = s.lines[0].Made
	}
	w := &splitting{shard: i, end: unknown, errors: record.NewErrorReader(), fills: map[string]int64{}}
	if w.encoder, err = part.NewEncoder(c.layout(made)); err != nil {
		return out, err
	}
	if w.ok, err = newSpill(dir, c.partName(i)); err != nil {
		return out, err
	}
	defer w.ok.close()
	if w.failed, err = newSpill(dir, c.failedName(i)); err != nil {
		return out, err
	}
	defer w.failed.close()
	head, err := w.encoder.Head()
	if err == nil {
		err = w.ok.write(head)
	}
	if err != nil {
		return out, err
	}
	if c.Base != nil {
		if w.base, err = c.openBase(ctx, i); err != nil {
			return out, err
		}
		defer w.base.close()
	}
	for _, l := range s.lines {
		if err := c.read(ctx, w, l, s.in); err != nil {
			return out, err
		}
	}
	if w.base != nil {
		if s.part != nil {
			err = c.answers(ctx, w, s.part, c.Base.rows(i))
		}
		if err == nil {
			err = w.base.finish(w)
		}
		if err != nil {
			return out, err
		}
	}
	if w.end != unknown && w.end != w.row {
		return out, fmt.Errorf("%w: the shard ends at row %d, %d rows are answered", ErrPiece, w.end, w.row)
	}
	if s.in != unknown {
		w.skip(s.in)
	}
	if err := w.finish(); err != nil {
		return out, err
	}
	out.Counts, out.SkippedRows = w.counts, w.skipped
	c.shards[i].fills = w.fills
	if out.Part, err = c.place(ctx, w.ok); err != nil || w.counts.Failed == 0 {
		return out, err
	}
	f, err := c.place(ctx, w.failed)
	out.FailedPart = &f
	return out, err
}

// place brings a spilled file to its place.
func (c *collector) place(ctx context.Context, s *spill) (record.File, error) {
	f, err := s.finish()
	if err != nil {
		return f, err
	}
	err = c.steps.around(f.Name, func() error {
		return s.copyTo(ctx, c.dest, c.dest.Key(f.Name))
	})
	return f, err
}

// read takes the lines of one object. most bounds the rows that count; unknown:
// no bound.
func (c *collector) read(ctx context.Context, w *splitting, l provider.Lines, most int64) error {
	from, key, err := c.in.Object(ctx, l.URI)
	if err != nil {
		return err
	}
	r, err := from.Stream(ctx, storage.Object{Key: key})
	if err != nil {
		return fmt.Errorf("reading %s: %w", l.URI, err)
	}
	defer func() { _ = r.Close() }()
	b := bufio.NewReaderSize(r, 256<<10)
	n, last := int64(0), int64(-1)
	rows := spread{first: l.First, ranges: l.Rows}
	var line []byte
	for {
		line, err = readLine(b, line[:0])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", l.URI, err)
		}
		row, text := rows.of(n), line
		if l.Sparse != nil {
			if row, text, err = w.placed(line, last); err != nil {
				return fmt.Errorf("%w: %s: line %d: %w", ErrPiece, l.URI, n, err)
			}
			last = row
		}
		if most != unknown && row >= most {
			if c.Job.Input.Limit > 0 {
				return nil // a preview's lines may be more
			}
			return fmt.Errorf("%w: %s answers row %d of a shard of %d", ErrPiece, l.URI, row, most)
		}
		text, filled, err := mapping.CutFills(text)
		if err == nil {
			if len(c.Job.Input.Key) == 0 {
				text = w.name(row, text)
			}
			err = w.take(row, text, filled)
		}
		if err != nil {
			return fmt.Errorf("%w: %s: row %d: %w", ErrPiece, l.URI, row, err)
		}
		n++
	}
	switch {
	case most != unknown:
	case l.Sparse != nil:
		w.end = max(w.end, l.Sparse.Rows)
		w.skip(l.Sparse.Rows)
	case l.Last:
		w.end = max(w.end, l.First+n)
		w.skip(l.First) // without a line, it still says where the shard ends
	}
	switch {
	case l.Records > 0 && n != l.Records:
		return fmt.Errorf("%w: %s holds %d lines, %d were announced", ErrPiece, l.URI, n, l.Records)
	case uncounted(l) && most != unknown && n != most && c.Job.Input.Limit == 0: // which record each line is of, nobody can tell
		return fmt.Errorf("%w: %s holds %d lines, the shard has %d records", ErrPiece, l.URI, n, most)
	}
	return nil
}

// spread tells which row each line is of.
type spread struct {
	first  int64
	ranges [][2]int64 // empty: they follow one another
	before int64      // lines of ranges that are passed
}

// of is the row of the n-th line. n never gets smaller. Lines behind the last range
// belong to no row.
func (s *spread) of(n int64) int64 {
	if len(s.ranges) == 0 && s.before == 0 {
		return s.first + n
	}
	for len(s.ranges) > 0 {
		if r := s.ranges[0]; n-s.before <= r[1]-r[0] {
			return r[0] + n - s.before
		}
		s.before += s.ranges[0][1] - s.ranges[0][0] + 1
		s.ranges = s.ranges[1:]
	}
	return math.MaxInt64
}

// placed is a line without what it says of its record, which comes after the row
// last.
func (w *splitting) placed(line []byte, last int64) (row int64, text []byte, err error) {
	text, shard, row, ok := mapping.CutIdentity(line)
	switch {
	case !ok:
		return 0, nil, errors.New("it does not say which record it is of")
	case shard != w.shard:
		return 0, nil, fmt.Errorf("it is of shard %d", shard)
	case row <= last:
		return 0, nil, fmt.Errorf("row %d comes after row %d", row, last)
	}
	return row, text, nil
}

// readLine appends the next line, which may be long, with its end. The last one
// need not have any.
func readLine(r *bufio.Reader, dst []byte) ([]byte, error) {
	for {
		chunk, err := r.ReadSlice('\n')
		dst = append(dst, chunk...)
		switch {
		case err == nil:
			return dst, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(dst) > 0:
			return append(dst, '\n'), nil
		default:
			return dst, err
		}
	}
}

// nobody begins the line of a record without a key, from a scorer that knew neither
// its shard nor its row.
const nobody = `{"key":null,`

// name puts the key into a line that begins with nobody's.
func (w *splitting) name(row int64, line []byte) []byte {
	rest, ok := bytes.CutPrefix(line, []byte(nobody))
	if !ok {
		return line
	}
	w.named = append(w.named[:0], `{"key":`...)
	w.named, _ = record.AppendKey(w.named, nil, w.shard, row) // without fields it cannot fail
	w.named = append(w.named, ',')
	w.named = append(w.named, rest...)
	return w.named
}

// take writes the line of a row, of which some nulls were filled. A row that an
// earlier attempt answered keeps that answer.
func (w *splitting) take(row int64, line []byte, filled map[string]int64) error {
	if row < w.row {
		return nil
	}
	if w.base != nil {
		if err := w.base.replace(w, row); err != nil {
			return err
		}
	}
	w.skip(row)
	w.row++
	w.counts.In++
	for field, n := range filled {
		w.fills[field] += n
	}
	e, isError, err := w.errors.Read(line)
	switch {
	case err != nil:
		return err
	case isError && (!isString(e.Code) || !isString(e.Message)):
		return errors.New("an error without code or message")
	case isError:
		w.counts.Failed++
		w.buf = record.AppendFailed(w.buf[:0], e, w.shard, row)
		return w.failed.write(w.buf)
	case !bytes.Contains(line, []byte(`"prediction"`)):
		return errors.New("neither a prediction nor an error")
	}
	w.counts.OK++
	if err := w.encoder.Append(line); err != nil || !w.encoder.Full() {
		return err
	}
	return w.flush()
}

// flush ends a chunk of the part.
func (w *splitting) flush() error {
	chunk, note, err := w.encoder.Flush(w.buf[:0])
	if err != nil {
		return err
	}
	w.buf = chunk
	if note != nil {
		w.notes = append(w.notes, note)
	}
	return w.ok.write(chunk)
}

// finish ends the part.
func (w *splitting) finish() error {
	if err := w.flush(); err != nil {
		return err
	}
	tail, err := w.encoder.Tail(w.ok.size, w.notes)
	if err != nil {
		return err
	}
	return w.ok.write(tail)
}

func isString(text []byte) bool { return len(text) > 0 && text[0] == '"' }

// skip notes the rows up to next, which nobody answered.
func (w *splitting) skip(next int64) {
	if next <= w.row {
		return
	}
	w.skipped = append(w.skipped, [2]int64{w.row, next - 1})
	w.counts.In += next - w.row
	w.counts.Skipped += next - w.row
	w.row = next
}
