package mapping_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var digest = strings.Repeat("0123456789abcdef", 4)

func someJob() job.Job {
	return job.Job{
		Project: "p", Address: "job.a",
		Input: job.Input{
			Key: []string{"id"}, CSV: job.Dialect{Header: true, Delimiter: ";"},
			Tensors: []job.Tensor{
				{Input: "x", Fields: []string{"a", "b.c"}, Null: job.Null{Policy: job.NullValue, Value: &job.Literal{Kind: job.NumberLiteral, Text: "0.1"}}},
				{Input: "y", Field: "d", Null: job.Null{Policy: job.NullFail}},
			},
		},
		Output:   job.Output{Destination: "out/", Format: job.Parquet, Compression: job.CompressionZstd, Keep: []job.Rename{{Name: "r", Field: "region"}}, Select: []job.Selection{{Name: "s", Path: `p["yes"]`}}},
		Batching: job.Batching{Records: 7, Concurrency: 2},
	}
}

// A scorer that is given the mapping scores as one that is given the job.
func TestMappingHoldsWhatAScorerReads(t *testing.T) {
	j := someJob()
	m := mapping.Of(j, digest, job.CSV)
	body, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := mapping.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, back); d != "" {
		t.Error(d)
	}
	got := back.Job()
	if got.Input.Format != job.CSV {
		t.Errorf("format %q", got.Input.Format)
	}
	got.Input.Format = ""
	got.Project, got.Address, got.Output.Destination = j.Project, j.Address, j.Output.Destination
	if d := cmp.Diff(j, got); d != "" {
		t.Error(d)
	}
	if want := []string{"id", "region", "a", "b.c", "d"}; !reflect.DeepEqual(back.Fields(), want) {
		t.Errorf("fields %v", back.Fields())
	}
	again, err := back.Encode()
	if err != nil || string(again) != string(body) {
		t.Errorf("encoded again: %s, %v", again, err)
	}
	one, _ := m.Digest()
	m.Key = nil
	if other, err := m.Digest(); err != nil || one == other || len(one) != 64 {
		t.Errorf("digests %s and %s, %v", one, other, err)
	}
}

