package record_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/record"
)

// FuzzJSON holds the decoder against encoding/json. They differ on purpose in
// two things: bytes that are no UTF-8 fail a record here and become U+FFFD
// there, and a record is nested at most 513 deep here, 10000 there.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":{"c":[1,2.5e3,"x"]},"a":{"d":null}}`, `{"\u0061\ud83d\ude00\ud800":"\"\\\/\b\f\n\r\t"}`,
		` { "a.b" : true , "a" : { "b" : false } } `, `{"a":"\udc00\ud800\u0041"}`, `[1]`, `{"a":01}`, "{\"\xff\":1}",
		`{"":{"":-0}}`, `{} {}`, "\ufeff{}", strings.Repeat(`{"a":`, 600) + "1" + strings.Repeat("}", 600),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want map[string]any
		ref := json.NewDecoder(bytes.NewReader(text))
		ref.UseNumber() // a float64 would hide lost digits
		valid := json.Valid(text) && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) && ref.Decode(&want) == nil
		fail := record.NewJSONDecoder(nil).Decode(text, nil)
		switch {
		case !utf8.Valid(text):
			wantCode(t, fail, record.InvalidUTF8)
			return
		case depth(text) > 513:
			wantCode(t, fail, record.Malformed)
			return
		case !valid:
			wantCode(t, fail, record.Malformed)
			return
		}
		wantCode(t, fail, "")
		checkFields(t, text, want)
		names := record.FieldNames(text)
		if d := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Compact(slices.Sorted(slices.Values(names)))); d != "" {
			t.Errorf("names: %s", d)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			t.Fatal(err)
		}
		if got := record.AppendCompact(nil, text); !bytes.Equal(got, compact.Bytes()) {
			t.Errorf("compact: %s, want %s", got, &compact)
		}
	})
}

// checkFields reads every field of want, and those one level below by path.
func checkFields(t *testing.T, text []byte, want map[string]any) {
	t.Helper()
	var fields []string
	var wants []any
	for name, v := range want {
		fields, wants = append(fields, name), append(wants, v)
		below, _ := v.(map[string]any)
		for inner, v := range below {
			path := name + "." + inner
			if _, exact := want[path]; !exact && strings.Count(path, ".") == 1 {
				fields, wants = append(fields, path), append(wants, v)
			}
		}
	}
	values := make([]record.Value, len(fields))
	wantCode(t, record.NewJSONDecoder(fields).Decode(text, values), "")
	for i, v := range values {
		if v.Kind == record.Missing {
			t.Errorf("%q is missing", fields[i])
			continue
		}
		if d := cmp.Diff(wants[i], plain(v)); d != "" {
			t.Errorf("%q: %s", fields[i], d)
		}
	}
}

// plain is the value as encoding/json would hold it, by this package's readers.
func plain(v record.Value) any {
	switch v.Kind {
	case record.Null:
		return nil
	case record.Bool:
		return string(v.Raw) == "true"
	case record.Number:
		return json.Number(v.Raw)
	case record.String:
		s, _ := record.Unquote(v.Raw)
		return s
	case record.Array:
		list := []any{}
		record.Elements(v.Raw, func(e record.Value) bool {
			list = append(list, plain(e))
			return true
		})
		return list
	case record.Object:
		object := map[string]any{}
		d := record.NewJSONDecoder(nil)
		if d.Decode(v.Raw, nil) != nil {
			return "an object that is none"
		}
		for _, name := range record.FieldNames(v.Raw) {
			var value [1]record.Value
			// The name alone, so that a dot in it is no path: it is exact first.
			if record.NewJSONDecoder([]string{name}).Decode(v.Raw, value[:]) == nil {
				object[name] = plain(value[0])
			}
		}
		return object
	}
	return v.Kind.String()
}

// depth is how deeply the brackets of text nest, as far as it is JSON.
func depth(text []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}
