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
// SDKs, the emulators, and this program as the container. What is published has
// the bytes that a run on this machine gives.
func TestExamplesOnClouds(t *testing.T) {
	self, err := exec.LookPath("crossbatch")
	if err != nil {
		t.Fatal(err)
	}
	lib := onnx.PathVariable + "=" + library(t)
	s := startStores(t, emulator.Options{Container: emulator.Container{Path: self, Args: []string{"serve"}, Env: append(os.Environ(), lib, "GORACE="+quickRace)}})
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
