package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits bound a block and a record. The cuts depend on the bytes and these
// limits alone, never on how the reader hands out its data, so that a run gives
// the same batches every time.
type Limits struct {
	Records int // records a block
	Bytes   int // a block is closed by the record that reaches it
	Record  int // bytes a record may have
}

// DefaultLimits are those of the local engine.
func DefaultLimits() Limits {
	return Limits{Records: 256, Bytes: 4 << 20, Record: 16 << 20}
}

// Block is a run of whole records of one object.
type Block struct {
	First   int64 // row of the first record
	End     int64 // bytes of the object up to the end of the block
	Data    []byte
	Records []Span
}

// Span is where a record stands in Block.Data, or why it could not be cut out.
type Span struct {
	Start, End int
	Failure    *Failure
}

// Splitter cuts an object into blocks of records. Blank lines are no records.
type Splitter struct {
	r      io.Reader
	format Format
	delim  byte
	lim    Limits

	rest []byte // read, not yet handed out
	eof  bool
	row  int64
	read int64 // bytes of the object
}

// NewSplitter reads an object. delimiter is used for CSV only. A byte order
// mark at the start is passed over.
func NewSplitter(r io.Reader, format Format, delimiter byte, lim Limits) *Splitter {
	return &Splitter{r: r, format: format, delim: delimiter, lim: lim, row: -1}
}

// Skip passes over the first end bytes of the object, unseen: where a Block of
// another Splitter ended, behind which the records begin with a row. io.EOF says
// that the object is shorter.
func (s *Splitter) Skip(row, end int64) error {
	var b Block
	b.Data, s.rest = s.rest, nil
	for s.read < end {
		if s.eof {
			return io.EOF
		}
		b.Data = b.Data[:0]
		if err := s.fill(&b); err != nil {
			return err
		}
	}
	s.rest = b.Data[int64(len(b.Data))-(s.read-end):]
	s.row = row
	return nil
}

// ReadHeader takes the first row, which must be called before Next. It returns
// nil for an object without any row.
func (s *Splitter) ReadHeader() (Header, error) {
	lim := s.lim
	s.lim.Records = 1
	defer func() { s.lim = lim }()
	var b Block
	if err := s.Next(&b); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	s.row = 0
	if f := b.Records[0].Failure; f != nil {
		return nil, fmt.Errorf("header row: %w", f)
	}
	return ReadHeader(b.Data[b.Records[0].Start:b.Records[0].End], s.delim)
}

// Next fills b with the next records, reusing its memory. It returns io.EOF
// when there are none left.
func (s *Splitter) Next(b *Block) error {
	b.Records = b.Records[:0]
	b.Data = append(b.Data[:0], s.rest...)
	s.rest = s.rest[:0]
	if s.row < 0 {
		if err := s.begin(b); err != nil {
			return err
		}
	}
	b.First = s.row
	pos := 0
	scan := scanState{}
	for len(b.Records) == 0 || len(b.Records) < s.lim.Records && pos < s.lim.Bytes {
		if len(b.Records) == 0 && pos > s.lim.Bytes { // nothing but blank lines so far
			b.Data = b.Data[:copy(b.Data, b.Data[pos:])]
			pos = 0
		}
		// What lies past the limit is not looked at: how much of it was read is
		// the reader's chance.
		within := b.Data[:pos+min(len(b.Data)-pos, s.lim.Record)]
		end, ok := s.recordEnd(within, pos, &scan)
		switch {
		case ok:
			if !s.blank(b.Data[pos:end]) {
				b.Records = append(b.Records, Span{Start: pos, End: end})
			}
			pos, scan = end, scanState{}
		case len(b.Data)-pos > s.lim.Record:
			var err error
			if pos, err = s.overlong(b, pos); err != nil {
				return err
			}
			scan = scanState{}
		case s.eof:
			if pos >= len(b.Data) {
				return s.finish(b, pos)
			}
			end, fail := s.lastRecord(b.Data, pos, &scan)
			if !s.blank(b.Data[pos:end]) {
				b.Records = append(b.Records, Span{Start: pos, End: end, Failure: fail})
			}
			pos, scan = end, scanState{}
		default:
			if err := s.fill(b); err != nil {
				return err
			}
		}
	}
	return s.finish(b, pos)
}

func (s *Splitter) finish(b *Block, pos int) error {
	s.rest = append(s.rest[:0], b.Data[pos:]...)
	b.Data, b.End = b.Data[:pos], s.read-int64(len(s.rest))
	s.row += int64(len(b.Records))
	if len(b.Records) == 0 {
		return io.EOF
	}
	return nil
}

