package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/local/onnx"
)

const (
	rawBatch   = 256
	rawSeconds = 1.0     // how long ONNX Runtime alone is measured
	rawRows    = 100_000 // held in memory, so that branches are not learned by heart
)

// measureRaw is a child: MODEL FILE ROWS. It runs the model on tensors in memory
// with a session for each core, and prints a sample.
func measureRaw(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) != 3 {
		return errors.New("usage: MODEL FILE ROWS")
	}
	n, err := networkNamed(args[0])
	if err != nil {
		return err
	}
	rows, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	batches, err := rawBatches(n, min(rows, rawRows))
	if err != nil {
		return err
	}
	lib, err := onnx.Finder{}.Find(ctx)
	if err != nil {
		return err
	}
	rt, err := onnx.Load(lib)
	if err != nil {
		return err
	}
	var fetch []onnx.Output
	for _, name := range n.outputs {
		fetch = append(fetch, onnx.Output{Name: name})
	}
	sessions := make([]*onnx.Session, runtime.GOMAXPROCS(0))
	for i := range sessions {
		sessions[i], err = rt.NewSession(onnx.Model{Path: args[1]}, []string{n.tensor}, fetch, onnx.Options{Device: onnx.CPU(), Threads: 1})
		if err != nil {
			return err
		}
		defer func() { _ = sessions[i].Close() }()
		if _, err := sessions[i].Run(batches[0]); err != nil { // the first run sets things up
			return err
		}
	}
	s, err := drive(ctx, sessions, batches)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(s)
}

// drive runs batches, each session its own share of them, until time is up.
func drive(ctx context.Context, sessions []*onnx.Session, batches [][]onnx.Tensor) (sample, error) {
	var rows atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	began, cpu := time.Now(), cpuSeconds()
	for first, session := range sessions {
		g.Go(func() error {
			for i := first; time.Since(began).Seconds() < rawSeconds && ctx.Err() == nil; i += len(sessions) {
				batch := batches[i%len(batches)]
				if _, err := session.Run(batch); err != nil {
					return err
				}
				rows.Add(batch[0].Shape[0])
			}
			return ctx.Err()
		})
	}
	err := g.Wait()
	return sample{Rows: rows.Load(), Seconds: time.Since(began).Seconds(), CPU: cpuSeconds() - cpu}, err
}

// rawBatches are full batches of rows as the model takes them.
func rawBatches(n network, rows int64) ([][]onnx.Tensor, error) {
	src, err := newSource(n.base)
	if err != nil {
		return nil, err
	}
	if len(src.row) != n.width() {
		return nil, fmt.Errorf("%s takes %d numbers, a row of %s has %d", n.name, n.width(), n.base, len(src.row))
	}
	shape := append([]int64{rawBatch}, n.shape...)
	var batches [][]onnx.Tensor
	for range rows / rawBatch {
		t := onnx.NewTensor(model.Float32, shape)
		for at := 0; at < len(t.Data); {
			for _, v := range src.next() {
				binary.NativeEndian.PutUint32(t.Data[at:], math.Float32bits(float32(v)))
				at += 4
			}
		}
		batches = append(batches, []onnx.Tensor{t})
	}
	return batches, nil
}
