package contracttests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/part"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// scored is a shard as a fake service scored it.
type scored struct {
	lines  []byte // one for each record
	counts record.Counts
}

// score scores a shard and keeps its lines where the service keeps them.
func (s *service) score(j *fakeJob, shard int) error {
	out, err := s.lines(j.body, shard)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(j.outputs(), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(j.outputs(), fmt.Sprintf("%05d.lines", shard)), out.lines, 0o644)
}

// lines is the suite's model in plain Go: y = x @ weights.
func (s *service) lines(b fakeBody, shard int) (scored, error) {
	var out scored
	path, _ := storage.LocalPath(b.Input.Shards[shard].URI)
	body, err := os.ReadFile(path)
	if err != nil {
		return out, provider.Errorf(provider.NotFound, "%w", err)
	}
	if digest.Of(body) != b.Input.Shards[shard].Digest {
		return out, provider.Errorf(provider.Conflict, "%s changed", path)
	}
	fields := []string{"a", "b", "c"}
	fields = append(fields, b.Job.Input.Key...)
	for _, k := range b.Job.Output.Keep {
		fields = append(fields, k.Field)
	}
	format := record.JSONL
	var decoder record.Decoder = record.NewJSONDecoder(fields)
	if b.Input.Format == job.CSV {
		format = record.CSV
	}
	compression, _ := compress.Of(path)
	if s.broken == compressedHolds {
		compression = compress.None
	}
	plain, err := compress.NewReader(bytes.NewReader(body), compression)
	if err != nil {
		return out, provider.Errorf(provider.DataError, "%w", err)
	}
	defer func() { _ = plain.Close() }()
	split := record.NewSplitter(plain, format, ',', record.DefaultLimits())
	if format == record.CSV {
		header, err := split.ReadHeader()
		if err != nil {
			return out, err
		}
		if decoder, err = record.NewCSVDecoder(header, ',', fields); err != nil {
			return out, err
		}
	}
	var block record.Block
	values := make([]record.Value, len(fields))
	chosen, some := s.chosen(b, shard)
	at := chosen.Cursor()
	for row := int64(0); ; {
		if err := split.Next(&block); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, err
		}
		for _, span := range block.Records {
			if at.PassTo(row); some {
				if next, _, ok := at.Range(); !ok || next != row {
					row++
					continue
				}
			}
			s.line(&out, b, shard, row, block.Data[span.Start:span.End], span.Failure, decoder, values)
			row++
		}
	}
}

// chosen are the rows of a shard that are asked for; false: all are.
func (s *service) chosen(b fakeBody, shard int) (record.Rows, bool) {
	if b.Input.Rows == nil || s.broken == "a_retry_mends_what_a_run_left" {
		return nil, false
	}
	for _, r := range b.Input.Rows {
		if r.Shard == shard {
			return r.Rows, true
		}
	}
	return nil, true
}

// rowsOf are the rows of n lines of a shard from the i-th on.
func (s *service) rowsOf(b fakeBody, shard, i, n int) (first int64, ranges [][2]int64) {
	rows, some := s.chosen(b, shard)
	if !some || n == 0 {
		return int64(i), nil
	}
	var w record.RowsWriter
	at := rows.Cursor()
	for k := range i + n {
		row, ok := at.Next()
		if ok && k >= i && w.Add(row, row) != nil {
			panic("rows out of order")
		}
	}
	ranges = w.Rows().Ranges()
	if len(ranges) == 1 {
		return ranges[0][0], nil
	}
	return ranges[0][0], ranges
}

// line scores one record.
func (s *service) line(out *scored, b fakeBody, shard int, row int64, text []byte, fail *record.Failure, d record.Decoder, values []record.Value) {
	keys := len(b.Job.Input.Key)
	var key []byte
	if fail == nil {
		clear(values)
		fail = d.Decode(text, values)
	}
	if fail == nil {
		key, fail = record.AppendKey(nil, values[3:3+keys], shard, row)
	}
	var x [3]float64
	for i := 0; i < len(x) && fail == nil; i++ {
		var err error
		x[i], err = strconv.ParseFloat(string(values[i].Raw), 64)
		switch {
		case values[i].Kind == record.Missing:
			fail = record.Fail(record.MissingField, "no %c", 'a'+i)
		case values[i].Kind == record.Array:
			fail = record.Fail(record.WrongShape, "a list")
		case err != nil:
			fail = record.Fail(record.WrongType, "no number")
		}
	}
	out.counts.In++
	if fail != nil {
		out.counts.Failed++
		if s.broken == "bad_records_stand_alone" {
			fail = &record.Failure{Code: record.ModelError, Message: "something was wrong"}
		}
		out.lines = record.AppendError(out.lines, key, fail)
		return
	}
	out.counts.OK++
	var y [2]string
	for k := range y {
		n := 0.0
		for i := range x {
			n += x[i] * float64(weights[i][k])
		}
		y[k] = strconv.FormatFloat(n, 'f', -1, 64)
	}
	cols := columnsOf(b)
	if s.broken == "awkward_names_round_trip" {
		key = bytes.ReplaceAll(key, []byte(`\\`), nil)
	}
	out.lines = cols.AppendOpen(out.lines, key, values[3+keys:])
	for i, o := range cols.Outputs {
		out.lines = cols.AppendName(out.lines, i)
		if o.Width == 0 {
			out.lines = append(out.lines, y[0]...)
		} else {
			out.lines = append(out.lines, "["+y[0]+","+y[1]+"]"...)
		}
	}
	out.lines = record.AppendClose(out.lines)
}

