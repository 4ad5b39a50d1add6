package parquet

import (
	"fmt"
	"io"
	"math"
)

// Reader reads rows of a file in their order. It is not safe for concurrent use;
// Rows that it filled are independent of it.
type Reader struct {
	f      *File
	fields []field
	leaves []leafReader
	codecs codecs
	row    int64 // the next
	group  int   // the row group that is open
	left   int64 // its rows that are not read
	err    error
}

// field is a wanted field.
type field struct {
	n      *node // nil: there is none
	first  int   // its first column in Rows
	packed *node // the leaf, where it is a list of numbers
}

// NewReader reads fields of the rows from from on. A field that the file lacks
// is Missing in each row; one of a type that cannot be read is an error.
func (f *File) NewReader(fields []string, from int64) (r *Reader, err error) {
	defer fence(&err)
	if from < 0 || from > f.Records() {
		return nil, fmt.Errorf("there is no row %d in %d rows", from, f.Records())
	}
	r = &Reader{f: f, row: from, group: -1}
	at := map[*node]int{} // leaves that are read already
	for _, name := range fields {
		n := f.root.find(name)
		if n == nil {
			r.fields = append(r.fields, field{})
			continue
		}
		if b := n.blocked(); b != nil {
			return nil, fmt.Errorf("column %q cannot be read: %q is of type %s", name, b.name, b.text)
		}
		first, ok := at[f.leaves[n.first]]
		if !ok || n.last-n.first > 1 {
			first = len(r.leaves)
			for _, leaf := range f.leaves[n.first:n.last] {
				r.leaves = append(r.leaves, leafReader{n: leaf})
			}
			at[f.leaves[n.first]] = first
		}
		r.fields = append(r.fields, newField(n, first))
	}
	for i := range r.leaves {
		r.leaves[i].codecs = &r.codecs
		if err := f.readable(r.leaves[i].n); err != nil {
			return nil, err
		}
	}
	return r, r.seek(from)
}

// readable checks what the footer says of a leaf's chunks.
func (f *File) readable(n *node) error {
	for i := range f.meta.RowGroups {
		c := &f.meta.RowGroups[i].Columns[n.first]
		switch {
		case c.CryptoMetadata.Value != nil || c.EncryptedColumnMetadata != nil:
			return fmt.Errorf("column %q is encrypted, which is not supported", n.name)
		case c.FilePath != "":
			return fmt.Errorf("column %q lies in another file, which is not supported", n.name)
		case !supported(c.MetaData.Codec):
			return fmt.Errorf("column %q is packed with %s, which is not supported", n.name, c.MetaData.Codec)
		}
	}
	return nil
}

// seek opens the row group of a row and goes to the row.
func (r *Reader) seek(row int64) error {
	for row > 0 || r.group < 0 {
		if r.group+1 == len(r.f.meta.RowGroups) {
			return nil // behind the last row
		}
		if n := r.f.meta.RowGroups[r.group+1].NumRows; row >= n {
			row -= n
			r.group++
			continue
		}
		if err := r.open(r.group + 1); err != nil {
			return err
		}
		for i := range r.leaves {
			if err := r.leaves[i].skip(row); err != nil {
				return err
			}
		}
		r.left -= row
		return nil
	}
	return nil
}

func (r *Reader) open(group int) error {
	g := &r.f.meta.RowGroups[group]
	r.group, r.left = group, g.NumRows
	for i := range r.leaves {
		l := &r.leaves[i]
		if err := l.open(r.f.r, r.f.size, &g.Columns[l.n.first], g.NumRows); err != nil {
			return fmt.Errorf("row group %d: %w", group, err)
		}
	}
	return nil
}

// Next fills b with up to n rows, and reuses its memory. It returns io.EOF when
// there are none left. After any other error the reader is of no more use.
func (r *Reader) Next(b *Rows, n int) (err error) {
	defer func() { r.err = err }()
	defer fence(&err)
	if r.err != nil {
		return r.err
	}
	if n <= 0 || n > math.MaxInt32 {
		return fmt.Errorf("a batch of %d rows cannot be", n)
	}
	b.begin(r)
	if r.row == r.f.Records() {
		return io.EOF
	}
	for b.n < n && r.row < r.f.Records() {
		if r.left == 0 {
			if err := r.open(r.group + 1); err != nil {
				return err
			}
			continue
		}
		take := int(min(int64(n-b.n), r.left))
		for i := range r.leaves {
			take = r.leaves[i].fit(take)
		}
		if b.n > 0 && take < n-b.n && int64(take) < r.left {
			break // long lists: a shorter batch holds enough of them
		}
		for i := range r.leaves {
			if err := r.leaves[i].fill(&b.cols[i], take); err != nil {
				return fmt.Errorf("row group %d: %w", r.group, err)
			}
		}
		b.n += take
		r.left -= int64(take)
		r.row += int64(take)
	}
	for i := range b.cols {
		b.cols[i].finish()
	}
	return nil
}

// Close frees what the reader holds. Rows stay valid.
func (r *Reader) Close() error {
	r.codecs.close()
	r.err = io.ErrClosedPipe
	return nil
}
