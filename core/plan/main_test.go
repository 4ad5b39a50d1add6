package plan_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// instant is a service whose jobs are over at once: each shard has one record, which
// is scored.
type instant struct {
	provider.Backend
	mu    sync.Mutex
	sent  []provider.Request
	facts string
}

func (*instant) Capabilities() provider.Capabilities {
	return provider.Capabilities{Guarantee: provider.Named}
}
func (i *instant) Inspect(context.Context) (provider.Facts, error) {
	return provider.Facts{Region: i.facts}, nil
}

func (*instant) Check(s provider.Spec) []provider.Finding {
	if s.Job.Compute.Spot {
		return []provider.Finding{{Field: "compute.spot", Level: provider.Lost, Message: "never"}}
	}
	return nil
}

func (*instant) Translate(s provider.Spec) (provider.Translation, error) {
	body, err := provider.Canonical(map[string]any{"output": s.Output, "job": s.Job.Address, "input": s.Input, "region": s.Facts.Region})
	return provider.Translation{Requests: []provider.Request{{
		ID: "start", Role: provider.Start, Op: "Create", Name: provider.NativeName(s.Job.Address, s.Run, s.Attempt, 0, 1), Parts: 1, Body: body,
	}}}, err
}

func (i *instant) Send(_ context.Context, q provider.Request) (provider.Native, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sent = append(i.sent, q)
	return provider.Native{Request: q.ID, Name: q.Name, ID: q.Name, Parts: 1}, nil
}

func (*instant) Describe(_ context.Context, n provider.Native) (provider.Observation, error) {
	return provider.Observation{Native: n, State: provider.Succeeded}, nil
}

func (*instant) Results(_ context.Context, s provider.Spec, _ []provider.Native) iter.Seq2[provider.Piece, error] {
	return func(yield func(provider.Piece, error) bool) {
		dir, _ := storage.LocalPath(s.Output)
		for _, n := range s.Input.Take {
			in := s.Input.Shards[n]
			p := provider.Part{Folder: s.Output, Shard: record.Shard{URI: in.URI, Size: in.Size, Digest: in.Digest, Counts: record.Counts{In: 1, OK: 1}}}
			body := fmt.Sprintf("{\"key\":\"%d:0\"}\n", n)
			p.Shard.Part = record.File{Name: fmt.Sprintf("part-%d", n), Size: int64(len(body)), Digest: digested(body)}
			err := os.MkdirAll(dir, 0o755)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, p.Shard.Part.Name), []byte(body), 0o644)
			}
			if !yield(provider.Piece{Shard: n, Part: &p}, err) {
				return
			}
		}
	}
}

func (*instant) Code(err error) provider.Code { return provider.CodeOf(err) }
func (*instant) Close() error                 { return nil }

func digested(s string) string {
	d := digest.New()
	_, _ = d.Write([]byte(s))
	return d.String()
}

// place is a folder with a ledger and a service.
type place struct {
	dir     string
	service *instant
	ledger  *ledger.Ledger
	*broker.Broker
}

func newPlace(t testing.TB, dir string) *place {
	t.Helper()
	bucket, prefix, err := storage.OpenLocal(context.Background(), filepath.Join(dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(context.Background(), bucket, prefix, ledger.Options{Clock: clockwork.NewRealClock()})
	if err != nil {
		t.Fatal(err)
	}
	p := &place{dir: dir, service: &instant{facts: "here"}, ledger: l}
	p.Broker = p.broker(l)
	t.Cleanup(func() {
		_ = p.Close()
		_ = bucket.Close()
	})
	return p
}

func (p *place) broker(l *ledger.Ledger) *broker.Broker {
	return broker.New(broker.Options{
		Ledger: l, Open: storage.OpenLocal, Clock: clockwork.NewRealClock(), Jitter: func() float64 { return 0.5 },
		Backend: func(context.Context, ledger.Block) (provider.Backend, error) { return p.service, nil },
	})
}

// input writes files and gives them as shards.
func (p *place) input(t testing.TB, name string, bodies ...string) job.Shards {
	t.Helper()
	var out job.Shards
	for n, body := range bodies {
		path := filepath.Join(p.dir, "in", name, fmt.Sprintf("%03d.jsonl", n))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(body), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, job.Shard{URI: storage.FileURI(path), Size: int64(len(body)), Digest: digested(body)})
	}
	return out
}

// wanted is a job with that input.
func (p *place) wanted(name string, shards job.Shards) broker.Desired {
	return broker.Desired{
		Job: job.Job{
			Project: "p", Address: "job." + name, Model: job.Model{Name: "m", Artifact: "m.onnx"},
			Input:     job.Input{CSV: job.Dialect{Header: true, Delimiter: ","}},
			Output:    job.Output{Destination: storage.FileURI(filepath.Join(p.dir, "out", name)) + "/", Format: job.JSONL, Existing: job.ExistingReplace},
			Placement: job.Placement{Providers: []job.ProviderRef{{Kind: "x", Alias: "y"}}},
		},
		Provider: ledger.Block{Kind: "x", Alias: "y", Config: []byte("{}")}, Model: provider.Model{Name: "m", Artifact: "m.onnx", Digest: strings.Repeat("a", 64)},
		Shards: shards, Format: job.JSONL, Staging: storage.FileURI(filepath.Join(p.dir, "staging")) + "/",
	}
}

// finish submits a run and sees it through.
func (p *place) finish(ctx context.Context, d broker.Desired) (broker.Run, error) {
	r, err := p.Submit(ctx, d)
	if err != nil {
		return r, err
	}
	runs, err := p.Watch(ctx, []ledger.Key{r.Key}, broker.WatchOptions{})
	return runs[r.Key], err
}
