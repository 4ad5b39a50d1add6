package storage

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// A job that is a source is read by the shard table of its result, and by nothing
// else that may stand there; in a folder and in a store alike.
func TestListResult(t *testing.T) {
	dir := t.TempDir()
	whole, open := shelf(t, "x/done/stray.jsonl", "x/done/0.jsonl", "x/done/1.jsonl", "x/other.jsonl", "x/bare/0.jsonl")
	for _, f := range []string{"done/stray.jsonl", "done/0.jsonl", "done/1.jsonl", "other.jsonl", "bare/0.jsonl"} {
		write(t, filepath.Join(dir, f), "{}\n")
	}
	publish := func(folder string, m record.Manifest, names ...string) {
		m.FormatVersion, m.Format = record.ManifestVersion, "jsonl"
		for _, n := range names {
			m.Shards = append(m.Shards, record.Shard{Part: record.File{Name: n}})
		}
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, folder, record.ManifestName), string(b))
		if err := whole.Replace(t.Context(), "x/"+folder+"/"+record.ManifestName, b); err != nil {
			t.Fatal(err)
		}
	}
	publish("done", record.Manifest{State: record.Succeeded, Address: "job.up", Run: "r1"}, "1.jsonl", "0.jsonl")
	publish("part", record.Manifest{State: record.Partial, Address: "job.up", Run: "r2"})
	for where, c := range map[string]struct {
		base string
		open Opener
	}{
		"folder": {dir + "/", OpenLocal},
		"store":  {"gs://b/x/?endpoint=http://h:1", open},
	} {
		t.Run(where, func(t *testing.T) {
			for name, tc := range map[string]struct {
				read    job.JobRead
				in      job.Input
				want    string // names, or
				err     string // a part of the error
				another bool   // the error is not ErrNoResult
			}{
				"the result in force":  {read: job.JobRead{Job: "job.up", Destination: "done/"}, want: "1.jsonl 0.jsonl"},
				"of a run":             {read: job.JobRead{Job: "job.up", Destination: "done/", Run: "r1"}, want: "1.jsonl 0.jsonl"},
				"between other things": {read: job.JobRead{Job: "job.up", Destination: "done/", After: 1}, in: job.Input{Source: []string{"other.jsonl", "done/0.jsonl"}}, want: "other.jsonl 1.jsonl 0.jsonl"},
				"of another run":       {read: job.JobRead{Job: "job.up", Destination: "done/", Run: "r0"}, err: "holds the result of run r1, and that of run r0 is meant"},
				"of another job":       {read: job.JobRead{Job: "job.else", Destination: "done/"}, err: "the result of another job (job.up, run r1)"},
				"none, but files":      {read: job.JobRead{Job: "job.up", Destination: "bare/"}, err: "nothing is published there"},
				"nothing at all":       {read: job.JobRead{Job: "job.up", Destination: "nowhere/"}, err: "nothing is published there"},
				"partial":              {read: job.JobRead{Job: "job.up", Destination: "part/"}, err: "run r2 is partial; input.allow_partial = true"},
				"partial and empty":    {read: job.JobRead{Job: "job.up", Destination: "part/"}, in: job.Input{AllowPartial: true}, err: "job.up, whose result is empty", another: true},
				"empty, and allowed":   {read: job.JobRead{Job: "job.up", Destination: "part/"}, in: job.Input{AllowPartial: true, Empty: "ok"}},
				"of another format":    {read: job.JobRead{Job: "job.up", Destination: "done/"}, in: job.Input{Format: job.CSV}, err: "input.format is csv, and job.up publishes jsonl", another: true},
			} {
				t.Run(name, func(t *testing.T) {
					in := tc.in
					tc.read.Destination = Join(c.base, tc.read.Destination)
					in.From, in.Source = []job.JobRead{tc.read}, nil
					for _, s := range tc.in.Source {
						in.Source = append(in.Source, Join(c.base, s))
					}
					got, err := ListInput(context.Background(), c.open, in)
					if tc.err != "" {
						if err == nil || !strings.Contains(err.Error(), tc.err) || errors.Is(err, ErrNoResult) == tc.another {
							t.Fatalf("error %v, want %q", err, tc.err)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					var names []string
					for _, o := range got.Objects {
						_, name := Split(o.URI)
						names = append(names, name)
					}
					if s := strings.Join(names, " "); s != tc.want {
						t.Errorf("got %q, want %q", s, tc.want)
					}
				})
			}
		})
	}
}
