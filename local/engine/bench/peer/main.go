// Command peer is the same scoring job, written the straightforward way in Go:
// a line at a time, encoding/json, batches of 256, one session with one thread.
// The benchmark holds crossbatch against it.
//
//	peer MODEL INPUT OUTPUT TENSOR SHAPE OUTPUTS
//
// SHAPE is that of a record ("30" or "1,8,8"); an INPUT that ends in .csv has the
// columns id,f0,f1,...
//
// It calls the model through local/onnx, as only that package may import the
// binding; there is no faster way to call it from Go.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/local/onnx"
)

const batchSize = 256

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// record is a line of the input.
type record struct {
	ID       int64     `json:"id"`
	Features []float32 `json:"features"`
}

// line is a line of the output.
type line struct {
	Key        int64      `json:"key"`
	Prediction prediction `json:"prediction"`
}

// prediction holds the outputs of all models of the benchmark; a model has some.
type prediction struct {
	Label         *int64    `json:"label,omitempty"`
	Probability   []float32 `json:"probability,omitempty"`
	Probabilities []float32 `json:"probabilities,omitempty"`
}

func run(ctx context.Context, args []string) error {
	if len(args) != 6 {
		return errors.New("usage: peer MODEL INPUT OUTPUT TENSOR SHAPE OUTPUTS")
	}
	p := peer{outputs: strings.Split(args[5], ","), shape: []int64{0}, width: 1}
	for _, s := range strings.Split(args[4], ",") {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Errorf("shape: %w", err)
		}
		p.shape, p.width = append(p.shape, n), p.width*int(n)
	}
	p.data = onnx.Aligned(batchSize * p.width * 4)
	lib, err := onnx.Finder{}.Find(ctx)
	if err != nil {
		return err
	}
	rt, err := onnx.Load(lib)
	if err != nil {
		return err
	}
	var fetch []onnx.Output
	for _, name := range p.outputs {
		fetch = append(fetch, onnx.Output{Name: name})
	}
	p.session, err = rt.NewSession(onnx.Model{Path: args[0]}, []string{args[3]}, fetch, onnx.Options{Device: onnx.CPU(), Threads: 1})
	if err != nil {
		return err
	}
	defer func() { _ = p.session.Close() }()

	in, err := os.Open(args[1])
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(args[2])
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	p.out = json.NewEncoder(w)
	if strings.HasSuffix(args[1], ".csv") {
		err = p.csv(in)
	} else {
		err = p.jsonl(in)
	}
	if err == nil {
		err = p.flush()
	}
	return errors.Join(err, w.Flush(), out.Close())
}

// peer gathers records and scores them when a batch is full.
type peer struct {
	session *onnx.Session
	outputs []string
	shape   []int64
	width   int
	keys    []int64
	data    []byte
	out     *json.Encoder
}

func (p *peer) jsonl(r io.Reader) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var rec record
		if err := json.Unmarshal(s.Bytes(), &rec); err != nil {
			return err
		}
		if err := p.add(rec); err != nil {
			return err
		}
	}
	return s.Err()
}

func (p *peer) csv(r io.Reader) error {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	if _, err := c.Read(); err != nil { // the header
		return err
	}
	rec := record{Features: make([]float32, p.width)}
	for {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if rec.ID, err = strconv.ParseInt(cells[0], 10, 64); err != nil {
			return err
		}
		for i, cell := range cells[1:] {
			v, err := strconv.ParseFloat(cell, 32)
			if err != nil {
				return err
			}
			rec.Features[i] = float32(v)
		}
		if err := p.add(rec); err != nil {
			return err
		}
	}
}

func (p *peer) add(rec record) error {
	if len(rec.Features) != p.width {
		return fmt.Errorf("record %d has %d features, not %d", rec.ID, len(rec.Features), p.width)
	}
	at := len(p.keys) * p.width * 4
	for i, v := range rec.Features {
		binary.NativeEndian.PutUint32(p.data[at+4*i:], math.Float32bits(v))
	}
	if p.keys = append(p.keys, rec.ID); len(p.keys) == batchSize {
		return p.flush()
	}
	return nil
}

func (p *peer) flush() error {
	n := len(p.keys)
	if n == 0 {
		return nil
	}
	p.shape[0] = int64(n)
	values, err := p.session.Run([]onnx.Tensor{{Type: model.Float32, Shape: p.shape, Data: p.data[:n*p.width*4]}})
	if err != nil {
		return err
	}
	lines := make([]line, n)
	for i, name := range p.outputs {
		t := values[i].Tensor
		for k := range lines {
			part := t.Data[k*len(t.Data)/n : (k+1)*len(t.Data)/n]
			switch to := &lines[k].Prediction; name {
			case "label":
				v := int64(binary.NativeEndian.Uint64(part))
				to.Label = &v
			case "probability":
				to.Probability = floats(part)
			case "probabilities":
				to.Probabilities = floats(part)
			}
		}
	}
	for k := range lines {
		lines[k].Key = p.keys[k]
		if err := p.out.Encode(lines[k]); err != nil {
			return err
		}
	}
	p.keys = p.keys[:0]
	return nil
}

func floats(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.NativeEndian.Uint32(b[4*i:]))
	}
	return out
}
