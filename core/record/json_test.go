package record_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/record"
)

func TestJSONFields(t *testing.T) {
	tests := []struct {
		name, record, fields string
		want                 []string
	}{
		{"kinds", `{"s":"x","n":1,"b":true,"c":false,"z":null,"l":[1,2],"o":{"p":1}}`, "s n b c z l o m",
			[]string{`a string "x"`, "a number 1", "a boolean true", "a boolean false", "null", "a list [1,2]", `an object {"p":1}`, "nothing"}},
		{"digits survive", `{"a":12345678901234567890.10,"b":-0,"c":1E+05}`, "a b c",
			[]string{"a number 12345678901234567890.10", "a number -0", "a number 1E+05"}},
		{"space", " \t\r\n{ \"a\" :\t1 ,\r\n\"b\":[ 1 , 2 ] } \n", "a b", []string{"a number 1", "a list [ 1 , 2 ]"}},
		{"escaped name", `{"\u0061\/":1,"\"":2}`, `a/ "`, []string{"a number 1", "a number 2"}},
		{"pair in a name", `{"\ud83d\ude00":1}`, "😀", []string{"a number 1"}},
		{"empty name", `{"":1}`, "", []string{"a number 1"}},
		{"dotted path", `{"a":{"b":{"c":1}}}`, "a.b.c a.b a.c", []string{"a number 1", `an object {"c":1}`, "nothing"}},
		{"exact before dotted", `{"a":{"b":1},"a.b":2}`, "a.b", []string{"a number 2"}},
		{"exact null before dotted", `{"a.b":null,"a":{"b":1}}`, "a.b", []string{"null"}},
		{"no path through lists", `{"a":[{"b":1}]}`, "a.b", []string{"nothing"}},
		{"path through a scalar", `{"a":1}`, "a.b", []string{"nothing"}},
		{"nested names stay nested", `{"x":{"a":1}}`, "a", []string{"nothing"}},
		{"last one counts", `{"a":1,"a":"2"}`, "a", []string{`a string "2"`}},
		{"last object counts", `{"a":{"b":1},"a":{"c":2}}`, "a.b a.c", []string{"nothing", "a number 2"}},
		{"scalar hides an object", `{"a":{"b":1},"a":3}`, "a.b", []string{"nothing"}},
		{"one field twice", `{"a":1}`, "a a", []string{"a number 1", "a number 1"}},
		{"empty object", `{}`, "a", []string{"nothing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fields := strings.Split(tt.fields, " ")
			values := make([]record.Value, len(fields))
			wantCode(t, record.NewJSONDecoder(fields).Decode([]byte(tt.record), values), "")
			if d := cmp.Diff(tt.want, shown(values)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestJSONSyntax(t *testing.T) {
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	tests := []struct {
		record string
		want   record.Code
	}{
		{`{"a":"\"\\\/\b\f\n\r\t\u00e9"}`, ""},
		{`{"a":"\ud800"}`, ""}, // half of a pair is JSON; who needs its text is told by Unquote
		{"{\"a\":\"\u2028\x7f\"}", ""},
		{`{"a":"\x"}`, record.Malformed},
		{`{"a":"\u12g4"}`, record.Malformed},
		{`{"a":"\u12"}`, record.Malformed},
		{`{"a":"\`, record.Malformed},
		{"{\"a\":\"\t\"}", record.Malformed},
		{"{\"a\":\"\x00\"}", record.Malformed}, {"{\"a\":\"\x1f\"}", record.Malformed},
		{`{"a":"`, record.Malformed},
		{`{"a":0}`, ""}, {`{"a":-0.0e-0}`, ""}, {`{"a":10.25E+300}`, ""}, {`{"a":1e9999}`, ""},
		{`{"a":01}`, record.Malformed}, {`{"a":+1}`, record.Malformed}, {`{"a":-}`, record.Malformed},
		{`{"a":.5}`, record.Malformed}, {`{"a":5.}`, record.Malformed}, {`{"a":1e}`, record.Malformed},
		{`{"a":1e+}`, record.Malformed}, {`{"a":0x1}`, record.Malformed}, {`{"a":NaN}`, record.Malformed},
		{`{"a":-Infinity}`, record.Malformed}, {`{"a":1_0}`, record.Malformed},
		{`{"a":tru}`, record.Malformed}, {`{"a":True}`, record.Malformed}, {`{"a":nullx}`, record.Malformed},
		{`{"a":1,}`, record.Malformed}, {`{,"a":1}`, record.Malformed}, {`{"a":1 "b":2}`, record.Malformed},
		{`{"a" 1}`, record.Malformed}, {`{"a":}`, record.Malformed}, {`{"a"}`, record.Malformed},
		{`{a:1}`, record.Malformed}, {`{'a':1}`, record.Malformed}, {`{1:1}`, record.Malformed},
		{`{"a":[1,]}`, record.Malformed}, {`{"a":[,1]}`, record.Malformed}, {`{"a":[1 2]}`, record.Malformed},
		{`{"a":[1}`, record.Malformed}, {`{"a":{]}`, record.Malformed}, {`{"a":1`, record.Malformed},
		{`{"a":1}}`, record.Malformed}, {`{"a":1} x`, record.Malformed}, {`{"a":1}{"a":2}`, record.Malformed},
		{"{\"a\":1}\x00", record.Malformed}, {"{\"a\":1}\f", record.Malformed}, {"\ufeff{}", record.Malformed},
		{"", record.Malformed}, {" ", record.Malformed}, {"[]", record.Malformed}, {`"a"`, record.Malformed},
		{"1", record.Malformed}, {"null", record.Malformed}, {"{", record.Malformed}, {"[1", record.Malformed},
		{"{\"a\":\"\xff\"}", record.InvalidUTF8},
		{"{\"a\":\"\xed\xa0\x80\"}", record.InvalidUTF8}, // a surrogate in UTF-8's clothes
		{"{\"a\":\"\xc0\xaf\"}", record.InvalidUTF8},     // overlong
		{"\xff", record.InvalidUTF8},
		{deep(512), ""}, {deep(513), record.Malformed}, {deep(1 << 20), record.Malformed},
		{strings.Repeat(`{"a":`, 1<<20), record.Malformed}, // must not exhaust the stack
	}
	d := record.NewJSONDecoder([]string{"a"})
	for _, tt := range tests {
		t.Run(tt.record[:min(len(tt.record), 40)], func(t *testing.T) {
			wantCode(t, d.Decode([]byte(tt.record), make([]record.Value, 1)), tt.want)
		})
	}
}

// A failed record is still named by its key where that stands before the fault.
func TestJSONKeyOfBadRecord(t *testing.T) {
	d := record.NewJSONDecoder([]string{"id", "n.m"})
	for _, tt := range []struct {
		record string
		want   []string
	}{
		{`{"id":"k","n":{"m":1,oops`, []string{`a string "k"`, "a number 1"}},
		{`{"id":7} trailing`, []string{"a number 7", "nothing"}},
		{`{"id":"k","id":oops`, []string{"nothing", "nothing"}}, // which id it has is not known
		{`{"id":"unfinished`, []string{"nothing", "nothing"}},
		{"{\"id\":\"k\",\"n\":\"\xff\"}", []string{"nothing", "nothing"}},
	} {
		values := make([]record.Value, 2)
		if d.Decode([]byte(tt.record), values) == nil {
			t.Errorf("%s: no failure", tt.record)
		}
		if diff := cmp.Diff(tt.want, shown(values)); diff != "" {
			t.Errorf("%s: %s", tt.record, diff)
		}
	}
}

func TestJSONDecoderForgets(t *testing.T) {
	d := record.NewJSONDecoder([]string{"a", "b.c"})
	values := make([]record.Value, 2)
	for _, r := range []string{`{"a":1,"b":{"c":2}}`, `{}`} {
		wantCode(t, d.Decode([]byte(r), values), "")
	}
	if diff := cmp.Diff([]string{"nothing", "nothing"}, shown(values)); diff != "" {
		t.Error(diff)
	}
}

func TestFieldNames(t *testing.T) {
	for _, tt := range []struct {
		record string
		want   []string
	}{
		{`{"b":{"x":[1,{"y":2}]}, "a":"," ,"\u0063":null,"b":1}`, []string{"b", "a", "c", "b"}},
		{`{ }`, nil},
		{`{"a":1`, nil},
		{`["a"]`, nil},
	} {
		if got := record.FieldNames([]byte(tt.record)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.record, got, tt.want)
		}
	}
}

func TestElements(t *testing.T) {
	var got []string
	list := []byte(` [1, "a,]" ,[2,[3]],{"x":[4]},null,true ]`)[1:]
	record.Elements(list, func(v record.Value) bool {
		got = append(got, show(v))
		return true
	})
	want := []string{"a number 1", `a string "a,]"`, "a list [2,[3]]", `an object {"x":[4]}`, "null", "a boolean true"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	visits := 0
	record.Elements(list, func(record.Value) bool { visits++; return visits < 2 })
	if visits != 2 {
		t.Errorf("%d visits after false at the second", visits)
	}
	record.Elements([]byte("[ ]"), func(v record.Value) bool {
		t.Errorf("an empty list has %s", show(v))
		return false
	})
}

func TestParseValue(t *testing.T) {
	for _, tt := range []struct {
		text, want string
		code       record.Code
	}{
		{" [1, 2] ", "a list [1, 2]", ""},
		{`{"a":1}`, `an object {"a":1}`, ""},
		{"-1.50", "a number -1.50", ""},
		{"null", "null", ""},
		{`"x"`, `a string "x"`, ""},
		{"", "nothing", record.Malformed},
		{"[1,2", "nothing", record.Malformed},
		{"1 2", "nothing", record.Malformed},
		{"abc", "nothing", record.Malformed},
	} {
		v, fail := record.ParseValue([]byte(tt.text))
		wantCode(t, fail, tt.code)
		if got := show(v); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.text, got, tt.want)
		}
	}
}
