package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

const (
	agreeRows   = 1000 // whose predictions are compared
	agreeWithin = 1e-5
)

// agree compares the outputs of crossbatch and of its peers: as many lines as
// rows, and for the first rows the same keys in the same order, and the same
// predictions.
func agree(outputs map[subject]string, rows int64) error {
	first := map[subject][]line{}
	for _, sub := range []subject{product, oneCore, node, plainGo} {
		path, ok := outputs[sub]
		if !ok {
			continue
		}
		lines, n, err := readLines(path)
		if err != nil {
			return fmt.Errorf("the output of %s: %w", sub, err)
		}
		if n != rows {
			return fmt.Errorf("the output of %s has %d lines for %d rows", sub, n, rows)
		}
		first[sub] = lines
		if err := same(first[product], lines); err != nil {
			return fmt.Errorf("the outputs of %s and %s differ: %w", product, sub, err)
		}
	}
	return nil
}

// line is a line of any output.
type line struct {
	Key        any            `json:"key"` // text where the input is CSV
	Prediction map[string]any `json:"prediction"`
}

// readLines reads the first lines of a file and counts all.
func readLines(path string) ([]line, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var lines []line
	for len(lines) < agreeRows {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", len(lines)+1, err)
		}
		lines = append(lines, l)
	}
	n := int64(len(lines))
	buf := make([]byte, 1<<16)
	for {
		k, err := r.Read(buf)
		n += int64(bytes.Count(buf[:k], []byte{'\n'}))
		if errors.Is(err, io.EOF) {
			return lines, n, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

func same(a, b []line) error {
	if len(a) != len(b) {
		return fmt.Errorf("%d lines and %d", len(a), len(b))
	}
	for i := range a {
		if fmt.Sprint(a[i].Key) != fmt.Sprint(b[i].Key) {
			return fmt.Errorf("line %d has key %v and %v", i+1, a[i].Key, b[i].Key)
		}
		if !near(a[i].Prediction, b[i].Prediction) {
			return fmt.Errorf("line %d, key %v: %v and %v", i+1, a[i].Key, a[i].Prediction, b[i].Prediction)
		}
	}
	return nil
}

// near compares JSON values, numbers with some tolerance.
func near(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && math.Abs(a-b) <= agreeWithin
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !near(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !near(v, w) {
				return false
			}
		}
		return true
	}
	return a == b
}
