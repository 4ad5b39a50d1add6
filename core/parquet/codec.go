package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

const (
	maxPage   = 1 << 30   // bytes that a page may unpack to
	maxWindow = 128 << 20 // what a Zstandard page may ask to be kept
	trusted   = 8 << 20   // a claimed size that gets its memory at once
)

// codecs unpacks pages. It is not safe for concurrent use.
type codecs struct {
	zstd   *zstd.Decoder
	gzip   *gzip.Reader
	brotli *brotli.Reader
	src    bytes.Reader
}

func (c *codecs) close() {
	if c.zstd != nil {
		c.zstd.Close()
	}
}

// supported says whether pages of a codec can be unpacked.
func supported(codec format.CompressionCodec) bool {
	switch codec {
	case format.Uncompressed, format.Snappy, format.Gzip, format.Brotli, format.Zstd, format.Lz4Raw:
		return true
	}
	return false
}

// unpack unpacks src to exactly size bytes, into dst's memory when it has room.
func (c *codecs) unpack(codec format.CompressionCodec, dst, src []byte, size int) ([]byte, error) {
	if size == 0 {
		return nil, nil // some writers leave nothing to unpack
	}
	damaged := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("%w: unpacking a page (%s): %w", ErrDamaged, codec, err)
	}
	if size > maxPage {
		return nil, fmt.Errorf("a page of %d bytes is more than the %d that can be read", size, maxPage)
	}
	c.src.Reset(src)
	var stream io.Reader
	switch codec {
	case format.Snappy:
		if n, err := snappy.DecodedLen(src); err != nil || n != size || n > 64*len(src) {
			return damaged(errSize)
		}
		out, err := snappy.Decode(sized(dst, size), src)
		if err != nil {
			return damaged(err)
		}
		return out, nil
	case format.Lz4Raw:
		if size > 256*len(src)+64 {
			return damaged(errSize)
		}
		out := sized(dst, size)
		n, err := lz4.UncompressBlock(src, out)
		if err == nil && n != size {
			err = errSize
		}
		if err != nil {
			return damaged(err)
		}
		return out, nil
	case format.Zstd:
		if err := c.openZstd(); err != nil {
			return nil, err
		}
		if size <= trusted {
			out, err := c.zstd.DecodeAll(src, sized(dst, size)[:0])
			if err == nil && len(out) != size {
				err = errSize
			}
			if err != nil {
				return damaged(err)
			}
			return out, nil
		}
		if err := c.zstd.Reset(&c.src); err != nil {
			return damaged(err)
		}
		stream = c.zstd
	case format.Gzip:
		if c.gzip == nil {
			c.gzip = new(gzip.Reader)
		}
		if err := c.gzip.Reset(&c.src); err != nil {
			return damaged(err)
		}
		stream = c.gzip
	case format.Brotli:
		if c.brotli == nil {
			c.brotli = brotli.NewReader(nil)
		}
		if err := c.brotli.Reset(&c.src); err != nil {
			return damaged(err)
		}
		stream = c.brotli
	default:
		return nil, fmt.Errorf("pages packed with %s cannot be read", codec)
	}
	out, err := readSized(stream, dst, size)
	if err != nil {
		return damaged(err)
	}
	return out, nil
}

var errSize = errors.New("it does not have the size that it says")

func (c *codecs) openZstd() (err error) {
	if c.zstd == nil {
		c.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecodeAllCapLimit(true))
	}
	return err
}

// sized is memory of exactly so many bytes.
func sized(b []byte, size int) []byte {
	if cap(b) < size {
		return make([]byte, size)
	}
	return b[:size:size]
}

// readSized reads exactly size bytes. Memory grows with what comes, not with
// what is claimed.
func readSized(r io.Reader, dst []byte, size int) ([]byte, error) {
	dst = sized(dst, min(size, max(cap(dst), trusted)))
	for n := 0; ; {
		k, err := io.ReadFull(r, dst[n:])
		if n += k; err != nil {
			return nil, errSize
		}
		if n == size {
			break
		}
		dst = append(dst, make([]byte, min(size-n, n))...)
	}
	var more [1]byte
	if n, _ := io.ReadFull(r, more[:]); n > 0 {
		return nil, errSize
	}
	return dst, nil
}
