package s3

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// partSum is the checksum of a part, in base64, and how many bytes it is of.
type partSum struct {
	sum  string
	size int64
}

// linear says that the checksum of a whole can be had from those of its parts.
func (c checksum) linear() bool { return c == crc32IEEE || c == crc32C || c == crc64NVME }

// whole is the checksum of an object made of parts: of a composite, that of the
// parts' checksums and their number.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
func (c checksum) whole(parts []partSum, kind string) string {
	if kind == composite {
		h := newHash[c]()
		for _, p := range parts {
			raw, _ := base64.StdEncoding.DecodeString(p.sum) // our own
			h.Write(raw)
		}
		return fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(h.Sum(nil)), len(parts))
	}
	var sum uint64
	for i, p := range parts {
		raw, _ := base64.StdEncoding.DecodeString(p.sum)
		next := number(raw)
		if i == 0 {
			sum = next
			continue
		}
		sum = c.poly().shift(sum, p.size) ^ next
	}
	size := newHash[c]().Size()
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum)[8-size:])
}

func number(raw []byte) uint64 {
	var n uint64
	for _, b := range raw {
		n = n<<8 | uint64(b)
	}
	return n
}

// poly is the polynomial of a CRC, bits reversed.
type poly struct {
	of   uint64
	bits int
}

func (c checksum) poly() poly {
	switch c {
	case crc32IEEE:
		return poly{crc32.IEEE, 32}
	case crc32C:
		return poly{crc32.Castagnoli, 32}
	}
	return poly{nvme, 64}
}

// shift is a CRC after n more bytes of zero, in about log n steps: squaring the
// matrix that shifts by one bit gives the one that shifts by two, and so on.
func (p poly) shift(crc uint64, n int64) uint64 {
	m := make([]uint64, p.bits) // column i is what becomes of bit i
	m[0] = p.of
	for i := 1; i < p.bits; i++ {
		m[i] = 1 << (i - 1)
	}
	for range 3 {
		m = square(m)
	}
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			crc = times(m, crc)
		}
		m = square(m)
	}
	return crc
}

func times(m []uint64, v uint64) uint64 {
	var out uint64
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 == 1 {
			out ^= m[i]
		}
	}
	return out
}

func square(m []uint64) []uint64 {
	out := make([]uint64, len(m))
	for i, column := range m {
		out[i] = times(m, column)
	}
	return out
}
