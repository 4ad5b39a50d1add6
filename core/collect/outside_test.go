package collect_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestOutside(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"in/a.jsonl", "in/sub/b.jsonl", "inner/c.jsonl", "a[b/d.jsonl", "out/result/e.jsonl"} {
		must(save(filepath.Join(dir, filepath.FromSlash(name)), "{}\n"))
	}
	for _, c := range []struct {
		name, source, destination string
		format                    job.Format
		refused                   bool
	}{
		{"apart", "in", "out", job.JSONL, false},
		{"a name that starts alike", "inner", "in", job.JSONL, false},
		{"a destination that starts alike", "in", "inner", job.JSONL, false},
		{"same folder", "in", "in", job.JSONL, true},
		{"source file inside the destination", "out/result/e.jsonl", "out", job.JSONL, true},
		{"source folder inside the destination", "out/result", "out", job.JSONL, true},
		{"glob into the destination", "out/*/e.jsonl", "out", job.JSONL, true},
		{"destination inside a source folder", "in", "in/out", job.JSONL, true},
		{"deep inside", "in", "in/sub/x/y", job.CSV, true},
		{"folder that looks like a pattern", "a[b", "a[b/out", job.JSONL, true},
		{"beside a source file", "in/a.jsonl", "in/out", job.JSONL, false},
		{"in the folder of a source file", "in/a.jsonl", "inner", job.JSONL, false},
		{"glob that would match parts", "in/**/*.jsonl", "in/out", job.JSONL, true},
		{"glob that would match failures", "in/**/*.jsonl", "in/out", job.CSV, true},
		{"glob of another extension", "in/**/*.csv", "in/out", job.JSONL, false},
		{"glob that stays above", "in/*.jsonl", "in/out", job.JSONL, false},
		{"glob of another name", "in/**/a*.jsonl", "in/out", job.JSONL, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newBench(dir).src.Job
			j.Input.Empty = job.EmptyOK
			j.Input.Source = []string{filepath.Join(dir, filepath.FromSlash(c.source))}
			j.Output.Format = c.format
			for _, dest := range []string{filepath.Join(dir, filepath.FromSlash(c.destination)), storage.FileURI(filepath.Join(dir, filepath.FromSlash(c.destination)))} {
				j.Output.Destination = dest + "/"
				in, err := storage.ListInput(t.Context(), storage.OpenLocal, j.Input)
				if err != nil {
					t.Fatal(err)
				}
				if err := collect.Outside(in, j); (err != nil) != c.refused {
					t.Errorf("%s: %v", dest, err)
				}
			}
		})
	}
	j := job.Job{Input: job.Input{Source: []string{dir}}, Output: job.Output{Destination: "s3://b/" + dir + "/"}}
	if err := collect.Outside(storage.Input{}, j); err != nil {
		t.Error(err)
	}
}

func TestOutsideOfAStore(t *testing.T) {
	for _, c := range []struct{ source, object, destination, want string }{
		{"s3://b/in/", "s3://b/in/a.jsonl", "s3://b/out/", ""},
		{"s3://b/in?region=x", "s3://b/in/a.jsonl?region=x", "s3://b/in2/?region=x", ""},
		{"s3://b/in/*.jsonl", "s3://b/in/a.jsonl", "s3://b/in/out/", ""},
		{"s3://b/in/", "s3://b/in/a.jsonl", "gs://b/in/out/", ""},
		{"s3://b/in/", "s3://b/in/a.jsonl", "s3://b/in/out/", "lies in the source"},
		{"s3://b/**", "s3://b/in/a.jsonl", "s3://b/in/out/", "lies in the source"},
		{"s3://b/out/a.jsonl", "s3://b/out/a.jsonl", "s3://b/out/", "lies in the destination"},
	} {
		j := job.Job{Input: job.Input{Source: []string{c.source}}, Output: job.Output{Destination: c.destination, Format: job.JSONL}}
		err := collect.Outside(storage.Input{Objects: []storage.Source{{URI: c.object}}}, j)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s to %s: %v", c.source, c.destination, err)
		}
	}
}
