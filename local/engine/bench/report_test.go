package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	odd := median([]sample{{Rows: 10, Seconds: 3, CPU: 1, Memory: 5}, {Rows: 10, Seconds: 1, CPU: 9, Memory: 7}, {Rows: 10, Seconds: 2, CPU: 5, Memory: 6}})
	if odd != (sample{Rows: 10, Seconds: 2, CPU: 5, Memory: 6}) {
		t.Errorf("of three: %+v", odd)
	}
	if even := median([]sample{{Seconds: 1}, {Seconds: 2}}); even.Seconds != 1.5 {
		t.Errorf("of two: %+v", even)
	}
}

func TestCeiling(t *testing.T) {
	if c := ceiling(6, 3); math.Abs(c-2) > 1e-12 {
		t.Errorf("ceiling of 6 and 3 is %v", c)
	}
	if c := ceiling(6, 0); c != 0 {
		t.Errorf("with one of them unknown: %v", c)
	}
}

// figures are those of a scenario in which everything is as fast as it says.
func figures(name string, speeds map[subject]int64) []result {
	var list []result
	for _, sub := range []subject{rawORT, free, product, oneCore, node, plainGo} {
		if n, ok := speeds[sub]; ok {
			s := sample{Rows: n, Seconds: 1, CPU: 1.5, Memory: 40 << 20}
			list = append(list, result{Scenario: name, Subject: sub, Bytes: 300 * n, Median: s, Samples: []sample{s}})
		}
	}
	return list
}

func TestRatios(t *testing.T) {
	s := scenarios()[0]
	results := figures(s.String(), map[subject]int64{rawORT: 6e6, free: 3e6, product: 1_800_000, oneCore: 1e6, node: 3e5, plainGo: 1e5})
	got := (&bench{}).ratios([]scenario{s}, results)
	want := []struct {
		what  string
		value float64
		met   bool
	}{
		{"b / c, Node", 6, false},
		{"b / d, plain Go", 18, true},
		{"b / ceiling of a1 and a2", 0.9, true},
		{"b / b1, all cores to one", 1.8, true},
		{"peak memory, model apart", 40, true},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, w := range want {
		if got[i].What != w.what || math.Abs(got[i].Value-w.value) > 1e-9 || got[i].met() != w.met {
			t.Errorf("%+v, not %+v", got[i], w)
		}
	}
	if got := s.ratios(figures(s.String(), map[subject]int64{product: 1})); got != nil {
		t.Errorf("with nothing to compare with: %+v", got)
	}
}

func TestMarkdown(t *testing.T) {
	s := scenarios()[0]
	results := figures(s.String(), map[subject]int64{product: 1_234_567, node: 200_000})
	rep := &report{
		Command: "go run ./local/engine/bench", Machine: machine{CPU: "A CPU", Cores: 2, Memory: 24, OS: "an OS", Go: "go1", ONNXRuntime: "1"},
		Results: results, Ratios: (&bench{}).ratios([]scenario{s}, results), Notes: []string{"of two\nlines"},
	}
	var out bytes.Buffer
	if err := rep.markdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"A CPU, 2 cores, 24 GiB, an OS, go1, ONNX Runtime 1",
		"| mlp jsonl6 | b | **crossbatch** | 1,234,567 | 370 | 1.00 | 1.50 | 40 |",
		"|  | c | Node, onnxruntime-node | 200,000 | 60 | 1.00 | 1.50 | 40 |",
		"| mlp jsonl6 | b / c, Node | 6.17 | ≥ 8.00 | missed |",
		"|  | peak memory, model apart | 40 MiB | < 150 MiB | met |",
		"- of two lines\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestDisturbed(t *testing.T) {
	calm := result{Scenario: "calm", Subject: rawORT, Median: sample{Seconds: 2, CPU: 3.9}}
	busy := result{Scenario: "busy", Subject: rawORT, Median: sample{Seconds: 2, CPU: 3}}
	other := result{Scenario: "other", Subject: node, Median: sample{Seconds: 2, CPU: 2}}
	if got := disturbed([]result{calm, busy, other}, 2); len(got) != 1 || got[0] != "busy" {
		t.Errorf("%v", got)
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567.4: "1,234,567"} {
		if got := thousands(v); got != want {
			t.Errorf("%v is %s", v, got)
		}
	}
}
