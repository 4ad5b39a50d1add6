package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/emulator"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// emulated are provider blocks that lead to an emulator, by their kind. %[1]q is its
// endpoint.
var emulated = map[string]string{
	"sagemaker": `provider "sagemaker" "emulated" {
  region   = "us-east-1"
  role_arn = "arn:aws:iam::123456789012:role/batch"
  image    = "123456789012.dkr.ecr.us-east-1.amazonaws.com/crossbatch@sha256:%064[2]d"
  staging  = "s3://bucket/staging"
  endpoint = %[1]q
}
`,
	"vertex": `provider "vertex" "emulated" {
  project  = "emulated-project"
  location = "us-central1"
  image    = "us-central1-docker.pkg.dev/emulated-project/batch/crossbatch@sha256:%064[2]d"
  staging  = "gs://bucket/staging"
  endpoint = %[1]q
}
`,
}

// TestExamplesOnClouds runs the examples on the services: through the official
// SDKs, the emulators, and this program as the container, and a chain of jobs over two
// services and this machine. What is published has the bytes that a run on this machine
// gives.
func TestExamplesOnClouds(t *testing.T) {
	self, err := exec.LookPath("crossbatch")
	if err != nil {
		t.Fatal(err)
	}
	lib := onnx.PathVariable + "=" + library(t)
	s := startStores(t, emulator.Options{Container: emulator.Container{Path: self, Args: []string{"serve"}, Env: append(os.Environ(), lib, "GORACE="+quickRace)}})
	t.Run("a chain", func(t *testing.T) {
		t.Parallel()
		chainOnClouds(&stores{t: t, dir: t.TempDir(), open: s.open, uris: s.uris, services: s.services})
	})
	for _, name := range []string{"propensity", "recommendations", "forecast"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stores{t: t, dir: filepath.Join(t.TempDir(), name), open: s.open, uris: s.uris, services: s.services}
			if err := os.CopyFS(s.dir, os.DirFS(filepath.Join("..", "..", "examples", name))); err != nil {
				t.Fatal(err)
			}
			for _, left := range []string{"out", ".crossbatch"} {
				if err := os.RemoveAll(filepath.Join(s.dir, left)); err != nil {
					t.Fatal(err)
				}
			}
			blocks := ""
			for kind, block := range emulated {
				blocks += fmt.Sprintf(block, s.services[kind].Endpoint, 0)
			}
			if err := os.WriteFile(filepath.Join(s.dir, "cloud.crossbatch.hcl"), []byte(blocks), 0o644); err != nil {
				t.Fatal(err)
			}
			s.crossbatch(0, "submit", ".", "--wait", "--provider", "local.here")
			want := s.published()
			if len(want) == 0 {
				t.Fatal("nothing is published")
			}
			for kind := range emulated {
				s.crossbatch(0, "submit", ".", "--wait", "--provider", kind+".emulated", "--rerun")
				if diff := cmp.Diff(want, s.published()); diff != "" {
					t.Errorf("(-here +%s)\n%.3000s", kind, diff)
				}
				if runs := s.crossbatch(0, "list", "--json"); !strings.Contains(runs, kind+".emulated") {
					t.Errorf("list says %s", runs)
				}
			}
		})
	}
}

// chainAcross is a chain over two clouds and this machine, or on this machine alone.
const chainAcross = `
crossbatch {
  project = "chain"
}
provider "local" "here" {
}
variable "clouds" {
  default = false
}
locals {
  first  = var.clouds ? %q : "out/first/"
  middle = var.clouds ? %q : "out/middle/"
  last   = var.clouds ? "out/across/" : "out/here/"
}
model "sum" {
  artifact = "sum.onnx"
}
model "double" {
  artifact = "double.onnx"
}
job "last" {
  model    = model.double
  provider = provider.local.here
  input {
    source = [job.middle]
    key    = "key"
    tensor "x" {
      field = "prediction.y"
    }
  }
  output {
    destination = local.last
  }
}
job "middle" {
  model    = model.double
  provider = var.clouds ? provider.vertex.emulated : provider.local.here
  input {
    source = [job.first]
    key    = "key"
    tensor "x" {
      field = "prediction.y"
    }
  }
  output {
    destination = local.middle
    format      = "parquet"
  }
}
job "first" {
  model    = model.sum
  provider = var.clouds ? provider.sagemaker.emulated : provider.local.here
  input {
    source = ["in/*.jsonl"]
    key    = "id"
  }
  output {
    destination = local.first
  }
}
`

// chainOnClouds: each job reads what the one before it published elsewhere.
func chainOnClouds(s *stores) {
	blocks := ""
	for kind, block := range emulated {
		blocks += fmt.Sprintf(block, s.services[kind].Endpoint, 0)
	}
	files := map[string][]byte{
		"in/1.jsonl": rows(300), "in/2.jsonl": rows(20), "sum.onnx": models["sum"]().Bytes(), "double.onnx": models["double"]().Bytes(),
		"chain.crossbatch.hcl": []byte(blocks + fmt.Sprintf(chainAcross, s.at("s3", "chain/first/"), s.at("gcs", "chain/middle/"))),
	}
	if err := os.MkdirAll(filepath.Join(s.dir, "in"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), body, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	s.crossbatch(0, "apply", ".", "--auto-approve")
	if said := s.crossbatch(0, "apply", ".", "--auto-approve", "--var", "clouds=true"); !strings.Contains(said, "Apply complete: 3 run, 0 attached, 0 unchanged.") {
		s.t.Errorf("apply says %s", said)
	}
	if said := s.crossbatch(0, "plan", ".", "--var", "clouds=true", "--detailed-exitcode"); !strings.Contains(said, "3 unchanged") {
		s.t.Errorf("plan says %s", said)
	}
	if diff := cmp.Diff(s.parts(filepath.Join(s.dir, "out", "here")+"/"), s.parts(filepath.Join(s.dir, "out", "across")+"/")); diff != "" {
		s.t.Errorf("(-here +across)\n%.3000s", diff)
	}
}

// published is all parts below out, without the runs' digits in their names.
func (s *stores) published() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	found, err := filepath.Glob(filepath.Join(s.dir, "out", "*", "_manifest.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range found {
		folder := filepath.Dir(m)
		for name, text := range s.parts(folder + string(os.PathSeparator)) {
			all[filepath.Base(folder)+"/"+name] = text
		}
		all[filepath.Base(folder)+"/_manifest.json"] = manifestText(s.t, m)
	}
	return all
}

// manifestText is a manifest without what tells where and when a run was: its
// provider, machine and device, its own id, which is in the names of its parts, too, and times.
func manifestText(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m record.Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	run := m.Run[:8]
	m.Run, m.Provider, m.Machine, m.Started, m.Finished = "", "", "", time.Time{}, time.Time{}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), run, "RUN")
}