// columnsOf is what a job's lines hold. Its picks are those of the suite's jobs.
func columnsOf(b fakeBody) *record.Columns {
	cols := &record.Columns{Keys: len(b.Job.Input.Key)}
	for _, k := range b.Job.Output.Keep {
		cols.Keep = append(cols.Keep, k.Name)
	}
	for _, o := range b.Job.Output.Select {
		out := record.Output{Name: o.Name, Type: "float32", Width: 2, Depth: 1}
		if strings.Contains(o.Path, "[") {
			out.Width, out.Depth = 0, 0
		}
		cols.Outputs = append(cols.Outputs, out)
	}
	if len(cols.Outputs) == 0 {
		cols.Outputs = []record.Output{{Name: "y", Type: "float32", Width: 2, Depth: 1}}
	}
	return cols
}

// pieces are what a job has finished.
func (s *service) pieces(j *fakeJob) ([]provider.Piece, error) {
	cols := columnsOf(j.body)
	made := provider.Made{Machine: "fake", Engine: record.Engine{Crossbatch: "fake"}, Columns: cols.Table(), Outputs: cols.Outputs}
	var out []provider.Piece
	for _, shard := range j.done {
		file := filepath.Join(j.outputs(), fmt.Sprintf("%05d.lines", shard))
		body, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // the broker let go of it
		}
		if err != nil {
			return nil, err
		}
		if s.spoils(j, shard) {
			continue
		}
		if s.whole {
			p, err := s.part(j, shard, body, cols, made)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
			continue
		}
		// Two objects a shard, where it has two lines.
		lines := bytes.SplitAfter(body, []byte("\n"))
		lines = lines[:len(lines)-1]
		half := len(lines) / 2
		for i, part := range [][][]byte{lines[:half], lines[half:]} {
			name := fmt.Sprintf("%s.%d", file, i)
			if err := os.WriteFile(name, bytes.Join(part, nil), 0o644); err != nil {
				return nil, err
			}
			if len(part) > 0 || i == 1 {
				first, ranges := s.rowsOf(j.body, shard, i*half, len(part))
				out = append(out, provider.Piece{Shard: shard, Lines: &provider.Lines{
					URI: storage.FileURI(name), First: first, Rows: ranges, Records: int64(len(part)), Last: i == 1, Made: made,
				}})
			}
		}
	}
	return out, nil
}

// spoils says that a broken service loses a shard's results.
func (s *service) spoils(j *fakeJob, shard int) bool {
	return s.broken == "published_results_equal_the_goldens" && j.body.Job.Output.Format == job.CSV ||
		s.broken == "success_accounts_for_every_record" && shard == 3
}

// part writes a shard as it is published.
func (s *service) part(j *fakeJob, shard int, lines []byte, cols *record.Columns, made provider.Made) (provider.Piece, error) {
	in := j.body.Input.Shards[shard]
	sh := record.Shard{URI: in.URI, Size: in.Size, Digest: in.Digest}
	layout := part.Layout{Format: j.body.Job.Output.Format, Compression: j.body.Job.Output.Compression, Columns: *cols}
	rows, some := s.chosen(j.body, shard)
	if some { // they are merged
		layout.Format, layout.Compression = job.JSONL, job.CompressionNone
	}
	at := rows.Cursor()
	enc, err := part.NewEncoder(layout)
	if err != nil {
		return provider.Piece{}, err
	}
	var failed []byte
	errs := record.NewErrorReader()
	for line := range bytes.Lines(lines) {
		row := sh.In
		if some {
			row, _ = at.Next()
		}
		e, bad, err := errs.Read(line)
		switch {
		case err != nil:
			return provider.Piece{}, err
		case bad:
			failed = record.AppendFailed(failed, e, shard, row)
			sh.Failed++
		default:
			if err := enc.Append(line); err != nil {
				return provider.Piece{}, err
			}
			sh.OK++
		}
		sh.In++
	}
	ok, err := enc.Head()
	var note, tail []byte
	if err == nil {
		ok, note, err = enc.Flush(ok)
	}
	if err == nil {
		tail, err = enc.Tail(int64(len(ok)), [][]byte{note})
	}
	if err != nil {
		return provider.Piece{}, err
	}
	ok = append(ok, tail...)
	write := func(name string, body []byte) (record.File, error) {
		return record.File{Name: name, Size: int64(len(body)), Digest: digest.Of(body)}, os.WriteFile(filepath.Join(j.outputs(), name), body, 0o644)
	}
	if sh.Part, err = write(fmt.Sprintf("%d.part", shard), ok); err != nil {
		return provider.Piece{}, err
	}
	if sh.Failed > 0 {
		f, err := write(fmt.Sprintf("%d.failed", shard), failed)
		if err != nil {
			return provider.Piece{}, err
		}
		sh.FailedPart = &f
	}
	return provider.Piece{Shard: shard, Part: &provider.Part{Folder: storage.FileURI(j.outputs()) + "/", Shard: sh, Made: made}}, nil
}
