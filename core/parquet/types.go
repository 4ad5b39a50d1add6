package parquet

import (
	"fmt"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// conv says what a leaf's stored values mean.
type conv uint8

const (
	convText conv = iota
	convBool
	convInt
	convUint
	convFloat
	convDouble
	convHalf
	convDecimal
	convDate
	convTime
	convStamp
	convInt96
	convUUID
)

// leafType is what a leaf holds.
type leafType struct {
	physical   format.Type
	length     int // of fixed byte arrays
	conv       conv
	scale      int   // of decimals
	perSecond  int64 // of times and timestamps
	utc        bool  // of timestamps
	unreadable bool
	text       string // names the type
}

// The widths at which a column keeps values.
const (
	keepRefs  = 0
	keepBits  = 1 // a byte for each boolean
	keepFour  = 4
	keepEight = 8
)

// keeps is how a leaf's values are kept: as numbers of some bytes, or as
// references to their bytes.
func (t *leafType) keeps() int {
	switch t.physical {
	case format.Boolean:
		return keepBits
	case format.Float:
		return keepFour
	case format.Int32, format.Int64, format.Double:
		return keepEight
	}
	return keepRefs
}

// size is the number of bytes of a plain value; 0: it says itself.
func (t *leafType) size() int {
	switch t.physical {
	case format.Int32, format.Float:
		return 4
	case format.Int64, format.Double:
		return 8
	case format.Int96:
		return 12
	case format.FixedLenByteArray:
		return t.length
	}
	return 0
}

func leafTypeOf(el *format.SchemaElement) leafType {
	t := leafType{physical: el.Type.V, length: int(el.TypeLength.V), text: el.Type.V.String()}
	if t.physical == format.FixedLenByteArray {
		t.text = fmt.Sprintf("%s(%d)", t.text, t.length)
	}
	switch t.physical {
	case format.Boolean:
		t.conv = convBool
	case format.Int32, format.Int64:
		t.conv = convInt
	case format.Int96:
		t.conv = convInt96
	case format.Float:
		t.conv = convFloat
	case format.Double:
		t.conv = convDouble
	case format.ByteArray:
	case format.FixedLenByteArray:
		t.unreadable = t.length <= 0
	default:
		t.unreadable = true
	}
	meaning := el.LogicalType.Value
	if meaning == nil && el.ConvertedType.Valid {
		meaning = converted(el)
	}
	if meaning != nil {
		t.annotate(meaning)
	}
	if el.LogicalType.Value == nil && el.ConvertedType.Valid && el.ConvertedType.V == deprecated.Interval {
		t.unreadable, t.text = true, "INTERVAL"
	}
	return t
}

// annotate adds a logical type. One that does not go with how the values are
// stored makes the column unreadable.
func (t *leafType) annotate(meaning format.LogicalTypeValue) {
	t.text += " " + meaning.String()
	whole := t.physical == format.Int32 || t.physical == format.Int64
	bytes := t.physical == format.ByteArray || t.physical == format.FixedLenByteArray
	fits := true
	switch m := meaning.(type) {
	case *format.StringType, *format.EnumType, *format.JsonType:
		fits = bytes
	case *format.IntType:
		fits = whole
		if !m.IsSigned {
			t.conv = convUint
		}
	case *format.DecimalType:
		fits = (whole || bytes) && m.Scale >= 0 && m.Scale <= maxScale
		t.conv, t.scale = convDecimal, int(m.Scale)
	case *format.DateType:
		fits = t.physical == format.Int32
		t.conv = convDate
	case *format.TimeType:
		t.conv, t.perSecond = convTime, perSecond(m.Unit)
		fits = whole && t.perSecond > 0
	case *format.TimestampType:
		t.conv, t.perSecond, t.utc = convStamp, perSecond(m.Unit), m.IsAdjustedToUTC
		fits = t.physical == format.Int64 && t.perSecond > 0
	case *format.UUIDType:
		fits = t.physical == format.FixedLenByteArray && t.length == 16
		t.conv = convUUID
	case *format.Float16Type:
		fits = t.physical == format.FixedLenByteArray && t.length == 2
		t.conv = convHalf
	case *format.NullType: // a column of nulls, of any type
	default: // BSON, shapes on a map
		fits = false
	}
	if !fits {
		t.unreadable = true
	}
}

func perSecond(u format.TimeUnit) int64 {
	switch u.Value.(type) {
	case *format.MilliSeconds:
		return 1e3
	case *format.MicroSeconds:
		return 1e6
	case *format.NanoSeconds:
		return 1e9
	}
	return 0
}

// converted is the logical type that an old annotation stands for.
func converted(el *format.SchemaElement) format.LogicalTypeValue {
	millis := format.TimeUnit{Value: &format.MilliSeconds{}}
	micros := format.TimeUnit{Value: &format.MicroSeconds{}}
	switch c := el.ConvertedType.V; c {
	case deprecated.UTF8:
		return &format.StringType{}
	case deprecated.Enum:
		return &format.EnumType{}
	case deprecated.Json:
		return &format.JsonType{}
	case deprecated.Bson:
		return &format.BsonType{}
	case deprecated.Decimal:
		return &format.DecimalType{Scale: el.Scale.V, Precision: el.Precision.V}
	case deprecated.Date:
		return &format.DateType{}
	case deprecated.TimeMillis:
		return &format.TimeType{IsAdjustedToUTC: true, Unit: millis}
	case deprecated.TimeMicros:
		return &format.TimeType{IsAdjustedToUTC: true, Unit: micros}
	case deprecated.TimestampMillis:
		return &format.TimestampType{IsAdjustedToUTC: true, Unit: millis}
	case deprecated.TimestampMicros:
		return &format.TimestampType{IsAdjustedToUTC: true, Unit: micros}
	case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
		return &format.IntType{BitWidth: 8 << (c - deprecated.Uint8)}
	case deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
		return &format.IntType{BitWidth: 8 << (c - deprecated.Int8), IsSigned: true}
	}
	return nil
}
