package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/emulator"
	"github.com/crossbatch/crossbatch/local/onnx"
	"github.com/crossbatch/crossbatch/providers/objectstore"
)

// stores are emulators and what leads this very binary to them.
type stores struct {
	t    *testing.T
	dir  string
	open storage.Opener
	uris map[string]string // by service: the bucket, with %s for a key

	services map[string]emulator.Service
}

func newStores(t *testing.T) *stores {
	t.Helper()
	return startStores(t, emulator.Options{})
}

func startStores(t *testing.T, options emulator.Options) *stores {
	t.Helper()
	e, err := emulator.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	s := &stores{t: t, dir: t.TempDir(), uris: map[string]string{}, services: map[string]emulator.Service{}}
	for _, service := range e.Services() {
		s.services[service.Name] = service
		for _, f := range service.Files {
			body, err := f.Content(func(name string) string { return filepath.Join(s.dir, name) })
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(s.dir, f.Name), body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range service.Variables {
			if v.File != "" {
				v.Value = filepath.Join(s.dir, v.File)
			}
			t.Setenv(v.Name, v.Value)
		}
		if !service.Store {
			continue
		}
		if err := e.CreateBucket(t.Context(), service.Name, "bucket"); err != nil {
			t.Fatal(err)
		}
		switch service.Name {
		case "s3":
			s.uris["s3"] = "s3://bucket/%s?use_path_style=true&endpoint=" + service.Endpoint
		case "gcs":
			s.uris["gcs"] = "gs://bucket/%s?anonymous=true"
		case "azblob":
			s.uris["azblob"] = "azblob://bucket/%s"
		case "oci":
			s.uris["oci"] = "oci://bucket@emulator/%s?endpoint=" + service.Endpoint
		}
	}
	o := objectstore.New(objectstore.Options{})
	s.open = o.Open
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// at is the URI of a key in a store.
func (s *stores) at(service, key string) string { return fmt.Sprintf(s.uris[service], key) }

func (s *stores) put(service, key string, body []byte) {
	s.t.Helper()
	folder, name := storage.Split(s.at(service, key))
	b, prefix, err := s.open(s.t.Context(), folder)
	if err == nil {
		err = b.Replace(context.Background(), prefix+name, body)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	_ = b.Close()
}

// crossbatch runs the program and wants it to exit with a code.
func (s *stores) crossbatch(code int, args ...string) string {
	s.t.Helper()
	c := exec.Command("crossbatch", args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), onnx.PathVariable+"="+library(s.t), "GORACE="+quickRace, onnx.CacheVariable+"="+filepath.Join(s.dir, "cache"))
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	if got := c.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("crossbatch %s: exit %d, %v\n%s", strings.Join(args, " "), got, err, &out)
	}
	return out.String()
}

// Everything may lie in an object store: model, input, result and ledger. The
// result is the one of files on this machine.
func TestVerbsOnObjectStores(t *testing.T) {
	s := newStores(t)
	model := models["sum"]().Bytes()
	files := map[string]string{"in/a b.jsonl": string(rows(1000)), "in/day=1/c.jsonl": string(rows(10)) + "{}\n", "in/_hidden.jsonl": "{", "inner/d.jsonl": "{}\n"}
	for name, text := range files {
		path := filepath.Join(s.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, "sum.onnx"), model, 0o644); err != nil {
		t.Fatal(err)
	}
	s.crossbatch(0, "score", "--model", "sum.onnx", "--input", "in/", "--output", "out", "--key", "id", "--failed-records", "1")
	want := s.parts(filepath.Join(s.dir, "out") + "/")
	for service := range s.uris {
		t.Run(service, func(t *testing.T) {
			s := &stores{t: t, dir: s.dir, open: s.open, uris: s.uris}
			s.put(service, "models/sum.onnx", model)
			for name, text := range files {
				s.put(service, name, []byte(text))
			}
			out := s.at(service, "out/")
			s.crossbatch(0, "score", "--model", s.at(service, "models/sum.onnx"), "--input", s.at(service, "in"), "--output", out, "--key", "id", "--failed-records", "1")
			if diff := cmp.Diff(want, s.parts(out)); diff != "" {
				t.Errorf("score: %s", diff)
			}
			if said := s.crossbatch(0, "verify", out); !strings.Contains(said, "1,011 in = 1,010 ok + 1 failed") {
				t.Errorf("verify says %s", said)
			}

			job := fmt.Sprintf(`crossbatch {
  project = "stores"
  ledger  = %q
}
model "sum" {
  artifact = %q
}
job "sum" {
  model = model.sum
  input {
    source = [%q]
    key    = "id"
  }
  output {
    destination = %q
  }
  limits {
    failed_records = 1
  }
}
`, s.at(service, "ledger/"), s.at(service, "models/sum.onnx"), s.at(service, "in/**/*.jsonl"), s.at(service, "scores/"))
			file := service + ".crossbatch.hcl"
			if err := os.WriteFile(filepath.Join(s.dir, file), []byte(job), 0o644); err != nil {
				t.Fatal(err)
			}
			s.crossbatch(0, "submit", file, "--wait")
			if diff := cmp.Diff(want, s.parts(s.at(service, "scores/"))); diff != "" {
				t.Errorf("submit: %s", diff)
			}
			if said := s.crossbatch(0, "submit", file); !strings.Contains(said, "succeeded") {
				t.Errorf("submitted again: %s", said)
			}
			s.crossbatch(0, "results", "job.sum", "--to", s.at(service, "fetched"))
			if diff := cmp.Diff(want, s.parts(s.at(service, "fetched/"))); diff != "" {
				t.Errorf("results: %s", diff)
			}
			if said := s.crossbatch(0, "list"); strings.Count(said, "job.sum") != 1 {
				t.Errorf("list says %s", said)
			}

			said := s.crossbatch(1, "score", "--model", "sum.onnx", "--input", s.at(service, "nowhere/"), "--output", "no")
			if !strings.Contains(said, "nowhere") {
				t.Errorf("no input: %s", said)
			}
		})
	}
}

// parts reads the parts of a result, without the run's digits in their names.
func (s *stores) parts(uri string) map[string]string {
	s.t.Helper()
	b, prefix, err := s.open(s.t.Context(), uri)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	out := map[string]string{}
	for o, err := range b.Objects(s.t.Context(), prefix) {
		if err != nil {
			s.t.Fatal(err)
		}
		name := strings.TrimPrefix(o.Key, prefix)
		if name == record.ManifestName {
			continue
		}
		body, err := b.Read(s.t.Context(), o.Key)
		if err != nil {
			s.t.Fatal(err)
		}
		out[name[:len("part-00000")]] = string(body)
	}
	return out
}
