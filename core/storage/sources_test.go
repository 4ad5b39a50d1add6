package storage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

func TestList(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{
		"b.jsonl", "a.jsonl", "B.jsonl", "a-1/x.jsonl", "a/x.jsonl", "a/deep/er/y.jsonl",
		"a/_tmp/z.jsonl", "a/.hid/z.jsonl", "a/_z.jsonl", "a/.z.jsonl", "_only/x.jsonl", "[odd].jsonl", "c.csv", "plain.txt",
		"done/part-00000-of-00002.12345678.jsonl", "done/part-00001-of-00002.12345678.jsonl", "done/failed-00000-of-00002.12345678.jsonl",
		"nest/in/part-00000-of-00001.12345678.jsonl", "nest/in/failed-00000-of-00001.12345678.jsonl", "nest/z.jsonl",
	} {
		write(t, filepath.Join(dir, f), "{}\n")
	}
	manifest := func(folder string, names ...string) {
		m := &record.Manifest{FormatVersion: record.ManifestVersion, Format: "jsonl"}
		for _, n := range names {
			m.Shards = append(m.Shards, record.Shard{Part: record.File{Name: n}})
		}
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, folder, record.ManifestName), string(b))
	}
	// Not in the order of their names: the shard table rules.
	manifest("done", "part-00001-of-00002.12345678.jsonl", "part-00000-of-00002.12345678.jsonl")
	manifest("nest/in", "part-00000-of-00001.12345678.jsonl")
	manifest("evil", "../plain.txt")
	write(t, filepath.Join(dir, "torn", record.ManifestName), "{")
	if err := os.Mkdir(filepath.Join(dir, "bare"), 0o755); err != nil {
		t.Fatal(err)
	}

	for _, tc := range []struct {
		name, sources string
		format        job.Format
		empty         string
		want          string // files, or
		err           string // a part of the error
	}{
		{name: "sources in their order, each file once", sources: "b.jsonl a.jsonl b.jsonl", want: "b.jsonl a.jsonl"},
		{name: "a glob by bytes", sources: "*.jsonl", want: "B.jsonl [odd].jsonl a.jsonl b.jsonl"},
		{name: "a glob after one of its files", sources: "b.jsonl *.jsonl", want: "b.jsonl B.jsonl [odd].jsonl a.jsonl"},
		{name: "a star stays in its folder", sources: "a*/*.jsonl", want: "a-1/x.jsonl a/x.jsonl"},
		{name: "two stars cross folders and skip hidden names", sources: "a*/**/*.jsonl", want: "a-1/x.jsonl a/deep/er/y.jsonl a/x.jsonl"},
		{name: "a folder, recursively", sources: "a", want: "a/deep/er/y.jsonl a/x.jsonl"},
		{name: "a hidden folder that is named", sources: "_only/*.jsonl", want: "_only/x.jsonl"},
		{name: "a file whose name looks like a glob", sources: "[odd].jsonl", want: "[odd].jsonl"},
		{name: "a result by its shard table", sources: "done", want: "done/part-00001-of-00002.12345678.jsonl done/part-00000-of-00002.12345678.jsonl"},
		{name: "a result within a folder", sources: "nest", want: "nest/in/part-00000-of-00001.12345678.jsonl nest/z.jsonl"},
		{name: "a format that is said", sources: "plain.txt", format: job.JSONL, want: "plain.txt"},
		{name: "no match that is allowed", sources: "no*.jsonl", empty: "ok", want: ""},
		{name: "an empty folder", sources: "bare", err: "no input: nothing matches"},
		{name: "no match", sources: "a.jsonl no*.jsonl", err: "no input: nothing matches"},
		{name: "no file", sources: "no.jsonl", err: "no.jsonl: no such file"},
		{name: "no format", sources: "plain.txt", err: "set input.format to jsonl, csv or parquet"},
		{name: "two formats", sources: "a.jsonl c.csv", err: "c.csv differ in format"},
		{name: "a manifest that leads out", sources: "evil", err: "leads out of the folder"},
		{name: "a manifest that is none", sources: "torn", err: "_manifest.json: not a result manifest"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := job.Input{Format: tc.format, Empty: tc.empty}
			for _, s := range strings.Fields(tc.sources) {
				in.Source = append(in.Source, filepath.Join(dir, s))
			}
			got, err := ListInput(t.Context(), OpenLocal, in)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var rel []string
			for _, p := range got.Objects {
				rel = append(rel, strings.TrimPrefix(p.Path, dir+"/"))
			}
			if s := strings.Join(rel, " "); s != tc.want {
				t.Errorf("got  %s\nwant %s", s, tc.want)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	for _, said := range []job.Format{"", job.Parquet} {
		if _, err := formatOf("a.parquet.gz", said, ""); err == nil || !strings.Contains(err.Error(), "unpack it first") {
			t.Errorf("Parquet within gzip: %v", err)
		}
	}
	if got, err := formatOf("a.txt", job.Parquet, ""); err != nil || got != job.Parquet {
		t.Errorf("a format that is said: %v, %v", got, err)
	}
	for name, want := range map[string]job.Format{"a.parquet": job.Parquet, "A.PARQUET": job.Parquet, "a.jsonl": job.JSONL, "A.CSV": job.CSV, "a.jsonl.gz": job.JSONL, "A.CSV.ZST": job.CSV} {
		if got, err := formatOf(name, "", ""); err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
