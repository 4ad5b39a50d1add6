package record

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Kind says what a Value holds.
type Kind uint8

// The kinds of values.
const (
	Missing Kind = iota // the record has no such field
	Null                // JSON null, or an empty unquoted CSV cell
	Bool
	Number
	String
	Array
	Object
	Cell    // text of a CSV cell
	Int     // a whole number: Bits, as int64
	Uint    // a whole number: Bits, as uint64
	Float32 // a number: Bits, as math.Float32bits
	Float64 // a number: Bits, as math.Float64bits
	Packed  // a list of numbers without nulls: Raw, elements of kind Elem in this machine's byte order
)

// String names the kind for messages.
func (k Kind) String() string {
	switch k {
	case Missing:
		return "nothing"
	case Null:
		return "null"
	case Bool:
		return "a boolean"
	case Number, Int, Uint, Float32, Float64:
		return "a number"
	case String:
		return "a string"
	case Array, Packed:
		return "a list"
	case Object:
		return "an object"
	case Cell:
		return "text"
	}
	return "unknown"
}

// Value is one field of a record. Raw is the JSON text (a string's with its
// quotes), checked to be valid, the unquoted text of a Cell, or the elements of
// what is Packed. It points into the record and lives as long as that. Typed
// numbers have no text: they are what a column of a typed format holds.
type Value struct {
	Kind Kind
	Elem Kind   // of Packed: Int, Float32 or Float64; elements take 8, 4 and 8 bytes
	Bits uint64 // of typed numbers
	Raw  []byte
}

// Number makes v a typed number.
func (v *Value) Number(kind Kind, bits uint64) {
	v.Kind, v.Bits = kind, bits
	if v.Raw != nil { // a store of a pointer costs more than the look
		v.Raw = nil
	}
}

// Len is the number of elements of what is Packed.
func (v Value) Len() int {
	if v.Elem == Float32 {
		return len(v.Raw) / 4
	}
	return len(v.Raw) / 8
}

// At is the i-th element of what is Packed.
func (v Value) At(i int) Value {
	if v.Elem == Float32 {
		return Value{Kind: Float32, Bits: uint64(binary.NativeEndian.Uint32(v.Raw[i*4:]))}
	}
	return Value{Kind: v.Elem, Bits: binary.NativeEndian.Uint64(v.Raw[i*8:])}
}

// appendTyped appends a typed number, or a list of them, as JSON.
func appendTyped(dst []byte, v Value) []byte {
	switch v.Kind {
	case Int:
		return strconv.AppendInt(dst, int64(v.Bits), 10)
	case Uint:
		return strconv.AppendUint(dst, v.Bits, 10)
	case Float32:
		return AppendFloat(dst, float64(math.Float32frombits(uint32(v.Bits))), 32)
	case Float64:
		return AppendFloat(dst, math.Float64frombits(v.Bits), 64)
	}
	dst = append(dst, '[')
	for i := range v.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendTyped(dst, v.At(i))
	}
	return append(dst, ']')
}

// Format is how a record is written inside its object.
type Format uint8

// The formats that this package reads.
const (
	JSONL Format = iota
	CSV
)

// Decoder reads the fields that it was made for from one record.
type Decoder interface {
	// Floats asks for numbers of some fields as Float32.
	Floats(wanted []bool)
	// Decode sets values[i] to the i-th field. A record that cannot be read
	// gives a *Failure; values may then be partly set, so that a key that was
	// read before the fault can still be named.
	Decode(record []byte, values []Value) *Failure
}

// Text is the records of a block as a decoder reads them.
type Text struct {
	Block   *Block
	Decoder Decoder
}

// Len is the number of records.
func (t Text) Len() int { return len(t.Block.Records) }

// Values sets values to the fields of the i-th record. They live until the next
// call.
func (t Text) Values(i int, values []Value) *Failure {
	span := t.Block.Records[i]
	if span.Failure != nil {
		return span.Failure
	}
	return t.Decoder.Decode(t.Block.Data[span.Start:span.End], values)
}
