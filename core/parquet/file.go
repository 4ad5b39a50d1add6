package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go/format"
)

// ErrDamaged says that a file is no sound Parquet.
var ErrDamaged = errors.New("the Parquet file is damaged")

const magic = "PAR1"

// File is an opened file: its footer, read and checked. It is safe for
// concurrent use when its reader is.
type File struct {
	r      io.ReaderAt
	size   int64
	meta   format.FileMetaData
	root   *node
	leaves []*node
}

// Open reads a file's footer. An empty file has no rows and no columns. Errors that mean that the file is no sound Parquet
// wrap ErrDamaged; errors of r come as they are.
func Open(r io.ReaderAt, size int64) (f *File, err error) {
	defer fence(&err)
	f = &File{r: r, size: size}
	if size == 0 {
		f.root = &node{}
		return f, nil
	}
	if err := f.footer(); err != nil {
		return nil, fmt.Errorf("reading the footer: %w", err)
	}
	if f.root, f.leaves, err = buildSchema(f.meta.Schema); err != nil {
		return nil, fmt.Errorf("reading the footer: %w", err)
	}
	rows := int64(0)
	for i := range f.meta.RowGroups {
		g := &f.meta.RowGroups[i]
		if g.NumRows < 0 || g.NumRows > f.meta.NumRows-rows || len(g.Columns) != len(f.leaves) {
			return nil, fmt.Errorf("%w: row group %d does not go with the file", ErrDamaged, i)
		}
		rows += g.NumRows
	}
	if rows != f.meta.NumRows {
		return nil, fmt.Errorf("%w: its row groups have %d rows, it says %d", ErrDamaged, rows, f.meta.NumRows)
	}
	return f, nil
}

func (f *File) footer() error {
	if f.size < int64(2*len(magic)+4) {
		return fmt.Errorf("%w: it is too short", ErrDamaged)
	}
	var head [4]byte
	if err := readAt(f.r, head[:], 0); err != nil {
		return err
	}
	var tail [8]byte
	if err := readAt(f.r, tail[:], f.size-8); err != nil {
		return err
	}
	if string(tail[4:]) == "PARE" {
		return errors.New("the file is encrypted, which is not supported")
	}
	if string(head[:]) != magic || string(tail[4:]) != magic {
		return fmt.Errorf("%w: it does not begin and end with %s", ErrDamaged, magic)
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if length > f.size-12 {
		return fmt.Errorf("%w: its footer is longer than the file", ErrDamaged)
	}
	b := make([]byte, length)
	if err := readAt(f.r, b, f.size-8-length); err != nil {
		return err
	}
	_, err := decodeThrift(b, &f.meta)
	if errors.Is(err, errShort) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// fence makes a panic an error. Nothing here should panic; the libraries below
// take bytes apart that anyone may have made.
func fence(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", ErrDamaged, p)
	}
}

// Fields is the names of the columns at the top, in their order.
func (f *File) Fields() []string {
	names := make([]string, len(f.root.children))
	for i, c := range f.root.children {
		names[i] = c.name
	}
	return names
}

// Records is the number of rows.
func (f *File) Records() int64 { return f.meta.NumRows }

// Has says whether there is a field: a column of exactly this name at the top,
// else a dotted path into groups.
func (f *File) Has(field string) bool { return f.root.find(field) != nil }

// Type is the type of a field that is one number or boolean in each row: int64,
// uint64, float, double or bool. It is "" for all others.
func (f *File) Type(field string) string {
	n := f.root.find(field)
	if n == nil || n.shape != shapeLeaf || n.rep > 0 || n.unreadable {
		return ""
	}
	switch n.conv {
	case convInt:
		return "int64"
	case convUint:
		return "uint64"
	case convFloat, convHalf:
		return "float"
	case convDouble:
		return "double"
	case convBool:
		return "bool"
	}
	return ""
}

// Schema is the schema as text. Files whose texts are equal have the same
// columns of the same types, in the same order.
func (f *File) Schema() string {
	var b []byte
	for _, c := range f.root.children {
		b = c.appendText(b, 0)
	}
	return string(b)
}

// RowsIn is about how many rows hold so many bytes of some fields in memory, at
// least one. It depends on the footer alone.
func (f *File) RowsIn(fields []string, bytes int64) int {
	const list = 24 // what a text takes besides its bytes
	size := int64(0)
	for _, name := range fields {
		n := f.root.find(name)
		if n == nil {
			continue
		}
		for k, leaf := range f.leaves[n.first:n.last] {
			width := int64(leaf.keeps())
			if width == keepRefs {
				width = list
			}
			for i := range f.meta.RowGroups {
				m := &f.meta.RowGroups[i].Columns[n.first+k].MetaData
				size += max(m.TotalUncompressedSize, m.NumValues*width, 0)
			}
		}
	}
	if size <= bytes {
		return math.MaxInt32
	}
	return int(min(max(1, float64(f.Records())*float64(bytes)/float64(size)), math.MaxInt32))
}
