package parquet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
)

// written is a file of these rows.
func written[T any](t testing.TB, rows []T, options ...pq.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pq.NewGenericWriter[T](&b, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rawFile is a file of rows that are given as values.
func rawFile(t testing.TB, schema pq.Node, rows []pq.Row, options ...pq.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pq.NewWriter(&b, append([]pq.WriterOption{pq.NewSchema("s", schema)}, options...)...)
	if _, err := w.WriteRows(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// refooted is a file whose footer was changed.
func refooted(t testing.TB, file []byte, change func(*format.FileMetaData)) []byte {
	t.Helper()
	n := int(binary.LittleEndian.Uint32(file[len(file)-8:]))
	end := len(file) - 8 - n
	var m format.FileMetaData
	if err := thrift.Unmarshal(&thrift.CompactProtocol{}, file[end:end+n], &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	foot, err := thrift.Marshal(&thrift.CompactProtocol{}, &m)
	if err != nil {
		t.Fatal(err)
	}
	out := append(append([]byte(nil), file[:end]...), foot...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(foot)))
	return append(out, "PAR1"...)
}

func open(t testing.TB, file []byte) *parquet.File {
	t.Helper()
	f, err := parquet.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// show writes a value so that tables can name its kind and text at once.
func show(v record.Value) string {
	switch v.Kind {
	case record.Missing, record.Null:
		return v.Kind.String()
	}
	name := map[record.Kind]string{
		record.Bool: "bool", record.Number: "number", record.String: "string", record.Array: "array", record.Object: "object",
		record.Int: "int", record.Uint: "uint", record.Float32: "f32", record.Float64: "f64", record.Packed: "packed",
	}[v.Kind]
	return name + " " + string(record.AppendJSON(nil, v))
}

// rowsOf reads all rows from from on, in batches.
func rowsOf(f *parquet.File, fields []string, from int64, batch int) ([][]string, error) {
	r, err := f.NewReader(fields, from)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	var all [][]string
	var b parquet.Rows
	values := make([]record.Value, len(fields))
	for {
		err := r.Next(&b, batch)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		if b.First != from+int64(len(all)) {
			return all, errors.New("the batch does not begin where it should")
		}
		for i := range b.Len() {
			row := make([]string, 0, len(fields))
			if fail := b.Values(i, values); fail != nil {
				row = append(row, "failure "+string(fail.Code))
			} else {
				for _, v := range values {
					row = append(row, show(v))
				}
			}
			all = append(all, row)
		}
	}
}

func mustRows(t testing.TB, f *parquet.File, fields []string, from int64, batch int) [][]string {
	t.Helper()
	rows, err := rowsOf(f, fields, from, batch)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// column reads one field.
func column(t testing.TB, file []byte, field string) []string {
	t.Helper()
	var col []string
	for _, r := range mustRows(t, open(t, file), []string{field}, 0, 3) {
		col = append(col, r[0])
	}
	return col
}
