package record_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/record"
)

func jsonValue(t *testing.T, text string) record.Value {
	t.Helper()
	v, fail := record.ParseValue([]byte(text))
	if fail != nil {
		t.Fatal(fail)
	}
	return v
}

func cell(text string) record.Value { return record.Value{Kind: record.Cell, Raw: []byte(text)} }

func TestAppendKey(t *testing.T) {
	num, str := jsonValue(t, "1.50"), jsonValue(t, `"a\u00e9"`)
	for _, tt := range []struct {
		name   string
		values []record.Value
		want   string
		code   record.Code
	}{
		{"none", nil, `"3:12345678901"`, ""},
		{"digits stay", []record.Value{num}, "1.50", ""},
		{"string as written", []record.Value{str}, `"a\u00e9"`, ""},
		{"boolean", []record.Value{jsonValue(t, "true")}, "true", ""},
		{"CSV text", []record.Value{cell("007")}, `"007"`, ""},
		{"CSV text with quotes", []record.Value{cell("a\"\n")}, `"a\"\n"`, ""},
		{"empty CSV text", []record.Value{cell("")}, `""`, ""},
		{"composite", []record.Value{num, str, cell("x")}, `[1.50,"a\u00e9","x"]`, ""},
		{"missing", []record.Value{{}}, "", record.MissingKey},
		{"null", []record.Value{{Kind: record.Null}}, "", record.MissingKey},
		{"list", []record.Value{jsonValue(t, "[1]")}, "", record.WrongType},
		{"object", []record.Value{jsonValue(t, "{}")}, "", record.WrongType},
		{"composite with a null", []record.Value{num, {Kind: record.Null}}, "", record.MissingKey},
		{"composite with a missing first", []record.Value{{}, num}, "", record.MissingKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, fail := record.AppendKey([]byte("x"), tt.values, 3, 12345678901)
			wantCode(t, fail, tt.code)
			if fail == nil && string(got) != "x"+tt.want {
				t.Errorf("%s, want x%s", got, tt.want)
			}
		})
	}
}

func TestAppendKeyOfAPlaceThatIsNotKnown(t *testing.T) {
	if got, fail := record.AppendKey([]byte("x"), nil, -1, 5); fail != nil || string(got) != "xnull" {
		t.Errorf("%s, %v", got, fail)
	}
}

func TestOKLine(t *testing.T) {
	cols := record.Columns{
		Keys: 1, Keep: []string{"plain", `od"d`, "null", "gone", "list", "cell"},
		Outputs: []record.Output{{Name: "score"}, {Name: `l"bel`}},
	}
	keep := []record.Value{
		jsonValue(t, "1.0"), jsonValue(t, `"\u0041"`), jsonValue(t, "null"), {}, jsonValue(t, "[1, {\"a\": \" \"}\n]"), cell("7"),
	}
	line := cols.AppendOpen([]byte("before\n"), []byte(`"k"`), keep)
	line = append(cols.AppendName(line, 0), "0.5"...)
	line = append(cols.AppendName(line, 1), `"a"`...)
	line = record.AppendClose(line)
	const want = "before\n" + `{"key":"k","plain":1.0,"od\"d":"\u0041","null":null,"gone":null,"list":[1,{"a":" "}],"cell":"7",` +
		`"prediction":{"score":0.5,"l\"bel":"a"}}` + "\n"
	if string(line) != want {
		t.Errorf("got  %swant %s", line, want)
	}
	if _, isError, err := record.NewErrorReader().Read(line[len("before\n"):]); isError || err != nil {
		t.Errorf("read as an error: %v, %v", isError, err)
	}
}

func TestErrorLine(t *testing.T) {
	for _, tt := range []struct {
		name, key    string
		fail         *record.Failure
		line, failed string
	}{
		{"key", `[1,"a"]`, record.Fail(record.WrongType, "field %q is %s", "x", record.Bool),
			`{"key":[1,"a"],"error":{"code":"wrong_type","message":"field \"x\" is a boolean"}}`,
			`{"key":[1,"a"],"shard":2,"row":9876543210,"code":"wrong_type","message":"field \"x\" is a boolean"}`},
		{"no key", "", record.Fail(record.Malformed, "line\n2"),
			`{"key":null,"error":{"code":"malformed","message":"line\n2"}}`,
			`{"key":null,"shard":2,"row":9876543210,"code":"malformed","message":"line\n2"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line := string(record.AppendError([]byte("x"), []byte(tt.key), tt.fail))
			if line != "x"+tt.line+"\n" {
				t.Errorf("error line %s, want x%s", line, tt.line)
			}
			e, isError, err := record.NewErrorReader().Read([]byte(line[1:]))
			if err != nil || !isError {
				t.Fatalf("%v, %v", isError, err)
			}
			if got := string(record.AppendFailed([]byte("x"), e, 2, 9876543210)); got != "x"+tt.failed+"\n" {
				t.Errorf("failed line %s, want x%s", got, tt.failed)
			}
		})
	}
	if got := string(record.AppendFailed(nil, record.ErrorLine{Code: []byte(`"c"`), Message: []byte(`"m"`)}, 0, 0)); got != `{"key":null,"shard":0,"row":0,"code":"c","message":"m"}`+"\n" {
		t.Errorf("without a key: %s", got)
	}
}

func TestErrorReaderRefuses(t *testing.T) {
	r := record.NewErrorReader()
	for _, line := range []string{"", "x", `{"key":1,"error":{"code":"a"`, "[]"} {
		if _, _, err := r.Read([]byte(line)); codeOf(err) != record.Malformed {
			t.Errorf("%q: %v", line, err)
		}
	}
	// A dot in a kept field's name is no path to the error.
	line := `{"key":1,"error.code":"kept","error":"text","prediction":{}}`
	if _, isError, err := r.Read([]byte(line)); isError || err != nil {
		t.Errorf("%s: %v, %v", line, isError, err)
	}
}

// Whatever a failure says, its lines are one line of JSON that says it again.
func TestErrorLineRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, message := rapid.String().Draw(t, "key"), rapid.String().Draw(t, "message")
		line := record.AppendError(nil, record.AppendString(nil, key), &record.Failure{Code: record.ModelError, Message: message})
		e, isError, err := record.NewErrorReader().Read(line)
		if err != nil || !isError {
			t.Fatalf("%s: %v, %v", line, isError, err)
		}
		var got struct {
			Key     string
			Shard   int
			Row     int64
			Code    record.Code
			Message string
		}
		failed := record.AppendFailed(nil, e, 4, 5)
		if err := json.Unmarshal(failed, &got); err != nil {
			t.Fatalf("%s: %v", failed, err)
		}
		want := got
		want.Key, want.Shard, want.Row, want.Code, want.Message = key, 4, 5, record.ModelError, message
		if got != want {
			t.Errorf("%s", failed)
		}
	})
}