func TestMappingsThatAreRefused(t *testing.T) {
	good := `{"format":"jsonl","format_version":1,"model":"` + digest + `","origin":"jsonl","output":"jsonl"}`
	if _, err := mapping.Decode([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"no JSON":                    `{`,
		"a later version":            strings.Replace(good, `"format_version":1`, `"format_version":2`, 1),
		"no version":                 strings.Replace(good, `"format_version":1,`, ``, 1),
		"an unknown member":          strings.Replace(good, `{`, `{"more":1,`, 1),
		"an unknown member inside":   strings.Replace(good, `{`, `{"tensors":[{"input":"x","field":"x","null":{"policy":"fail"},"more":1}],`, 1),
		"two of them":                good + good,
		"another model":              strings.Replace(good, digest, digest[1:], 1),
		"unstaged and converted":     strings.Replace(good, `"origin":"jsonl"`, `"origin":"csv"`, 1),
		"an unknown format":          strings.Replace(good, `"format":"jsonl"`, `"format":"avro"`, 1),
		"an unknown type":            strings.Replace(good, `{`, `{"types":{"x":"decimal"},`, 1),
		"a reserved key":             strings.Replace(good, `{`, `{"key":["_cb"],`, 1),
		"a reserved path":            strings.Replace(good, `{`, `{"key":["_cb_error.code"],`, 1),
		"csv of jsonl":               strings.Replace(good, `{`, `{"csv":{"header":true,"delimiter":","},`, 1),
		"identity without staging":   strings.Replace(good, `{`, `{"identity":true,`, 1),
		"fewer than no records":      strings.Replace(good, `{`, `{"records":-1,`, 1),
		"columns of jsonl":           strings.Replace(good, `{`, `{"columns":["a"],`, 1),
		"a result that nobody reads": strings.Replace(good, `"output":"jsonl"`, `"output":"xml"`, 1),
	} {
		if _, err := mapping.Decode([]byte(body)); !errors.Is(err, mapping.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := mapping.Of(someJob(), digest, job.CSV)
	m.Staged = true
	if _, err := m.Encode(); err == nil {
		t.Error("staged csv without columns is encoded")
	}
}

func TestReservedFields(t *testing.T) {
	if err := mapping.CheckFields("id", "_cbx", "x._cb", "_c"); err != nil {
		t.Error(err)
	}
	for _, f := range []string{"_cb", "_cb_record", "_cb_error", "_cb_path", "_cb.x"} {
		if err := mapping.CheckFields("id", f); !errors.Is(err, mapping.ErrReserved) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func staged(origin job.Format, types map[string]string) mapping.Mapping {
	return mapping.Mapping{
		FormatVersion: mapping.FormatVersion, Model: digest, Format: job.JSONL, Origin: origin, Staged: true,
		Types: types, Key: []string{"id"}, Output: job.JSONL,
	}
}

// decode reads a line as it is, and sealed, which must be the same.
func decode(t *testing.T, m mapping.Mapping, line string, floats bool, fields ...string) ([]record.Value, *record.Failure) {
	t.Helper()
	values, fail := decoded(t, m, line, floats, fields)
	if m.Staged && m.Format == job.JSONL {
		m.Sealed = true
		text := `{"_cb":"3:17","_cb_record":` + string(record.AppendString(nil, line)) + `}`
		if sealed, why := decoded(t, m, text, floats, fields); !reflect.DeepEqual(sealed, values) || !reflect.DeepEqual(why, fail) {
			t.Errorf("sealed: %v, %v, want %v, %v", sealed, why, values, fail)
		}
	}
	return values, fail
}

func decoded(t *testing.T, m mapping.Mapping, line string, floats bool, fields []string) ([]record.Value, *record.Failure) {
	t.Helper()
	d, err := m.NewDecoder(fields, nil)
	if err != nil {
		t.Fatal(err)
	}
	if floats {
		all := make([]bool, len(fields))
		for i := range all {
			all[i] = true
		}
		d.Floats(all)
	}
	values := make([]record.Value, len(fields))
	fail := d.Decode([]byte(line), values)
	return values, fail
}

// What staging did not seal is no record.
func TestSealsThatAreNone(t *testing.T) {
	m := staged(job.JSONL, nil)
	m.Sealed = true
	for _, line := range []string{`{"_cb":"0:0","id":1}`, `{"_cb_record":{"id":1}}`, `{"_cb_record":"{"}`, `[]`, `{"_cb_record":"{}"`} {
		values, fail := decoded(t, m, line, false, []string{"id"})
		if fail == nil || fail.Code != record.Malformed || values[0].Kind != record.Missing {
			t.Errorf("%s: %v, %v", line, values, fail)
		}
	}
}

// A JSON string never feeds a numeric tensor, a cell does: the origin tells.
func TestStringsOfCSVAreCells(t *testing.T) {
	line := `{"_cb":"3:17","id":"007","e":"","n":null}`
	for _, floats := range []bool{false, true} {
		values, fail := decode(t, staged(job.CSV, nil), line, floats, "id", "e", "n", "none")
		kinds := []record.Kind{record.Cell, record.Cell, record.Null, record.Missing}
		for i, v := range values {
			if v.Kind != kinds[i] {
				t.Errorf("value %d is %s", i, v.Kind)
			}
		}
		if fail != nil || string(values[0].Raw) != "007" || len(values[1].Raw) != 0 {
			t.Errorf("%v, %q, %q", fail, values[0].Raw, values[1].Raw)
		}
	}
	values, _ := decode(t, staged(job.JSONL, nil), line, true, "id")
	if values[0].Kind != record.String {
		t.Errorf("a string of JSON is %s", values[0].Kind)
	}
}

// What a shard's path tells is a string whatever the records are, and hides theirs.
func TestFieldsOfPaths(t *testing.T) {
	line := `{"_cb":"0:0","_cb_path":{"a":"7","n":null,"x.y":"p"},"a":"1","b":"2","n":"3","x":{"y":"4"}}`
	for _, origin := range []job.Format{job.JSONL, job.CSV, job.Parquet} {
		values, fail := decode(t, staged(origin, map[string]string{"a": "int64"}), line, true, "a", "b", "n", "x.y")
		if fail != nil {
			t.Fatal(fail)
		}
		if string(values[0].Raw) != `"7"` || values[0].Kind != record.String || values[2].Kind != record.Null || string(values[3].Raw) != `"p"` {
			t.Errorf("%s: %v", origin, values)
		}
		if (values[1].Kind == record.Cell) != (origin == job.CSV) {
			t.Errorf("%s: b is %s", origin, values[1].Kind)
		}
	}
}

func TestTypedColumns(t *testing.T) {
	m := staged(job.Parquet, map[string]string{"f": "float", "d": "double", "i": "int64", "u": "uint64", "v": "[]float", "w": "[]int64", "g": "float", "h": "[]uint64"})
	line := `{"_cb":"0:0","f":0.1,"d":"NaN","i":-9223372036854775808,"u":18446744073709551615,"v":[0.1,"-Infinity"],"w":[1,null],"g":null,"h":[1],"id":0.1}`
	for _, floats := range []bool{false, true} {
		fields := []string{"f", "d", "i", "u", "v", "w", "g", "h"}
		values, fail := decode(t, m, line, floats, fields...)
		if fail != nil {
			t.Fatal(fail)
		}
		kinds := []record.Kind{record.Float32, record.Float64, record.Int, record.Uint, record.Packed, record.Array, record.Null, record.Packed}
		text := []string{"0.1", `"NaN"`, "-9223372036854775808", "18446744073709551615", `[0.1,"-Infinity"]`, "[1,null]", "null", "[1]"}
		for i, v := range values {
			if got := string(record.AppendJSON(nil, v)); v.Kind != kinds[i] || got != text[i] {
				t.Errorf("%s is %s, %s", fields[i], v.Kind, got)
			}
		}
	}
}

func TestCarriedFailures(t *testing.T) {
	line := `{"_cb":"1:2","_cb_error":{"code":"field_count","message":"2 cells \"x\""},"id":"a"}`
	values, fail := decode(t, staged(job.CSV, nil), line, false, "x", "id")
	if fail == nil || fail.Code != record.FieldCount || fail.Message != `2 cells "x"` || values[0].Kind != record.Missing || string(values[1].Raw) != "a" {
		t.Errorf("%v, %v", fail, values)
	}
	m := staged(job.JSONL, nil)
	m.Staged = false // the user's own field
	if _, fail := decode(t, m, line, false, "id"); fail != nil {
		t.Error(fail)
	}
}

// Rows that stand for failures are told from all rows that have the right number
// of cells, whatever these hold.
func TestFailedRows(t *testing.T) {
	for columns := 1; columns < 8; columns++ {
		for keys := range 3 {
			names := record.Numbered(columns)
			m := mapping.Mapping{
				FormatVersion: mapping.FormatVersion, Model: digest, Format: job.CSV, Origin: job.CSV, Staged: true, CSV: &job.Dialect{Delimiter: ","},
				Columns: names, Key: names[:min(keys, columns)], Output: job.JSONL,
			}
			key := []record.Value{{Kind: record.Cell, Raw: []byte(`a,"b`)}, {}}[:len(m.Key)]
			want := record.Fail(record.Malformed, "no, \"%s\"", "ä")
			line := mapping.AppendFailedRow(nil, want, key, columns)
			values, fail := decode(t, m, string(line), false, names...)
			if fail == nil || *fail != *want {
				t.Errorf("%d columns, %d keys: %v", columns, keys, fail)
			}
			if len(m.Key) > 0 && string(values[0].Raw) != `a,"b` {
				t.Errorf("%d columns, %d keys: the key is %q", columns, keys, values[0].Raw)
			}
			full := mapping.ErrorField + strings.Repeat(",x", columns-1)
			if values, fail := decode(t, m, full, false, names...); fail != nil || string(values[0].Raw) != mapping.ErrorField {
				t.Errorf("%d columns, %d keys: a row is taken for a failure: %v", columns, keys, fail)
			}
		}
	}
}

func TestIdentities(t *testing.T) {
	for text, want := range map[string]bool{
		"0:0": true, "12:9223372036854775807": true, "": false, "1": false, ":": false, "1:": false, "-1:2": false, "01:2": false, "1:+2": false,
		"1:2:3": false, "1:9223372036854775808": false, "2147483648:0": false,
	} {
		if _, _, ok := mapping.ParseIdentity(text); ok != want {
			t.Errorf("%q: %t", text, ok)
		}
	}
}

func FuzzDecode(f *testing.F) {
	body, err := mapping.Of(someJob(), digest, job.CSV).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte(`{"format_version":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := mapping.Decode(b)
		if err != nil {
			if !errors.Is(err, mapping.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		body, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := mapping.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		if other, _ := again.Encode(); string(other) != string(body) {
			t.Errorf("%s and %s", body, other)
		}
	})
}

func FuzzStagedRecord(f *testing.F) {
	f.Add([]byte(`{"_cb":"1:2","_cb_error":{"code":"x"},"a":[1,"NaN"]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, origin := range []job.Format{job.JSONL, job.CSV, job.Parquet} {
			m := staged(origin, map[string]string{"a": "[]float", "b": "uint64"})
			d, err := m.NewDecoder([]string{"a", "b", "c"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			values := make([]record.Value, 3)
			fail := d.Decode(line, values)
			plain := make([]record.Value, 1)
			if bad := record.NewJSONDecoder([]string{"zzz"}).Decode(line, plain); bad != nil && fail == nil {
				t.Errorf("%s: accepted, though %v", origin, bad)
			}
			for _, v := range values { // whatever it is, it can be written
				if out := record.AppendJSON(nil, v); fail == nil && len(out) == 0 {
					t.Errorf("%s: %v has no text", origin, v)
				}
			}
		}
	})
}
