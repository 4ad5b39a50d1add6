package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	pq "github.com/parquet-go/parquet-go"
)

// write makes a small input file as the benchmark does.
func write(t *testing.T, f format) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x"+f.extension())
	if err := writeData(t.Context(), []string{"breast_cancer", string(f), "5", path}); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRowsAreTheSameInEveryFormat(t *testing.T) {
	short, err := os.ReadFile(write(t, jsonl6))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(write(t, jsonl6)); err != nil || !bytes.Equal(short, again) {
		t.Error("written again, the rows differ")
	}
	var rows []struct {
		ID       int64     `json:"id"`
		Features []float64 `json:"features"`
	}
	for line := range bytes.Lines(short) {
		rows = append(rows, struct {
			ID       int64     `json:"id"`
			Features []float64 `json:"features"`
		}{})
		if err := json.Unmarshal(line, &rows[len(rows)-1]); err != nil {
			t.Fatal(err)
		}
	}
	if len(rows) != 5 || rows[4].ID != 5 || len(rows[0].Features) != 30 {
		t.Fatalf("%+v", rows)
	}
	src, err := newSource("breast_cancer")
	if err != nil {
		t.Fatal(err)
	}
	drawn := append([]float64(nil), src.next()...)

	long, err := os.ReadFile(write(t, jsonl17))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(long, []byte("\n"))
	if want := bytes.TrimSpace(jsonRow(17)(nil, 1, drawn)); !bytes.Equal(first, want) {
		t.Errorf("%s\nis not\n%s", first, want)
	}

	f, err := os.Open(write(t, parquet))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type some struct {
		ID  int64   `parquet:"id"`
		F0  float32 `parquet:"f0"`
		F29 float32 `parquet:"f29"`
	}
	got, err := pq.Read[some](f, size(t, f))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 5 || got[0] != (some{1, float32(drawn[0]), float32(drawn[29])}) {
		t.Errorf("%+v, drawn %v", got, drawn)
	}
}

func size(t *testing.T, f *os.File) int64 {
	t.Helper()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestAgree(t *testing.T) {
	out := func(text string) string {
		path := filepath.Join(t.TempDir(), "out.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ours := out(`{"key":"1","prediction":{"p":[0.5]}}` + "\n")
	for text, want := range map[string]bool{
		`{"key":1,"prediction":{"p":[0.500009]}}` + "\n":                                 true,
		`{"key":1,"prediction":{"p":[0.50002]}}` + "\n":                                  false,
		`{"key":2,"prediction":{"p":[0.5]}}` + "\n":                                      false,
		`{"key":1,"prediction":{"p":0.5}}` + "\n":                                        false,
		`{"key":1,"prediction":{"q":[0.5]}}` + "\n":                                      false,
		`{"key":1,"prediction":{"p":[0.5]}}` + "\n" + `{"key":2,"prediction":{}}` + "\n": false,
	} {
		if err := agree(map[subject]string{product: ours, node: out(text)}, 1); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestEnlarge(t *testing.T) {
	path := write(t, jsonl6)
	one, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // made, then found
		to, copies, err := enlarge(t.Context(), path, 3*int64(len(one))+1)
		if err != nil || copies != 3 {
			t.Fatalf("%d copies, %v", copies, err)
		}
		if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, bytes.Repeat(one, 3)) {
			t.Error("the copies are not whole")
		}
	}
}
