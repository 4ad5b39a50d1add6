package staging

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/record"
)

// Members are put into objects and taken out of them so that any reader of JSON
// sees what was there, and ours once.
func FuzzAppendObject(f *testing.F) {
	for _, s := range []string{
		`{}`, `{ }`, `{"a":1}`, `{ "a" : [ {"_cb":1}, "}" ] , "b":"\"_cb" }`, `{"_cb":1}`, `{"_cb":{},"a":"x"}`, `{"a":"x" , "_cb_error":[1,2]}`,
		`{"\u005fcb":1,"x":{"_cb":4},"id":5}`, `{"_cb":"}","_cb":",","_cb_error":"\\"}`, `{"a":"_cb"}`, `{"_cb_path":{"a":1},"a":2}`, "{\t\"_cb\"\r:\n1}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		object = bytes.TrimSpace(object)
		if record.NewJSONDecoder(nil).Decode(object, nil) != nil || !json.Valid(object) {
			return
		}
		for _, identity := range []string{"", "12:345"} {
			var own []byte
			if identity != "" {
				own = []byte(`"_cb":"` + identity + `"`)
			}
			line := appendObject(nil, object, own)
			var want, got map[string]json.RawMessage
			if err := json.Unmarshal(object, &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(line, &got); err != nil {
				t.Fatalf("%s gives %s: %v", object, line, err)
			}
			delete(want, mapping.IdentityField)
			delete(want, mapping.ErrorField)
			delete(want, mapping.PathField)
			if identity != "" {
				want[mapping.IdentityField] = json.RawMessage(`"` + identity + `"`)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s gives %s: %s", object, line, d)
			}
			if n := bytes.Count(line, []byte(`"_cb":"12:345"`)); identity != "" && !bytes.Contains(object, []byte("12:345")) && n != 1 {
				t.Errorf("%s holds its identity %d times", line, n)
			}
			if identity == "" && len(want) == len(record.FieldNames(object)) && !bytes.Equal(line, object) {
				t.Errorf("%s is changed to %s", object, line)
			}
		}
	})
}

func FuzzDecodeStaged(f *testing.F) {
	for _, s := range []Staged{
		{FormatVersion: FormatVersion, Recipe: Recipe{Format: job.JSONL, Write: job.JSONL, PieceBytes: 1}},
		{
			FormatVersion: FormatVersion, Input: "x", Recipe: Recipe{Format: job.JSONL, Write: job.JSONL, PieceBytes: 9, Rows: []Rows{{1, [][2]int64{{3, 4}, {7, 9}}}}},
			Shards: []Shard{{Shard: 1, Records: 5, Failed: 1, Pieces: 2}},
			Pieces: []Piece{
				{Name: "000001-000000.jsonl", Shard: 1, First: 3, Records: 3, Rows: [][2]int64{{3, 4}, {7, 7}}, Size: 30, Digest: "xxh3:00000000000000000000000000000000"},
				{Name: "000001-000001.jsonl", Shard: 1, First: 8, Records: 2, Size: 30, Digest: "xxh3:00000000000000000000000000000000"},
			},
		},
	} {
		body, err := s.Encode()
		if err != nil {
			f.Fatal(err)
		}
		if _, err := Decode(body); err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := Decode(body)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		records := int64(0)
		for _, p := range s.Pieces { // names lead nowhere else, rows go on and on
			if !bytes.Equal([]byte(p.Name), []byte(pieceName(p.Shard, int(pieceNumber(t, p.Name)), s.Recipe.Write))) {
				t.Errorf("the name %q", p.Name)
			}
			if p.Row(0) != p.First || p.Row(p.Records-1) < p.First {
				t.Errorf("%+v", p)
			}
			records += p.Records
		}
		if records != s.Records() {
			t.Errorf("%d records, %d in pieces", s.Records(), records)
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(again); err != nil || !cmp.Equal(s, back) {
			t.Errorf("%s: %v", again, err)
		}
	})
}

func pieceNumber(t *testing.T, name string) (n int64) {
	t.Helper()
	_, rest, _ := bytes.Cut([]byte(name), []byte("-"))
	digits, _, _ := bytes.Cut(rest, []byte("."))
	if err := json.Unmarshal(append(bytes.TrimLeft(digits[:max(len(digits)-1, 0)], "0"), digits[max(len(digits)-1, 0):]...), &n); err != nil {
		t.Fatalf("the name %q: %v", name, err)
	}
	return n
}

func TestCommitsThatAreRefused(t *testing.T) {
	const d = `"xxh3:00000000000000000000000000000000"`
	good := `{"format_version":1,"input":"x","recipe":{"format":"jsonl","write":"jsonl","piece_bytes":9},"shards":[{"shard":0,"records":2,"failed":0,"pieces":1}],"pieces":[{"name":"000000-000000.jsonl","shard":0,"first":0,"records":2,"size":9,"digest":` + d + `}]}`
	if _, err := Decode([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a later version":      {`"format_version":1`, `"format_version":2`},
		"an unknown member":    {`"input"`, `"more":1,"input"`},
		"another name":         {`"000000-000000.jsonl"`, `"../000000-000000.jsonl"`},
		"too few records":      {`"records":2,"failed"`, `"records":3,"failed"`},
		"too many records":     {`"records":2,"failed"`, `"records":1,"failed"`},
		"no piece":             {`"pieces":1`, `"pieces":0`},
		"too many pieces":      {`"pieces":1`, `"pieces":2`},
		"another shard":        {`[{"shard":0`, `[{"shard":1`},
		"no digest":            {d, `""`},
		"more failed than all": {`"failed":0`, `"failed":3`},
		"a recipe of nothing":  {`"write":"jsonl"`, `"write":"xml"`},
		"rows that do not fit": {`"first":0`, `"first":0,"rows":[[0,2]]`},
		"no rows":              {`"first":0`, `"first":0,"rows":[]`},
		"text behind it":       {`}]}`, `}]}{}`},
	} {
		body := bytes.Replace([]byte(good), []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(body, []byte(good)) {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := Decode(body); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
