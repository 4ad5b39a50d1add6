package parquet

import (
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/crossbatch/crossbatch/core/record"
)

const (
	pageBytes  = 1 << 20
	pageLevels = 1 << 17
)

// outLeaf gathers the values of a leaf and writes its pages. All pages are plain:
// what the compression makes of them is small, and every reader takes them.
type outLeaf struct {
	outType
	path           []string
	maxDef, maxRep int

	reps, defs []byte // of the page that is gathered
	vals       []byte
	count      int // its values and nulls
	present    int // its values

	out       []byte // finished pages
	plainSize int64
	levels    int64 // values and nulls in them
	nulls     int64
}

func (l *outLeaf) reset() {
	l.out, l.plainSize, l.levels, l.nulls = l.out[:0], 0, 0, 0
}

func (l *outLeaf) put(v record.Value, rep int) (err error) {
	l.vals, err = l.appendPlain(l.vals, v)
	l.present++
	l.level(l.maxDef, rep)
	return err
}

// absent notes a null, or a list of no elements.
func (l *outLeaf) absent(def, rep int) { l.level(def, rep) }

func (l *outLeaf) level(def, rep int) {
	if l.maxDef > 0 {
		l.defs = append(l.defs, byte(def))
	}
	if l.maxRep > 0 {
		l.reps = append(l.reps, byte(rep))
	}
	l.count++
}

// full says that a page is large enough. It is asked between rows.
func (l *outLeaf) full() bool { return len(l.vals) >= pageBytes || l.count >= pageLevels }

// page writes the page that was gathered, if it has anything.
func (l *outLeaf) page(p *packer) error {
	if l.count == 0 {
		return nil
	}
	plain := p.plain[:0]
	if l.maxRep > 0 {
		plain = appendLevels(plain, l.reps, l.maxRep)
	}
	if l.maxDef > 0 {
		plain = appendLevels(plain, l.defs, l.maxDef)
	}
	if l.kind == outBool {
		plain = appendBits(plain, l.vals)
	} else {
		plain = append(plain, l.vals...)
	}
	p.plain = plain
	packed, err := p.pack(plain)
	if err != nil {
		return fmt.Errorf("packing a page: %w", err)
	}
	if len(plain) > math.MaxInt32 || len(packed) > math.MaxInt32 || l.count > math.MaxInt32 {
		return fmt.Errorf("a page of %d bytes is too large", len(plain))
	}
	nulls := int64(l.count - l.present)
	h := format.PageHeader{
		Type: format.DataPage, UncompressedPageSize: int32(len(plain)), CompressedPageSize: int32(len(packed)),
		DataPageHeader: thrift.New(format.DataPageHeader{
			NumValues: int32(l.count), Encoding: format.Plain,
			DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
			Statistics: format.Statistics{NullCount: nulls},
		}),
	}
	head, err := thrift.Marshal(&thrift.CompactProtocol{}, &h)
	if err != nil {
		return fmt.Errorf("writing the head of a page: %w", err)
	}
	l.out = append(append(l.out, head...), packed...)
	l.plainSize += int64(len(head) + len(plain))
	l.levels += int64(l.count)
	l.nulls += nulls
	l.reps, l.defs, l.vals, l.count, l.present = l.reps[:0], l.defs[:0], l.vals[:0], 0, 0
	return nil
}

// chunk describes the finished pages, which lie at off.
func (l *outLeaf) chunk(codec format.CompressionCodec, off int64) format.ColumnChunk {
	encodings := []format.Encoding{format.Plain}
	if l.maxDef > 0 {
		encodings = append(encodings, format.RLE)
	}
	return format.ColumnChunk{MetaData: format.ColumnMetaData{
		Type: l.physical, Encoding: encodings, PathInSchema: l.path, Codec: codec, NumValues: l.levels,
		TotalUncompressedSize: l.plainSize, TotalCompressedSize: int64(len(l.out)), DataPageOffset: off,
		Statistics: format.Statistics{NullCount: l.nulls},
	}}
}
