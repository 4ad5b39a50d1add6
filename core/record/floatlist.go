package record

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// readFloats reads the numbers of a JSON list, the first of which begins at b[i],
// or behind white space there, and appends them to dst as float32 in this machine's
// byte order. end is behind the list's end. It is not ok where the list is
// anything but numbers that float32 holds.
//
// Where a number begins is known only once the one before has ended. So the
// fast way looks for the comma first, and what the digits come to is worked out
// while the next number is found already. It takes numbers of up to eight digits,
// not counting a 0 before the point.
func readFloats(dst []byte, b []byte, i int) (out []byte, end int, ok bool) {
	for {
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		for i >= 8 && len(b)-i >= 16 {
			f, next, ok := shortFloat32(b, i)
			if !ok {
				break
			}
			dst = binary.NativeEndian.AppendUint32(dst, f)
			if i = next; b[i] == ' ' {
				i++
			}
		}
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		f, next, ok := readFloat32(b, i)
		if !ok {
			return dst, i, false
		}
		dst = binary.NativeEndian.AppendUint32(dst, math.Float32bits(f))
		for i = next; i < len(b) && isSpace(b[i]); {
			i++
		}
		switch {
		case i < len(b) && b[i] == ',':
			i++
		case i < len(b) && b[i] == ']':
			return dst, i + 1, true
		default:
			return dst, i, false
		}
	}
}

const (
	ones  = 0x0101010101010101
	zeros = '0' * ones
	highs = 0x80 * ones
)

// firstOf has its lowest bit in the first byte of x that is c. Bits above that one
// tell nothing.
func firstOf(x uint64, c byte) uint64 {
	x ^= ones * uint64(c)
	return (x - ones) & ^x & highs
}

// shortFloat32 reads the number at b[i] that a comma ends, with its bits and what
// follows the comma. There are eight bytes before b[i] and 16 from there on. It is
// not ok where the number is not as short as readFloats says, or none.
func shortFloat32(b []byte, i int) (f uint32, next int, ok bool) {
	// Lengths and signs cannot be guessed by the processor: no step may depend on
	// them but through numbers.
	low, high := binary.LittleEndian.Uint64(b[i:]), binary.LittleEndian.Uint64(b[i+8:])
	comma, size := firstOf(low, ','), 8+bits.TrailingZeros64(firstOf(high, ','))>>3
	if near := bits.TrailingZeros64(comma) >> 3; comma != 0 {
		size = near
	}
	if size > 11 {
		return 0, 0, false
	}
	negative := isByte(byte(low), '-')
	point := bits.TrailingZeros64(firstOf(low, '.')) >> 3 // 8: there is none
	behind := size - point - 1
	if behind < 0 { // none, or that of a later number
		point, behind = size, 0
	} else if behind == 0 || point == 8 {
		return 0, 0, false
	}
	whole := point - int(negative)
	lead := int(isByte(byte(low>>(8*negative)), '0'))
	if uint(whole-1) > 6 || uint(behind) > 8 || lead*whole > 1 || whole+behind-lead > 8 { // 01 is no number
		return 0, 0, false
	}
	// The digits move to the end of eight bytes, so that those before them are
	// zeros: those before the point from the number's begin, and those behind it
	// from the bytes that the comma ends.
	x := ((low^zeros)>>(8*negative))<<uint(64-8*whole)>>uint(8*behind) |
		(binary.LittleEndian.Uint64(b[i+size-8:])^zeros)&(^uint64(0)<<uint(64-8*behind))
	if ((x+0x76*ones)|x)&highs != 0 {
		return 0, 0, false
	}
	mantissa := joinDigits(x)
	if mantissa > 1<<24 {
		return 0, 0, false
	}
	v := float32(int32(mantissa)) / smallPowers[behind] // both exact, so this rounds once
	return math.Float32bits(v) | negative<<31, i + size + 1, true
}

// isByte is 1 where a and b are the same, else 0.
func isByte(a, b byte) uint32 { return (uint32(a^b) - 1) >> 31 }

// joinDigits makes a number of eight digits, the first in the lowest byte.
func joinDigits(x uint64) uint64 {
	const pairs = 0x000000ff000000ff
	x = x*10 + x>>8
	return ((x&pairs)*(100+1000000<<32) + (x>>16&pairs)*(1+10000<<32)) >> 32
}
