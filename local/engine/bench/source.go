package main

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// assets are the models, the rows to sample from, and the Node script.
//
//go:embed models/*.onnx models/*.csv.gz peer/peer.mjs
var assets embed.FS

// unpack writes one of the assets into a folder, where programs that take a path
// find it.
func unpack(name, dir string) (string, error) {
	b, err := assets.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("reading what is built in: %w", err)
	}
	path := filepath.Join(dir, filepath.Base(name))
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b) {
		return path, nil
	}
	return path, os.WriteFile(path, b, 0o644)
}

// source draws rows: real ones with replacement, each value with noise of its
// own. Two sources of the same base give the same rows.
type source struct {
	base [][]float64
	rng  *rand.Rand
	row  []float64
}

// noise is the standard deviation of what each value is multiplied with.
const noise = 0.05

func newSource(base string) (*source, error) {
	rows, err := readBase(base)
	if err != nil {
		return nil, fmt.Errorf("reading the rows of %s: %w", base, err)
	}
	return &source{base: rows, rng: rand.New(rand.NewPCG(1, 2)), row: make([]float64, len(rows[0]))}, nil
}

// next is a row; it is the caller's until the next call.
func (s *source) next() []float64 {
	for i, v := range s.base[s.rng.IntN(len(s.base))] {
		s.row[i] = v * (1 + noise*s.rng.NormFloat64())
	}
	return s.row
}

func readBase(name string) ([][]float64, error) {
	f, err := assets.Open("models/" + name + ".csv.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(gz)
	if err != nil {
		return nil, err
	}
	var rows [][]float64
	for line := range strings.Lines(string(text)) {
		var row []float64
		for cell := range strings.SplitSeq(strings.TrimSpace(line), ",") {
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				return nil, err
			}
			row = append(row, v)
		}
		rows = append(rows, row)
	}
	return rows, nil
}
