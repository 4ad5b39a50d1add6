package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Base is a published result that a run mends: its pieces answer only rows that had no
// prediction there. What they answer takes the place of what stood there, row by row;
// everything else stays as it is.
type Base struct {
	Folder   string // URI prefix of its parts; ends in a slash
	Manifest *record.Manifest
	Rows     []provider.Rows // that were tried again, by ascending shards
}

// Left are the rows of a result that have no prediction, as its manifest and its
// failed-* tell, by ascending shards; nil where all have one. folder is where the
// result lies. It is ErrConflict when an object is not what the manifest says.
func Left(ctx context.Context, open storage.Opener, folder string, m *record.Manifest) (out []provider.Rows, err error) {
	in := storage.NewFolders(open)
	defer func() { err = errors.Join(err, in.Close()) }()
	from, err := in.Folder(ctx, folder)
	if err != nil {
		return nil, err
	}
	for i, s := range m.Shards {
		if s.Left() > 0 {
			out = append(out, provider.Rows{Shard: i})
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for n := range out {
		g.Go(func() (err error) {
			i := out[n].Shard
			if out[n].Rows, err = left(ctx, from, i, m.Shards[i]); err != nil {
				err = fmt.Errorf("shard %d: %w", i, err)
			}
			return err
		})
	}
	return out, g.Wait()
}

func left(ctx context.Context, from storage.Folder, i int, s record.Shard) (record.Rows, error) {
	f, err := openFailures(ctx, from, i, s, ErrConflict)
	if err != nil {
		return nil, err
	}
	defer f.close()
	var w record.RowsWriter
	for _, r := range append(slices.Clone(s.SkippedRows), [2]int64{s.In, s.In}) {
		for f.ok && f.row < r[0] {
			if err := w.Add(f.row, f.row); err != nil {
				return nil, f.wrong()
			}
			if err := f.next(); err != nil {
				return nil, err
			}
		}
		if r[0] == s.In { // behind the last one
			break
		}
		if err := w.Add(r[0], r[1]); err != nil {
			return nil, f.wrong()
		}
	}
	rows := w.Rows()
	if n, err := rows.Count(); err != nil || n != s.Left() || f.ok {
		return nil, f.wrong()
	}
	return rows, nil
}

// rows are those that were tried again of a shard; none: nil.
func (b *Base) rows(shard int) record.Rows {
	i, ok := slices.BinarySearchFunc(b.Rows, shard, func(r provider.Rows, shard int) int { return r.Shard - shard })
	if !ok {
		return nil
	}
	return b.Rows[i].Rows
}

// fits says whether the run may mend its base.
func (c *collector) fits() error {
	m := c.Base.Manifest
	switch {
	case m.Fingerprint != c.Fingerprint || len(m.Shards) != len(c.Shards):
		return fmt.Errorf("%w: the result of run %s is of other data or another model", ErrConflict, m.Run)
	case len(c.scored.Columns) > 0 && !slices.Equal(m.Columns, c.scored.Columns):
		return fmt.Errorf("%w: the result of run %s has other columns than what was scored now", ErrConflict, m.Run)
	}
	return nil
}

// carry brings what the base has of a shard to its place, unchanged.
func (c *collector) carry(ctx context.Context, i int, out record.Shard) (record.Shard, error) {
	s := c.Base.Manifest.Shards[i]
	from, err := c.in.Folder(ctx, c.Base.Folder)
	if err != nil {
		return out, err
	}
	files := []record.File{s.Part}
	if s.FailedPart != nil {
		files = append(files, *s.FailedPart)
	}
	for _, f := range files {
		o, err := openPublished(ctx, from, f, ErrConflict)
		if err == nil {
			err = errors.Join(o.finish(), o.close())
		}
		if err != nil {
			return out, err
		}
	}
	return c.copy(ctx, i, &provider.Part{Folder: c.Base.Folder, Shard: s}, out)
}

// standing is what the base has of one shard, row by row.
type standing struct {
	shard   record.Shard
	row     int64 // the next one
	ok      rowReader
	failed  *failures
	skipped [][2]int64
}

// rowReader reads a part's rows.
type rowReader interface {
	// next is the next row, as put takes it: io.EOF behind the last one.
	next() ([]byte, error)
	// put adds a row to what is published.
	put(w *splitting, row []byte) error
	// finish reads what is left and says whether the part is what it should be.
	finish() error
	close() error
}

func (c *collector) openBase(ctx context.Context, i int) (*standing, error) {
	from, err := c.in.Folder(ctx, c.Base.Folder)
	if err != nil {
		return nil, err
	}
	b := &standing{shard: c.Base.Manifest.Shards[i]}
	b.skipped = b.shard.SkippedRows
	if b.failed, err = openFailures(ctx, from, i, b.shard, ErrConflict); err != nil {
		return nil, err
	}
	switch c.Job.Output.Format {
	case job.CSV:
		b.ok, err = openCells(ctx, from, b.shard.Part)
	case job.Parquet:
		b.ok, err = openTable(ctx, from, b.shard.Part, c.columns(c.scored))
	default:
		b.ok, err = openLines(ctx, from, b.shard.Part, ErrConflict)
	}
	if err != nil {
		b.failed.close()
		return nil, err
	}
	return b, nil
}

func (b *standing) close() {
	b.failed.close()
	_ = b.ok.close()
}

// upTo publishes what stood there of the rows before row.
func (b *standing) upTo(w *splitting, row int64) error {
	for b.row < row {
		for len(b.skipped) > 0 && b.skipped[0][1] < b.row {
			b.skipped = b.skipped[1:]
		}
		switch {
		case len(b.skipped) > 0 && b.skipped[0][0] <= b.row:
			b.row = min(row, b.skipped[0][1]+1)
			continue
		case b.failed.ok && b.failed.row == b.row:
			w.skip(b.row)
			if err := w.refuse(b.failed.line); err != nil {
				return err
			}
			if err := b.failed.next(); err != nil {
				return err
			}
		default:
			line, err := b.ok.next()
			if errors.Is(err, io.EOF) {
				return fmt.Errorf("%w: %s has fewer rows than its manifest says", ErrConflict, b.shard.Part.Name)
			}
			if err != nil {
				return err
			}
			w.skip(b.row)
			w.row++
			w.counts.In++
			w.counts.OK++
			if err := b.ok.put(w, line); err != nil {
				return err
			}
			if w.encoder.Full() {
				if err := w.flush(); err != nil {
					return err
				}
			}
		}
		b.row++
	}
	return nil
}

// replace drops what stood there of a row, which is answered now, and publishes all
// before it. A row that has a prediction is no row to answer.
func (b *standing) replace(w *splitting, row int64) error {
	if err := b.upTo(w, row); err != nil {
		return err
	}
	for len(b.skipped) > 0 && b.skipped[0][1] < row {
		b.skipped = b.skipped[1:]
	}
	switch {
	case len(b.skipped) > 0 && b.skipped[0][0] <= row:
	case b.failed.ok && b.failed.row == row:
		if err := b.failed.next(); err != nil {
			return err
		}
	default:
		return errors.New("it has a prediction, and was not to be tried again")
	}
	b.row = row + 1
	return nil
}

// finish publishes what is left, and says whether all that was read is what the base's
// manifest says.
func (b *standing) finish(w *splitting) error {
	if err := b.upTo(w, b.shard.In); err != nil {
		return err
	}
	if b.failed.ok {
		return b.failed.wrong()
	}
	if _, err := b.ok.next(); !errors.Is(err, io.EOF) {
		return errors.Join(err, fmt.Errorf("%w: %s has more rows than its manifest says", ErrConflict, b.shard.Part.Name))
	}
	return errors.Join(b.failed.finish(), b.ok.finish())
}

// refuse writes a line of failed-* for the next row.
func (w *splitting) refuse(line []byte) error {
	w.row++
	w.counts.In++
	w.counts.Failed++
	return w.failed.write(line)
}

// answers takes a piece in which our scorer answered the rows that were tried again: the
// predictions in one file, and in another the failed records, which say their rows.
func (c *collector) answers(ctx context.Context, w *splitting, p *provider.Part, rows record.Rows) error {
	from, err := c.in.Folder(ctx, p.Folder)
	if err != nil {
		return err
	}
	failed, err := openFailures(ctx, from, w.shard, p.Shard, ErrPiece)
	if err != nil {
		return err
	}
	defer failed.close()
	ok, err := openLines(ctx, from, p.Shard.Part, ErrPiece)
	if err != nil {
		return err
	}
	defer func() { _ = ok.close() }()
	for at := rows.Cursor(); ; {
		row, more := at.Next()
		if !more {
			break
		}
		if failed.ok && failed.row == row {
			if err := w.base.replace(w, row); err != nil {
				return err
			}
			w.skip(row)
			if err := errors.Join(w.refuse(failed.line), failed.next()); err != nil {
				return err
			}
			continue
		}
		line, err := ok.next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: %s has fewer rows than were tried again", ErrPiece, p.Shard.Part.Name)
		}
		if err == nil {
			err = w.take(row, line, nil)
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
	}
	if _, err := ok.next(); failed.ok || !errors.Is(err, io.EOF) {
		return errors.Join(err, fmt.Errorf("%w: %s answers more rows than were tried again", ErrPiece, p.Folder))
	}
	for field, n := range p.Fills {
		w.fills[field] += n
	}
	return errors.Join(failed.finish(), ok.finish())
}
