package jobfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/jobfile"
)

// folder writes files of ten jobs each, which share variables, locals, models
// and a provider.
func folder(tb testing.TB, files int) string {
	tb.Helper()
	dir := tb.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name+jobfile.Suffix), []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	write("common", `
variable "day" {
  default = "2026-11-23"
}

locals {
  data = "data/dt=${var.day}"
  feats = [for i in range(20) : "f${i}"]
}

provider "local" "here" {
}

model "m" {
  artifact = "m.onnx"
}
`)
	for i := range files {
		var b strings.Builder
		for k := range 10 {
			fmt.Fprintf(&b, `
job "j%[1]d_%[2]d" {
  model    = model.m
  provider = provider.local.here
  input {
    source = ["${local.data}/part-%[1]d-%[2]d/*.jsonl"]
    key    = ["a", "b"]
    tensor "x" {
      fields = local.feats
      null   = "nan"
    }
  }
  output {
    destination = "out/${var.day}/%[1]d/%[2]d/"
    select      = { score = "probabilities[1]" }
  }
  limits {
    timeout        = "2h"
    failed_records = "1%%"
  }
  labels = { team = "growth", file = "%[1]d" }
}
`, i, k)
		}
		write(fmt.Sprintf("jobs-%04d", i), b.String())
	}
	return dir
}

// BenchmarkLoad shows how loading grows with the number of files: 1,000 files
// with 10,000 jobs are to load in 2 s.
func BenchmarkLoad(b *testing.B) {
	for _, files := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("files=%d", files), func(b *testing.B) {
			dir := folder(b, files)
			for b.Loop() {
				set, diags := jobfile.Load(dir, jobfile.Options{})
				if len(diags) > 0 || len(set.Jobs) != 10*files {
					b.Fatalf("%d jobs, %v", len(set.Jobs), diags)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*10*files), "µs/job")
		})
	}
}

// BenchmarkInstances is the same number of jobs from one block.
func BenchmarkInstances(b *testing.B) {
	src := strings.NewReplacer("model = model.m", "model = model.m\n  count = 10000", `"out"`, `"out/${count.index}"`).Replace(minimal)
	for b.Loop() {
		set, diags := jobfile.Parse(map[string][]byte{"a.crossbatch.hcl": []byte(src)}, "/x", jobfile.Options{})
		if len(diags) > 0 || len(set.Jobs) != 10_000 {
			b.Fatalf("%d jobs, %v", len(set.Jobs), diags)
		}
	}
}
