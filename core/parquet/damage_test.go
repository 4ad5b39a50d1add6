package parquet_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
)

type mixed struct {
	I int64              `parquet:"i"`
	D *float64           `parquet:"d,optional"`
	S string             `parquet:"s,dict"`
	L []float32          `parquet:"l,list"`
	T [][]string         `parquet:"t,list" parquet-element:",list"`
	M map[string]*string `parquet:"m"`
	B bool               `parquet:"b"`
	J int32              `parquet:"j,delta"`
	X string             `parquet:"x,delta"`
	F float32            `parquet:"f,split"`
}

func mixedRows() []mixed {
	return []mixed{
		{I: 1, D: ptr(1.5), S: "a", L: []float32{1, 2}, T: [][]string{{"x"}, {}}, M: map[string]*string{"k": ptr("v"), "n": nil}, B: true, J: 5, X: "abc", F: 1},
		{I: 2, S: "b", J: -9, X: "abd"},
		{I: 3, D: ptr(2.5), S: "a", L: []float32{3}, J: 1 << 30, X: "abdef", F: 2},
	}
}

func seeds(t testing.TB) [][]byte {
	var files [][]byte
	for _, codec := range []pq.WriterOption{pq.Compression(&pq.Uncompressed), pq.Compression(&pq.Snappy), pq.Compression(&pq.Zstd),
		pq.Compression(&pq.Gzip), pq.Compression(&pq.Brotli), pq.Compression(&pq.Lz4Raw)} {
		files = append(files, written(t, mixedRows(), codec, pq.DataPageVersion(1)), written(t, mixedRows(), codec, pq.DataPageVersion(2)))
	}
	return append(files, encoded(t, everyType, "none", everyLine), encoded(t, everyType, "zstd"))
}

// readAll reads what it can of a file, but not more than a few batches.
func readAll(file []byte) error {
	f, err := parquet.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return err
	}
	_ = f.Schema()
	fields := f.Fields()
	if len(fields) > 64 {
		fields = fields[:64]
	}
	var all error
	for _, from := range []int64{0, f.Records() / 2} {
		for i := range fields { // one by one, so that a broken column hides no other
			all = errors.Join(all, readSome(f, fields[i:i+1], from))
		}
	}
	return errors.Join(all, readSome(f, fields, 0))
}

func readSome(f *parquet.File, fields []string, from int64) error {
	r, err := f.NewReader(fields, from)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	var b parquet.Rows
	values := make([]record.Value, len(fields))
	for range 3 {
		if err := r.Next(&b, 100); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		for i := range b.Len() {
			if fail := b.Values(i, values); fail == nil {
				for _, v := range values {
					if text := record.AppendJSON(nil, v); v.Kind != record.Missing {
						if _, fail := record.ParseValue(text); fail != nil {
							panic("a value is no JSON: " + string(text))
						}
					}
				}
			}
		}
	}
	return nil
}

// A file that is cut anywhere is damaged, and nothing else.
func TestTruncated(t *testing.T) {
	for _, file := range seeds(t) {
		if err := readAll(file); err != nil {
			t.Fatal(err)
		}
		if f, err := parquet.Open(bytes.NewReader(nil), 0); err != nil || f.Records() != 0 || len(f.Fields()) != 0 || f.Has("a") {
			t.Errorf("an empty file: %v", err)
		}
		for n := 1; n < len(file); n++ {
			if _, err := parquet.Open(bytes.NewReader(file[:n]), int64(n)); !errors.Is(err, parquet.ErrDamaged) {
				t.Fatalf("%d of %d bytes: %v", n, len(file), err)
			}
		}
		// The bytes end before the size that was given.
		if _, err := parquet.Open(bytes.NewReader(file[:len(file)-1]), int64(len(file))); !errors.Is(err, parquet.ErrDamaged) {
			t.Errorf("a short object: %v", err)
		}
	}
}

// A changed byte gives an error, other values, or nothing; never a panic.
func TestFlipped(t *testing.T) {
	for k, file := range seeds(t) {
		for i := k % 7; i < len(file); i += 7 {
			mask := []byte{0xFF, 1, 0x80}[i%3]
			file[i] ^= mask
			_ = readAll(file)
			file[i] ^= mask
		}
	}
}

func TestDamagedFooters(t *testing.T) {
	file := written(t, mixedRows())
	for name, change := range map[string]func(*format.FileMetaData){
		"no schema":      func(m *format.FileMetaData) { m.Schema = m.Schema[:0] },
		"schema cut":     func(m *format.FileMetaData) { m.Schema = m.Schema[:3] },
		"many members":   func(m *format.FileMetaData) { m.Schema[0].NumChildren.Set(1 << 30) },
		"negative rows":  func(m *format.FileMetaData) { m.RowGroups[0].NumRows = -1 },
		"other rows":     func(m *format.FileMetaData) { m.NumRows = 4 },
		"fewer columns":  func(m *format.FileMetaData) { m.RowGroups[0].Columns = m.RowGroups[0].Columns[:1] },
		"more rows":      func(m *format.FileMetaData) { m.RowGroups[0].NumRows, m.NumRows = 4, 4 },
		"beyond the end": func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = 1 << 60 },
		"before it": func(m *format.FileMetaData) {
			m.RowGroups[0].Columns[0].MetaData.DataPageOffset = -5
			m.RowGroups[0].Columns[0].MetaData.DictionaryPageOffset = 0
		},
		"other type": func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.Type = format.Double },
	} {
		bad := refooted(t, file, change)
		if err := readAll(bad); !errors.Is(err, parquet.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type brokenDisk struct{ io.ReaderAt }

var errDisk = errors.New("the disk is broken")

func (b brokenDisk) ReadAt(p []byte, off int64) (int, error) { return 0, errDisk }

// That a place cannot be read does not make a file damaged.
func TestPlaceErrors(t *testing.T) {
	if _, err := parquet.Open(brokenDisk{}, 100); !errors.Is(err, errDisk) || errors.Is(err, parquet.ErrDamaged) {
		t.Errorf("error %v", err)
	}
}

func FuzzOpenAndRead(f *testing.F) {
	for _, file := range seeds(f) {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) { _ = readAll(file) })
}
