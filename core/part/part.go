// Package part writes published parts: the predictions of one shard, in the
// format of a job's output.
//
// A part is a head, chunks and a tail. Chunks stand alone (a gzip member, a
// Zstandard frame, a row group), so that several goroutines may encode them at a time, and a
// part that was cut off behind one of them is gone on with. The same lines, cut
// into chunks at the same places, give the same bytes.
//
// It must not know shards, jobs, or where parts lie.
package part

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
)

// Layout is how the parts of a run are written.
type Layout struct {
	Format      job.Format
	Compression string // as core/job names it
	Columns     record.Columns
}

// Lines is how many lines a chunk has at most, and Bytes how many bytes of lines
// close it, where nothing else cuts the lines.
const (
	Lines = 16 << 10
	Bytes = 4 << 20
)

// Encoder encodes parts. It is not safe for concurrent use.
type Encoder struct {
	l    Layout
	csv  *record.CSVEncoder
	rows *parquet.Encoder
	text []byte // of the chunk at hand; Parquet's stands in rows
	n    int    // its lines
	size int    // their bytes, as the scorer writes them
	pack *packer
}

// NewEncoder makes an encoder.
func NewEncoder(l Layout) (*Encoder, error) {
	e := &Encoder{l: l, pack: &packer{compression: l.Compression}}
	var err error
	switch l.Format {
	case job.JSONL:
	case job.CSV:
		e.csv = record.NewCSVEncoder(l.Columns)
	case job.Parquet:
		e.rows, err = parquet.NewEncoder(l.Columns, l.Compression)
	default:
		return nil, fmt.Errorf("no part is written as %q", l.Format)
	}
	return e, err
}

// Head is what a part begins with. It may be nothing.
func (e *Encoder) Head() ([]byte, error) {
	switch {
	case e.rows != nil:
		return parquet.Head(), nil
	case e.csv == nil:
		return nil, nil
	}
	return e.pack.append(nil, e.csv.AppendHeader(nil))
}

// Append adds ok lines of the scorer to the chunk at hand.
func (e *Encoder) Append(lines []byte) error {
	e.size += len(lines)
	if e.l.Format == job.JSONL {
		e.text = append(e.text, lines...)
		e.n += bytes.Count(lines, newline)
		return nil
	}
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n') + 1
		if end == 0 {
			return fmt.Errorf("a scorer line has no end")
		}
		var err error
		if e.rows != nil {
			err = e.rows.Append(lines[:end])
		} else {
			e.text, err = e.csv.Append(e.text, lines[:end])
		}
		if err != nil {
			return err
		}
		e.n++
		lines = lines[end:]
	}
	return nil
}

// AppendRow adds a row of published CSV or JSONL, as it stands in another part, to the
// chunk at hand.
func (e *Encoder) AppendRow(row []byte) error {
	if e.rows != nil {
		return errors.New("rows of Parquet do not stand alone")
	}
	e.text = append(e.text, row...)
	if !bytes.HasSuffix(row, newline) {
		e.text = append(e.text, '\n')
	}
	e.n++
	e.size += len(row)
	return nil
}

var newline = []byte{'\n'}

// Full says whether the chunk at hand is as large as chunks get.
func (e *Encoder) Full() bool { return e.n >= Lines || e.size >= Bytes }

// Flush ends the chunk at hand and appends it to dst. A chunk of no lines is
// nothing. note is to be handed to Tail; it may be nil.
func (e *Encoder) Flush(dst []byte) (chunk, note []byte, err error) {
	switch {
	case e.rows != nil:
		dst, note, err = e.rows.Flush(dst)
	case e.n > 0:
		dst, err = e.pack.append(dst, e.text)
	}
	e.text, e.n, e.size = e.text[:0], 0, 0
	return dst, note, err
}

// Tail is what ends a part of size bytes so far. notes are those of its chunks,
// in order; those that are nil are left out.
func (e *Encoder) Tail(size int64, notes [][]byte) ([]byte, error) {
	if e.rows != nil {
		return e.rows.Tail(notes)
	}
	if size == 0 { // a compressed file of nothing is not an empty file
		return e.pack.append(nil, nil)
	}
	return nil, nil
}

// packer compresses chunks.
type packer struct {
	compression string
	w           compress.Writer
	buf         bytes.Buffer
}

func (p *packer) append(dst, text []byte) ([]byte, error) {
	if p.compression == compress.None || p.compression == "" {
		return append(dst, text...), nil
	}
	p.buf.Reset()
	if p.w == nil {
		w, err := compress.NewWriter(&p.buf, p.compression)
		if err != nil {
			return dst, err
		}
		p.w = w
	} else {
		p.w.Reset(&p.buf)
	}
	if _, err := p.w.Write(text); err != nil {
		return dst, err
	}
	if err := p.w.Close(); err != nil {
		return dst, err
	}
	return append(dst, p.buf.Bytes()...), nil
}
