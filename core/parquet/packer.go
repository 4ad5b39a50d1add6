package parquet

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// packer compresses pages.
type packer struct {
	codec format.CompressionCodec
	plain []byte // memory of pages
	out   []byte
	zstd  *zstd.Encoder
	gzip  *gzip.Writer
	buf   bytes.Buffer
}

func newPacker(compression string) (p *packer, err error) {
	p = new(packer)
	switch compression {
	case "", "zstd":
		p.codec = format.Zstd
		p.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true))
	case "snappy":
		p.codec = format.Snappy
	case "gzip":
		p.codec = format.Gzip
		p.gzip = gzip.NewWriter(nil)
	case "none":
		p.codec = format.Uncompressed
	default:
		err = fmt.Errorf("%q is no compression of Parquet files: there are zstd, snappy, gzip and none", compression)
	}
	return p, err
}

// pack compresses a page. The result is valid until the next call.
func (p *packer) pack(plain []byte) ([]byte, error) {
	switch p.codec {
	case format.Zstd:
		p.out = p.zstd.EncodeAll(plain, p.out[:0])
	case format.Snappy:
		p.out = snappy.Encode(p.out[:cap(p.out)], plain)
	case format.Gzip:
		p.buf.Reset()
		p.gzip.Reset(&p.buf)
		_, err := p.gzip.Write(plain)
		if err == nil {
			err = p.gzip.Close()
		}
		return p.buf.Bytes(), err
	default:
		return plain, nil
	}
	return p.out, nil
}
