package scorer

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
)

func blockOf(t *testing.T, s *Scorer, text string) record.Text {
	t.Helper()
	split := record.NewSplitter(strings.NewReader(text), record.JSONL, ',', record.DefaultLimits())
	var b record.Block
	if err := split.Next(&b); err != nil {
		t.Fatal(err)
	}
	return record.Text{Block: &b, Decoder: record.NewJSONDecoder(s.Fields())}
}

func TestTry(t *testing.T) {
	c := scoring{graph: pass(model.Float32, 3), key: []string{"id"}}
	s, err := c.scorer(t)
	if err != nil {
		t.Fatal(err)
	}
	bad := "{\"id\":1,\"x\":[\"a\",1,2]}\n{\"id\":null,\"x\":[\"a\",1,2]}\n{\"id\":3\n{\"id\":4,\"x\":[[1,2,3]]}\n"
	lines, decided, err := s.Try(t.Context(), []byte("before\n"), blockOf(t, s, bad), 0, 0)
	want := "before\n" + errorLine("1", record.WrongType, `field "x": "a" is a string, model input "x" takes float32`) +
		errorLine("null", record.MissingKey, "the key is missing or null") +
		errorLine("3", record.Malformed, "invalid JSON at byte 7: expected ',' or '}'") +
		errorLine("4", record.WrongShape, `model input "x" takes one float32; field "x" has [1,3]`)
	if diff := cmp.Diff(want, string(lines)); diff != "" || decided || err != nil {
		t.Errorf("%s decided: %t, %v", diff, decided, err)
	}
	// A record that tells decides though its key is missing.
	lines, decided, err = s.Try(t.Context(), []byte("before\n"), blockOf(t, s, bad+"{\"x\":[1,2,3]}\n"), 0, 0)
	if string(lines) != "before\n" || !decided || err != nil {
		t.Errorf("%s decided: %t, %v", lines, decided, err)
	}
	if got, want := c.lines(t, s, s.NewWorker(), "{\"id\":1,\"x\":[1,2,3]}"), `{"key":1,"prediction":{"y":[1,2,3]}}`+"\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if lines, _, err := s.Try(ended, nil, blockOf(t, s, bad), 0, 0); !errors.Is(err, context.Canceled) || lines != nil {
		t.Errorf("%s %v", lines, err)
	}
}

// The first record is an odd one: what it tells would fail all others.
func TestAnOddFirstRecordDoesNotTell(t *testing.T) {
	scoring{graph: pass(model.Float32, 3)}.expect(t, `
		{"x":[[1,2,3]]}
		{"x":[1,2,3]}`, `
		{"key":"0:0","error":{"code":"wrong_shape","message":"model input \"x\" takes float32 [3]; field \"x\" has [1,3]"}}
		{"key":"0:1","prediction":{"y":[1,2,3]}}`)
}
