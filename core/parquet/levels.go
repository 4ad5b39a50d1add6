package parquet

import "encoding/binary"

// appendBits packs booleans that take a byte each.
func appendBits(dst, bools []byte) []byte {
	for len(bools) > 0 {
		n := min(8, len(bools))
		b := byte(0)
		for i, v := range bools[:n] {
			b |= v << i
		}
		dst = append(dst, b)
		bools = bools[n:]
	}
	return dst
}

// appendLevels appends levels behind their length. Long runs are written as
// runs, the others as packed bits.
func appendLevels(dst, levels []byte, most int) []byte {
	width := uint(0)
	for ; most>>width > 0; width++ {
	}
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for i := 0; i < len(levels); {
		n := runOf(levels[i:])
		if n >= 8 || i+n == len(levels) {
			dst = binary.AppendUvarint(dst, uint64(n)<<1)
			dst = append(dst, levels[i])
			i += n
			continue
		}
		groups := 0 // of eight, until a run begins
		for i+groups*8 < len(levels) && (groups == 0 || runOf(levels[i+groups*8:]) < 8) {
			groups++
		}
		dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
		end := min(i+groups*8, len(levels))
		dst = appendPacked(dst, levels[i:end], groups, width)
		i = end
	}
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// runOf is how often the first level is repeated.
func runOf(levels []byte) int {
	n := 1
	for n < len(levels) && levels[n] == levels[0] {
		n++
	}
	return n
}

// appendPacked appends levels as bits, filled up to whole groups of eight.
func appendPacked(dst, levels []byte, groups int, width uint) []byte {
	end := len(dst) + groups*int(width)
	word, have := uint32(0), uint(0)
	for _, v := range levels {
		word |= uint32(v) << have
		for have += width; have >= 8; have -= 8 {
			dst = append(dst, byte(word))
			word >>= 8
		}
	}
	if have > 0 {
		dst = append(dst, byte(word))
	}
	for len(dst) < end {
		dst = append(dst, 0)
	}
	return dst
}
