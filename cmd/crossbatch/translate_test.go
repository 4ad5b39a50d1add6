package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/crossbatch/crossbatch/core/provider"
	boxes "github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker"
	"github.com/crossbatch/crossbatch/local/emulator/vertex"
)

// heard is the requests to make something that a control plane has understood.
type heard struct {
	mu   sync.Mutex
	made []sent
}

// sent is a request as it was shown or understood.
type sent struct{ Op, Target, Body string }

// hear keeps what a control plane has understood.
func (h *heard) hear(op, target string, input []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, err := provider.Canonical(json.RawMessage(input))
	if err != nil {
		body = fmt.Append(nil, err)
	}
	h.made = append(h.made, sent{op, target, string(body)})
}

func (h *heard) all() []sent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.made)
}

// idle stands for containers of which none is started.
func idle(context.Context, boxes.Container) (boxes.Server, error) {
	return boxes.Server{}, errors.New("no job was to get so far")
}

// plane is a control plane that listens, and whose jobs are never begun.
type plane interface {
	http.Handler
	io.Closer
}

func (h *heard) sagemaker(s *stores) (plane, error) {
	return sagemaker.New(sagemaker.Options{
		S3: s.services["s3"].Endpoint, Queueing: 24 * time.Hour, Start: idle,
		Disturb: func(_ context.Context, c sagemaker.Call) (none sagemaker.Disturbance) {
			if strings.HasPrefix(c.Operation, "Create") && !c.After {
				h.hear(c.Operation, c.Region, c.Input)
			}
			return none
		},
	})
}

func (h *heard) vertex(s *stores) (plane, error) {
	return vertex.New(vertex.Options{
		GCS: s.services["gcs"].Endpoint, Queueing: 24 * time.Hour, Start: idle,
		Disturb: func(_ context.Context, c vertex.Call) (none vertex.Disturbance) {
			if strings.HasPrefix(c.Operation, "Create") && !c.After {
				h.hear(c.Operation, "projects/emulated-project/locations/"+c.Location, c.Input)
			}
			return none
		},
	})
}

// service is a control plane, and what its jobs are made of.
type service struct {
	plane    func(*heard, *stores) (plane, error)
	block    string // but its endpoint
	pieces   string // blocks of the first jobs
	requests int    // that three jobs of one model ask for
}

// services are the control planes that there are, by their providers' kinds.
func services() map[string]service {
	return map[string]service{
		"sagemaker": {(*heard).sagemaker, `
  region          = "eu-west-1"
  role_arn        = "arn:aws:iam::123456789012:role/batch"
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/crossbatch@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  staging         = "s3://bucket/staging"
  subnets         = ["subnet-1", "subnet-2"]
  security_groups = ["sg-1"]
  kms_key         = "alias/batch"
  tags            = { team = "growth" }

  network_isolation = true
`, `
  batching {
    concurrency = 2
    payload     = "3MiB"
  }
`, 4},
		"vertex": {(*heard).vertex, `
  project         = "emulated-project"
  location        = "europe-west4"
  image           = "europe-west4-docker.pkg.dev/emulated-project/batch/crossbatch@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  staging         = "gs://bucket/staging"
  service_account = "batch@emulated-project.iam.gserviceaccount.com"
  kms_key         = "projects/emulated-project/locations/europe-west4/keyRings/r/cryptoKeys/k"
  labels          = { team = "growth" }
`, `
  batching {
    concurrency = 2
    records     = 500
  }
`, 3},
	}
}

// newPlane starts the control plane, which hears what it is asked to make and finishes
// nothing, and writes job files for it: two.crossbatch.hcl, three jobs of one model.
func (c service) newPlane(t *testing.T, kind string) (*stores, *heard) {
	t.Helper()
	s := newStores(t)
	h := &heard{}
	p, err := c.plane(h, s)
	if err != nil {
		t.Fatal(err)
	}
	served := httptest.NewUnstartedServer(p)
	served.Config.Protocols = vertex.Protocols()
	served.Start()
	t.Cleanup(func() {
		served.CloseClientConnections()
		served.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	block, pieces := fmt.Sprintf("provider %q \"emulated\" {\n  endpoint = %q\n%s}\n", kind, served.URL, c.block), c.pieces
	files := map[string]string{
		"sum.onnx": string(models["sum"]().Bytes()), "in/a.jsonl": string(rows(5)), "in/b.jsonl": string(rows(3)),
		"table.csv": "a,b,c,who\n1,2,3,\"Ana <&> Bó\"\n",
		"two.crossbatch.hcl": block + `
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
` + pieces + `
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
`,
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
	return s, h
}

// What translate shows is what a service understands when the same jobs are
// submitted, in the same ledger.
func TestTranslatedIsSent(t *testing.T) {
	for kind, c := range services() {
		t.Run(kind, func(t *testing.T) {
			s, h := c.newPlane(t, kind)
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
			ensures := map[string]bool{}
			for _, j := range shown.Jobs {
				want = append(want, asked(t, want, j.Requests)...)
				for _, q := range j.Requests {
					ensures[q.Op] = q.Role == provider.Ensure
				}
			}
			if len(want) != c.requests {
				t.Fatalf("shown are %d requests, want %d: %v", len(want), c.requests, want)
			}
			// Jobs are begun side by side: in any order, and of those that share a
			// model each may ask for it before it is there.
			var got []sent
			for _, s := range h.all() {
				if !ensures[s.Op] || !slices.Contains(got, s) {
					got = append(got, s)
				}
			}
			if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(a, b sent) bool { return a.Body < b.Body })); diff != "" {
				t.Errorf("(-shown +understood)\n%s", diff)
			}
		})
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
