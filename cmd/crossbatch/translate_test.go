package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/provider"
	boxes "github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker"
)

// heard is the requests to make something that a control plane has understood.
type heard struct {
	mu   sync.Mutex
	made []sent
}

// sent is a request as it was shown or understood.
type sent struct{ Op, Target, Body string }

func (h *heard) disturb(_ context.Context, c sagemaker.Call) (none sagemaker.Disturbance) {
	if !strings.HasPrefix(c.Operation, "Create") || c.After {
		return none
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	body, err := provider.Canonical(json.RawMessage(c.Input))
	if err != nil {
		body = fmt.Append(nil, err)
	}
	h.made = append(h.made, sent{c.Operation, c.Region, string(body)})
	return none
}

func (h *heard) all() []sent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.made)
}

// newPlane starts a control plane that hears what it is asked to make and finishes
// nothing, and writes job files for it: two.crossbatch.hcl, three jobs of one model.
func (s *stores) newPlane() *heard {
	t := s.t
	t.Helper()
	h := &heard{}
	plane, err := sagemaker.New(sagemaker.Options{
		S3: s.services["s3"].Endpoint, Queueing: 24 * time.Hour, Disturb: h.disturb,
		Start: func(context.Context, boxes.Container) (boxes.Server, error) {
			return boxes.Server{}, errors.New("no job was to get so far")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	service := httptest.NewServer(plane)
	t.Cleanup(func() {
		service.CloseClientConnections()
		service.Close()
		if err := plane.Close(); err != nil {
			t.Error(err)
		}
	})
	files := map[string]string{
		"sum.onnx": string(models["sum"]().Bytes()), "in/a.jsonl": string(rows(5)), "in/b.jsonl": string(rows(3)),
		"table.csv": "a,b,c,who\n1,2,3,\"Ana <&> Bó\"\n",
		"two.crossbatch.hcl": fmt.Sprintf(`provider "sagemaker" "emulated" {
  region          = "eu-west-1"
  role_arn        = "arn:aws:iam::123456789012:role/batch"
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/crossbatch@sha256:%064d"
  staging         = "s3://bucket/staging"
  subnets         = ["subnet-1", "subnet-2"]
  security_groups = ["sg-1"]
  kms_key         = "alias/batch"
  tags            = { team = "growth" }
  endpoint        = %q

  network_isolation = true
}
model "sum" {
  artifact = "sum.onnx"
}
job "pieces" {
  for_each = toset(["x", "ü"])
  model    = model.sum
  input {
    source = ["in/*.jsonl"]
    key    = "id"
  }
  output {
    destination = "out/${each.key}/"
    compression = "gzip"
  }
  batching {
    concurrency = 2
    payload     = "3MiB"
  }
  env    = { GREETING = "<hello> & \u00fc" }
  labels = { cost = "42" }
}
job "table" {
  model = model.sum
  input {
    source = ["table.csv"]
    key    = "who"
    tensor "x" {
      fields = ["a", "b", "c"]
    }
  }
  output {
    destination = "out/table/"
    keep        = ["who"]
  }
  compute {
    cpus      = 8
    instances = 2
  }
  limits {
    timeout = "90m"
  }
}
`, 0, service.URL),
	}
	for name, text := range files {
		path := filepath.Join(s.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// What translate shows is what a service understands when the same jobs are
// submitted, in the same ledger.
func TestTranslatedIsSent(t *testing.T) {
	s := newStores(t)
	h := s.newPlane()
	s.crossbatch(0, "translate", "two.crossbatch.hcl")
	if _, err := os.Stat(filepath.Join(s.dir, ".crossbatch")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("translate left something: %v", err)
	}
	if made := h.all(); len(made) > 0 {
		t.Errorf("translate made %v", made)
	}
	s.crossbatch(0, "submit", "two.crossbatch.hcl")
	var shown struct {
		Jobs []struct{ Requests []provider.Request }
	}
	if err := json.Unmarshal([]byte(s.crossbatch(0, "translate", "two.crossbatch.hcl", "--json")), &shown); err != nil {
		t.Fatal(err)
	}
	var want []sent
	for _, j := range shown.Jobs {
		want = append(want, asked(t, want, j.Requests)...)
	}
	if len(want) != 4 {
		t.Fatalf("shown are %d requests, want a model and three jobs: %v", len(want), want)
	}
	if diff := cmp.Diff(want, h.all()); diff != "" {
		t.Errorf("(-shown +understood)\n%s", diff)
	}
}

// asked are the requests that a service hears after those of before: jobs share a
// model.
func asked(t *testing.T, before []sent, requests []provider.Request) (out []sent) {
	t.Helper()
	for _, q := range requests {
		body, err := provider.Canonical(q.Body)
		if err != nil {
			t.Fatal(err)
		}
		one := sent{q.Op, q.Target, string(body)}
		if q.Role == provider.Start || !slices.Contains(before, one) {
			out = append(out, one)
		}
	}
	return out
}
