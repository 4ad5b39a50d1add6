package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
)

var errRuns = fmt.Errorf("%w: encoded runs end early", ErrDamaged)

// hybrid reads numbers in runs: of one number repeated, or of packed bits.
type hybrid struct {
	b      []byte
	width  uint
	repeat int
	value  uint32 // what is repeated
	packed int    // numbers left of the packed run
	run    []byte // its bytes
	bit    int    // how far it is read
}

// readRuns fills dst.
func readRuns[T byte | uint32](h *hybrid, dst []T) error {
	for len(dst) > 0 {
		switch {
		case h.repeat > 0:
			n := min(h.repeat, len(dst))
			v := T(h.value)
			for i := range dst[:n] {
				dst[i] = v
			}
			h.repeat -= n
			dst = dst[n:]
		case h.packed > 0:
			n := min(h.packed, len(dst))
			unpack(h, dst[:n])
			h.packed -= n
			dst = dst[n:]
		default:
			if err := h.next(); err != nil {
				return err
			}
		}
	}
	return nil
}

func unpack[T byte | uint32](h *hybrid, dst []T) {
	mask := uint64(1)<<h.width - 1
	for i := range dst {
		at := h.bit >> 3
		var word uint64
		if at+8 <= len(h.run) {
			word = binary.LittleEndian.Uint64(h.run[at:])
		} else {
			for k, c := range h.run[min(at, len(h.run)):] {
				word |= uint64(c) << (8 * k)
			}
		}
		dst[i] = T(word >> (h.bit & 7) & mask)
		h.bit += int(h.width)
	}
}

// next begins the next run.
func (h *hybrid) next() error {
	head, n := binary.Uvarint(h.b)
	if n <= 0 || head > math.MaxUint32 {
		return errRuns
	}
	h.b = h.b[n:]
	count := int(head >> 1)
	if head&1 == 0 {
		bytes := int(h.width+7) / 8
		if len(h.b) < bytes {
			return errRuns
		}
		h.value = 0
		for i, c := range h.b[:bytes] {
			h.value |= uint32(c) << (8 * i)
		}
		h.b = h.b[bytes:]
		h.repeat = count
		return nil
	}
	// Some writers cut the last run behind its last number.
	bytes := min(count*int(h.width), len(h.b))
	h.run, h.b, h.bit = h.b[:bytes], h.b[bytes:], 0
	h.packed = count * 8
	if h.width > 0 {
		h.packed = min(h.packed, bytes*8/int(h.width))
	}
	if h.packed == 0 && count > 0 {
		return errRuns
	}
	return nil
}

// delta reads whole numbers that are written as differences.
type delta struct {
	b       []byte
	total   int // numbers left
	perMini int
	minis   int
	started bool
	last    int64
	least   int64  // difference
	widths  []byte // of the miniblocks left in the block
	bits    []byte // of this miniblock
	bit     int
	width   uint
	left    int // numbers left in the miniblock
}

var errDelta = fmt.Errorf("%w: encoded differences make no sense", ErrDamaged)

func (d *delta) uvarint() (uint64, error) {
	u, n := binary.Uvarint(d.b)
	if n <= 0 {
		return 0, errDelta
	}
	d.b = d.b[n:]
	return u, nil
}

func (d *delta) varint() (int64, error) {
	u, err := d.uvarint()
	return int64(u>>1) ^ -int64(u&1), err
}

// open reads the head. limit bounds the count that it may claim.
func (d *delta) open(b []byte, limit int) error {
	d.b = b
	block, err1 := d.uvarint()
	minis, err2 := d.uvarint()
	total, err3 := d.uvarint()
	last, err4 := d.varint()
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil ||
		block == 0 || block > 1<<24 || minis == 0 || minis > block || block%minis != 0 || block/minis%8 != 0 || total > uint64(limit) {
		return errDelta
	}
	d.perMini, d.minis, d.total, d.last = int(block/minis), int(minis), int(total), last
	return nil
}

func (d *delta) next() (int64, error) {
	if d.total == 0 {
		return 0, errDelta
	}
	d.total--
	if !d.started {
		d.started = true
		return d.last, nil
	}
	if d.left == 0 {
		if err := d.miniblock(); err != nil {
			return 0, err
		}
	}
	d.left--
	d.last += d.least + int64(d.take())
	return d.last, nil
}

func (d *delta) take() uint64 {
	if d.width == 0 {
		return 0
	}
	at, off := d.bit>>3, uint(d.bit&7)
	d.bit += int(d.width)
	var word uint64
	if at+9 <= len(d.bits) {
		word = binary.LittleEndian.Uint64(d.bits[at:]) >> off
		if off > 0 {
			word |= uint64(d.bits[at+8]) << (64 - off)
		}
	} else {
		for k, c := range d.bits[at:] {
			if k < 8 {
				word |= uint64(c) << (8 * k)
			}
		}
		word >>= off
		if off > 0 && at+8 < len(d.bits) {
			word |= uint64(d.bits[at+8]) << (64 - off)
		}
	}
	return word & (math.MaxUint64 >> (64 - d.width))
}

// miniblock begins the next miniblock, and the next block where it must.
func (d *delta) miniblock() error {
	if len(d.widths) == 0 {
		least, err := d.varint()
		if err != nil || len(d.b) < d.minis {
			return errDelta
		}
		d.least = least
		d.widths, d.b = d.b[:d.minis], d.b[d.minis:]
	}
	d.width = uint(d.widths[0])
	d.widths = d.widths[1:]
	bytes := d.perMini / 8 * int(d.width)
	if d.width > 64 || bytes > len(d.b) {
		return errDelta
	}
	d.bits, d.b = d.b[:bytes], d.b[bytes:]
	d.bit, d.left = 0, d.perMini
	return nil
}
