package parquet

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/parquet-go/parquet-go/format"
)

// maxPageHead bounds the head of a page, in bytes. Statistics in it may hold
// whole values.
const maxPageHead = 16 << 20

// head reads the head of the next page.
func (l *leafReader) head() (*format.PageHeader, error) {
	for n := ahead; ; n *= 4 {
		b, err := l.src.peek(n)
		if err != nil {
			return nil, err
		}
		h := new(format.PageHeader)
		used, err := decodeThrift(b, h)
		if err == nil {
			l.src.skip(int64(used))
			return h, nil
		}
		if !errors.Is(err, errShort) || int64(n) >= l.src.left() || n > maxPageHead {
			return nil, fmt.Errorf("%w: the head of a page: %w", ErrDamaged, err)
		}
	}
}

// read reads a page's bytes. They are kept where values point into them.
func (l *leafReader) read(h *format.PageHeader) ([]byte, error) {
	if l.codec == format.Uncompressed && l.n.keeps() == keepRefs {
		l.body = nil
	}
	l.body = sized(l.body, int(h.CompressedPageSize))
	if err := l.src.take(l.body); err != nil {
		return nil, err
	}
	if h.CRC != 0 && crc32.ChecksumIEEE(l.body) != uint32(h.CRC) {
		return nil, fmt.Errorf("%w: the checksum of a page is wrong", ErrDamaged)
	}
	return l.body, nil
}

func (l *leafReader) unpack(b []byte, size int) ([]byte, error) {
	if l.codec == format.Uncompressed {
		return b, nil
	}
	if l.n.keeps() == keepRefs {
		l.plain = nil
	}
	var err error
	l.plain, err = l.codecs.unpack(l.codec, l.plain, b, size)
	return l.plain, err
}

func (l *leafReader) dictionary(h *format.PageHeader) error {
	b, err := l.read(h)
	if err != nil {
		return err
	}
	if b, err = l.unpack(b, int(h.UncompressedPageSize)); err != nil {
		return err
	}
	d := h.DictionaryPageHeader.V
	if d.Encoding != format.Plain && d.Encoding != plainDictionary || d.NumValues < 0 || l.dict != nil {
		return fmt.Errorf("%w: a dictionary that cannot be", ErrDamaged)
	}
	dict := &column{n: int(d.NumValues)}
	// A value takes a bit at least, so that the page bounds the memory.
	if dict.n > 8*len(b) {
		return errValues
	}
	l.dict = dict
	return plainValues(&l.n.leafType, b).read(dict, dict.n)
}

// data opens a data page.
func (l *leafReader) data(h *format.PageHeader) error {
	b, err := l.read(h)
	if err != nil {
		return err
	}
	var enc format.Encoding
	if h.Type == format.DataPage {
		b, err = l.dataV1(h, b)
		enc = h.DataPageHeader.V.Encoding
	} else {
		b, err = l.dataV2(h, b)
		enc = h.DataPageHeaderV2.V.Encoding
	}
	if err != nil {
		return err
	}
	l.values, err = newValues(&l.n.leafType, enc, b, l.left, l.dict)
	return err
}

func (l *leafReader) dataV1(h *format.PageHeader, b []byte) ([]byte, error) {
	b, err := l.unpack(b, int(h.UncompressedPageSize))
	if err != nil {
		return nil, err
	}
	d := &h.DataPageHeader.V
	for _, part := range []struct {
		max  int
		enc  format.Encoding
		runs *hybrid
	}{{l.n.rep, d.RepetitionLevelEncoding, &l.reps}, {l.n.def, d.DefinitionLevelEncoding, &l.defs}} {
		if part.max == 0 {
			continue
		}
		if part.enc != format.RLE {
			return nil, fmt.Errorf("levels are encoded as %s, which is not supported", part.enc)
		}
		if len(b) < 4 {
			return nil, errRuns
		}
		size := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		if b = b[4:]; uint64(size) > uint64(len(b)) {
			return nil, errRuns
		}
		*part.runs = hybrid{b: b[:size], width: uint(bits.Len(uint(part.max)))}
		b = b[size:]
	}
	return b, nil
}

func (l *leafReader) dataV2(h *format.PageHeader, b []byte) ([]byte, error) {
	d := &h.DataPageHeaderV2.V
	reps, defs := int64(d.RepetitionLevelsByteLength), int64(d.DefinitionLevelsByteLength)
	if reps < 0 || defs < 0 || reps+defs > int64(len(b)) || reps+defs > int64(h.UncompressedPageSize) {
		return nil, errRuns
	}
	// Levels are not packed; those of a column that has none are passed over.
	levels := append([]byte(nil), b[:reps+defs]...)
	l.reps = hybrid{b: levels[:reps], width: uint(bits.Len(uint(l.n.rep)))}
	l.defs = hybrid{b: levels[reps:], width: uint(bits.Len(uint(l.n.def)))}
	if d.IsCompressed.Valid && !d.IsCompressed.V {
		if l.n.keeps() == keepRefs {
			l.body = nil // values will point into it
		}
		return b[reps+defs:], nil
	}
	return l.unpack(b[reps+defs:], int(int64(h.UncompressedPageSize)-reps-defs))
}
