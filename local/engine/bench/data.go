package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// dataFile is where a scenario's input lies. Models that share a base share files.
func dataFile(dir string, s scenario, rows int64) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%d-%s%s", s.base, rows, s.format, s.format.extension()))
}

// prepareData makes a scenario's input unless it is there. It is made by a child,
// for the sake of this process's peak memory.
func (b *bench) prepareData(ctx context.Context, s scenario) (string, error) {
	path := dataFile(b.dir, s, b.rows)
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	b.log("writing %s", filepath.Base(path))
	_, err := execute(ctx, process{args: []string{b.self, childData, s.base, string(s.format), strconv.FormatInt(b.rows, 10), path}})
	return path, err
}

// writeData is the child: BASE FORMAT ROWS PATH.
func writeData(ctx context.Context, args []string) error {
	if len(args) != 4 {
		return errors.New("usage: BASE FORMAT ROWS PATH")
	}
	rows, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	src, err := newSource(args[0])
	if err != nil {
		return err
	}
	return replace(args[3], func(w io.Writer) error {
		switch f := format(args[1]); f {
		case jsonl6:
			return writeText(ctx, w, src, rows, jsonRow(6))
		case jsonl17:
			return writeText(ctx, w, src, rows, jsonRow(17))
		case csv6:
			if _, err := fmt.Fprintf(w, "id,%s\n", strings.Join(columns(len(src.row)), ",")); err != nil {
				return err
			}
			return writeText(ctx, w, src, rows, csvRow)
		case parquet:
			return writeParquet(ctx, w, src, rows)
		default:
			return fmt.Errorf("no format %q", f)
		}
	})
}

// replace writes a file that appears when it is whole.
func replace(path string, write func(io.Writer) error) error {
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = errors.Join(write(w), w.Flush(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// rowWriter appends a row in a format.
type rowWriter func(to []byte, id int64, row []float64) []byte

func jsonRow(digits int) rowWriter {
	return func(to []byte, id int64, row []float64) []byte {
		to = strconv.AppendInt(append(to, `{"id":`...), id, 10)
		to = append(to, `,"`+featuresField+`":[`...)
		for i, v := range row {
			if i > 0 {
				to = append(to, ',')
			}
			to = strconv.AppendFloat(to, v, 'g', digits, 64)
		}
		return append(to, "]}\n"...)
	}
}

func csvRow(to []byte, id int64, row []float64) []byte {
	to = strconv.AppendInt(to, id, 10)
	for _, v := range row {
		to = strconv.AppendFloat(append(to, ','), v, 'g', 6, 64)
	}
	return append(to, '\n')
}

// writeText writes rows with ids from 1 on.
func writeText(ctx context.Context, w io.Writer, src *source, rows int64, put rowWriter) error {
	var buf []byte
	for id := int64(1); id <= rows; id++ {
		if id%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		buf = put(buf[:0], id, src.next())
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// enlarge makes a file of about size bytes out of whole copies of another, and
// returns how many. The copies' ids repeat, which is nothing to the engine.
func enlarge(ctx context.Context, path string, size int64) (string, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	copies := max(1, (size+info.Size()/2)/info.Size())
	ext := filepath.Ext(path)
	to := strings.TrimSuffix(path, ext) + fmt.Sprintf("-x%d%s", copies, ext)
	if _, err := os.Stat(to); err == nil {
		return to, copies, nil
	}
	return to, copies, replace(to, func(w io.Writer) error {
		for range copies {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := copyFile(w, path); err != nil {
				return err
			}
		}
		return nil
	})
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// warm reads a file once, so that no run pays for the disk.
func warm(path string) error { return copyFile(io.Discard, path) }
