package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// result is what was measured of one subject on one scenario.
type result struct {
	Scenario string   `json:"scenario"`
	Subject  subject  `json:"subject"`
	Bytes    int64    `json:"input_bytes,omitempty"` // none for ONNX Runtime alone
	Median   sample   `json:"median"`
	Samples  []sample `json:"samples"`
	large    bool     // a file of some size, for the memory alone
}

// all measures every scenario that was asked for.
func (b *bench) all(ctx context.Context) (*report, error) {
	// What an earlier run may have left behind holds digests, which would be
	// used again.
	if err := os.RemoveAll(b.outputs()); err != nil {
		return nil, err
	}
	defer os.RemoveAll(b.outputs())
	var results []result
	var done []scenario
	for _, s := range scenarios() {
		if !b.only.MatchString(s.String()) {
			continue
		}
		r, err := b.scenario(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
		results, done = append(results, r...), append(done, s)
	}
	if len(done) == 0 {
		return nil, fmt.Errorf("--only %q matches none of %v", b.only, scenarios())
	}
	if b.big {
		for _, size := range []int64{1e9, 4e9} {
			r, err := b.large(ctx, scenarios()[0], size)
			if err != nil {
				return nil, fmt.Errorf("%d GB: %w", size/1e9, err)
			}
			results = append(results, r)
			if err := os.RemoveAll(b.outputs()); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range disturbed(results, runtime.NumCPU()) {
		b.note("%s: something else was running; do not rely on these figures.", name)
	}
	rep := &report{Command: b.command, Notes: b.notes, Results: results}
	rep.Machine = b.machine(ctx)
	rep.Ratios = b.ratios(done, results)
	return rep, nil
}

// disturbed lists the scenarios during which ONNX Runtime alone, which keeps every
// core busy, did not get all of them.
func disturbed(results []result, cores int) []string {
	var names []string
	for _, r := range results {
		if used := r.Median.CPU / r.Median.Seconds; r.Subject == rawORT && used > 0 && used < 0.9*float64(cores) {
			names = append(names, r.Scenario)
		}
	}
	return names
}

// scenario measures its subjects in turns, so that whatever else the machine does
// in between falls on all of them.
func (b *bench) scenario(ctx context.Context, s scenario) ([]result, error) {
	path, err := b.prepareData(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := warm(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	samples := map[subject][]sample{}
	refused := false
	for i := range b.repeat {
		outputs := map[subject]string{}
		for _, sub := range s.subjects() {
			if sub == node && b.node == "" || refused && sub != rawORT {
				continue
			}
			r, out, err := b.one(ctx, s, sub, path, b.rows)
			if notYet(err) {
				b.note("%s: this crossbatch does not read %s yet.", s, s.format)
				refused = true
				continue
			}
			if err != nil {
				return nil, err
			}
			b.log("%-14s run %d of %d  %-2s  %6.2f s  %9.0f rows/s", s, i+1, b.repeat, sub, r.Seconds, float64(r.Rows)/r.Seconds)
			samples[sub], outputs[sub] = append(samples[sub], r), out
		}
		if i == 0 {
			if err := agree(outputs, b.rows); err != nil {
				return nil, err
			}
		}
		if err := os.RemoveAll(b.outputs()); err != nil {
			return nil, err
		}
	}
	var results []result
	for _, sub := range s.subjects() {
		if len(samples[sub]) == 0 {
			continue
		}
		r := result{Scenario: s.String(), Subject: sub, Bytes: info.Size(), Samples: samples[sub], Median: median(samples[sub])}
		if sub == rawORT {
			r.Bytes = 0
		}
		results = append(results, r)
	}
	return results, nil
}

// large scores a file of some size once, for the memory that it takes.
func (b *bench) large(ctx context.Context, s scenario, size int64) (result, error) {
	path, err := b.prepareData(ctx, s)
	if err != nil {
		return result{}, err
	}
	b.log("writing %d GB", size/1e9)
	path, copies, err := enlarge(ctx, path, size)
	if err != nil {
		return result{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return result{}, err
	}
	if err := warm(path); err != nil {
		return result{}, err
	}
	r, _, err := b.one(ctx, s, product, path, copies*b.rows)
	return result{
		Scenario: fmt.Sprintf("%s %d GB", s, size/1e9), Subject: product,
		Bytes: info.Size(), Samples: []sample{r}, Median: r, large: true,
	}, err
}

// outputs is the folder that all results go to; it is made afresh.
func (b *bench) outputs() string { return filepath.Join(b.dir, "out") }

// one runs a subject once. It returns where its output is, "" for none.
func (b *bench) one(ctx context.Context, s scenario, sub subject, path string, rows int64) (sample, string, error) {
	out := filepath.Join(b.outputs(), string(sub))
	if err := os.MkdirAll(b.outputs(), 0o755); err != nil {
		return sample{}, "", err
	}
	library := "CROSSBATCH_ONNXRUNTIME=" + b.library.Path
	p := process{env: []string{library}}
	switch sub {
	case rawORT:
		p.args = []string{b.self, childRaw, s.name, b.models[s.name], strconv.FormatInt(b.rows, 10)}
		r, err := execute(ctx, p)
		if err != nil {
			return sample{}, "", err
		}
		var own sample // without the time to load and to draw rows
		return own, "", json.Unmarshal(r.stdout, &own)
	case node:
		out += ".jsonl"
		p.args = []string{b.node, b.script, b.models[s.name], path, out, s.tensor, s.shapeText(), strings.Join(s.outputs, ",")}
	case plainGo:
		out += ".jsonl"
		p.args = []string{b.peer, b.models[s.name], path, out, s.tensor, s.shapeText(), strings.Join(s.outputs, ",")}
	default:
		// A cache of its own for each run: crossbatch remembers the digests of files
		// in it, and every run shall pay for them.
		p.env = append(p.env, "CROSSBATCH_CACHE="+out+"-cache")
		name := s.name
		if sub == free {
			name = "free-" + name
		}
		if sub == oneCore {
			p.args, p.env = append(p.args, b.pin...), append(p.env, "GOMAXPROCS=1")
		}
		p.args = append(p.args, b.binary, "score", "--json", "--model", b.models[name], "--input", path, "--output", out, "--key", "id")
		if t := s.tensorFlag(); t != "" {
			p.args = append(p.args, "--tensor", t)
		}
	}
	r, err := execute(ctx, p)
	r.Rows = rows
	if err == nil && sub != node && sub != plainGo {
		out, err = part(out)
	}
	return r.sample, out, err
}

// part is the one part of a result.
func part(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "part-*"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", errors.New("the result has no part, or several")
	}
	return found[0], nil
}
