package reorder

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
)

// spread is lines over buckets of about as many records each.
type spread struct {
	dir, name string
	from, to  int64 // ordinals
	buckets   [fan]*bucket
	head      [2 * binary.MaxVarintLen64]byte
}

func newSpread(dir, name string, from, to int64) *spread {
	return &spread{dir: dir, name: name, from: from, to: to}
}

// add puts a line into its bucket.
func (p *spread) add(ordinal int64, line []byte) error {
	n := uint64(min(fan, p.to-p.from))
	hi, lo := bits.Mul64(uint64(ordinal-p.from), n)
	i, _ := bits.Div64(hi, lo, uint64(p.to-p.from))
	b := p.buckets[i]
	if b == nil {
		b = &bucket{name: fmt.Sprintf("%s.%d", p.name, i), from: p.bound(i, n), to: p.bound(i+1, n)}
		b.path = filepath.Join(p.dir, "lines-"+b.name)
		f, err := os.Create(b.path)
		if err != nil {
			return spilling(err)
		}
		b.f, b.w = f, bufio.NewWriterSize(f, bufferSize)
		p.buckets[i] = b
	}
	head := binary.AppendUvarint(p.head[:0], uint64(ordinal))
	head = binary.AppendUvarint(head, uint64(len(line)))
	b.size += int64(len(head) + len(line))
	if _, err := b.w.Write(head); err != nil {
		return spilling(err)
	}
	_, err := b.w.Write(line)
	return spilling(err)
}

// bound is the first ordinal of the i-th of n buckets.
func (p *spread) bound(i, n uint64) int64 {
	// The least o with floor(o*n/all) >= i.
	all := uint64(p.to - p.from)
	hi, lo := bits.Mul64(i, all)
	q, r := bits.Div64(hi, lo, n)
	if r > 0 {
		q++
	}
	return p.from + int64(q)
}

// close ends writing. It gives the buckets that hold anything, in order.
func (p *spread) close() (out []*bucket, err error) {
	for _, b := range p.buckets {
		if b == nil {
			continue
		}
		out = append(out, b)
		err = errors.Join(err, b.w.Flush(), b.f.Close())
		b.w = nil
	}
	return out, spilling(err)
}

// bucket is a file of lines, in the order in which they came.
type bucket struct {
	name, path string
	from, to   int64 // ordinals
	size       int64
	f          *os.File
	w          *bufio.Writer
}

// each reads the lines once, then the file goes. A line lives until the next one.
func (b *bucket) each(tell func(ordinal int64, line []byte) error) error {
	f, err := os.Open(b.path)
	if err != nil {
		return spilling(err)
	}
	r := bufio.NewReaderSize(f, 8*bufferSize)
	var line []byte
	for err == nil {
		var ordinal, n uint64
		if ordinal, err = binary.ReadUvarint(r); err != nil {
			break
		}
		if n, err = binary.ReadUvarint(r); err == nil {
			line = slices.Grow(line[:0], int(n))[:n]
			_, err = io.ReadFull(r, line)
		}
		if err != nil {
			err = errors.Join(io.ErrUnexpectedEOF, err)
			break
		}
		err = tell(int64(ordinal), line)
	}
	if err == io.EOF { //nolint:errorlint // the reader's own, before a line
		err = nil
	}
	return spilling(errors.Join(err, f.Close(), os.Remove(b.path)))
}

// sort tells of the lines by ascending ordinals; those of one as they came.
func (b *bucket) sort(tell func(ordinal int64, line []byte) error) error {
	type place struct {
		ordinal int64
		at, n   int
	}
	var places []place
	var text []byte
	err := b.each(func(ordinal int64, line []byte) error {
		places = append(places, place{ordinal, len(text), len(line)})
		text = append(text, line...)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.ordinal, b.ordinal) })
	for _, p := range places {
		if err := tell(p.ordinal, text[p.at:p.at+p.n]); err != nil {
			return err
		}
	}
	return nil
}
