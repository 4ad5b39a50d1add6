package record

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
	Cell // text of a CSV cell
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
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "a list"
	case Object:
		return "an object"
	case Cell:
		return "text"
	}
	return "unknown"
}

// Value is one field of a record. Raw is the JSON text (a string's with its
// quotes), checked to be valid, or the unquoted text of a Cell. It points into
// the record and lives as long as that.
type Value struct {
	Kind Kind
	Raw  []byte
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
	// Decode sets values[i] to the i-th field. A record that cannot be read
	// gives a *Failure; values may then be partly set, so that a key that was
	// read before the fault can still be named.
	Decode(record []byte, values []Value) *Failure
}