// begin passes over a byte order mark.
func (s *Splitter) begin(b *Block) error {
	for len(b.Data) < 3 && !s.eof {
		if err := s.fill(b); err != nil {
			return err
		}
	}
	if bytes.HasPrefix(b.Data, []byte("\xef\xbb\xbf")) {
		b.Data = b.Data[:copy(b.Data, b.Data[3:])]
	}
	s.row = 0
	return nil
}

// fill reads more of the object behind b.Data.
func (s *Splitter) fill(b *Block) error {
	const chunk = 128 << 10
	n := len(b.Data)
	if cap(b.Data)-n < chunk {
		grown := make([]byte, n, max(2*cap(b.Data), n+chunk))
		copy(grown, b.Data)
		b.Data = grown
	}
	m, err := s.r.Read(b.Data[n : n+chunk])
	b.Data = b.Data[:n+m]
	s.read += int64(m)
	if errors.Is(err, io.EOF) {
		s.eof = true
		return nil
	}
	return err
}

func (s *Splitter) tooLong() *Failure {
	return Fail(TooLong, "the record has more than %d bytes", s.lim.Record)
}

// overlong deals with a record that runs past the limit. A CSV row that an
// open quote keeps going is cut at its first line, so that one stray quote does
// not swallow what follows; anything else is dropped up to its end of line.
func (s *Splitter) overlong(b *Block, pos int) (int, error) {
	if nl := bytes.IndexByte(b.Data[pos:pos+s.lim.Record], '\n'); nl >= 0 {
		b.Records = append(b.Records, Span{Start: pos, End: pos + nl + 1, Failure: s.openQuote()})
		return pos + nl + 1, nil
	}
	keep := pos + min(1024, s.lim.Record) // the record's start, for what is still to be told of it
	for {
		if nl := bytes.IndexByte(b.Data[keep:], '\n'); nl >= 0 {
			b.Data = append(b.Data[:keep], b.Data[keep+nl+1:]...)
			break
		}
		b.Data = b.Data[:keep]
		if s.eof {
			break
		}
		if err := s.fill(b); err != nil {
			return 0, err
		}
	}
	b.Records = append(b.Records, Span{Start: pos, End: keep, Failure: s.tooLong()})
	return keep, nil
}

// lastRecord ends the record at the end of the object.
func (s *Splitter) lastRecord(data []byte, pos int, scan *scanState) (int, *Failure) {
	if scan.inQuote {
		if nl := bytes.IndexByte(data[pos:], '\n'); nl >= 0 && pos+nl+1 < len(data) {
			return pos + nl + 1, s.openQuote()
		}
	}
	return len(data), nil
}

func (s *Splitter) openQuote() *Failure {
	return Fail(Malformed, "a quote that is opened on this line is not closed within %d bytes", s.lim.Record)
}

// scanState remembers how far a record was looked at, so that reading more data
// does not begin it again.
type scanState struct {
	next    int  // relative to the record's start
	inCell  bool // past the first byte of a cell
	quoted  bool // the cell began with a quote
	inQuote bool
}

// recordEnd finds the end of the record at pos, behind its newline.
func (s *Splitter) recordEnd(data []byte, pos int, scan *scanState) (int, bool) {
	if s.format == JSONL {
		nl := bytes.IndexByte(data[pos+scan.next:], '\n')
		if nl < 0 {
			scan.next = len(data) - pos
			return 0, false
		}
		return pos + scan.next + nl + 1, true
	}
	if scan.next == 0 { // most rows have no quotes
		nl := bytes.IndexByte(data[pos:], '\n')
		if nl >= 0 && bytes.IndexByte(data[pos:pos+nl], '"') < 0 {
			return pos + nl + 1, true
		}
	}
	for i := pos + scan.next; i < len(data); i++ {
		c := data[i]
		switch {
		case scan.inQuote:
			// A doubled quote closes and opens again; the state is the same.
			if c == '"' {
				scan.inQuote = false
			}
		case c == '\n':
			return i + 1, true
		case c == s.delim:
			scan.inCell, scan.quoted = false, false
			continue
		case c == '"' && (!scan.inCell || scan.quoted && data[i-1] == '"'):
			scan.quoted, scan.inQuote = true, true
		default:
			scan.quoted = false // text behind a closing quote; the next quote opens nothing
		}
		scan.inCell = true
	}
	scan.next = len(data) - pos
	return 0, false
}

// blank says whether a line is no record. White space is data in CSV.
func (s *Splitter) blank(line []byte) bool {
	if s.format == CSV {
		return len(bytes.TrimRight(line, "\r\n")) == 0
	}
	return len(bytes.TrimSpace(line)) == 0
}
