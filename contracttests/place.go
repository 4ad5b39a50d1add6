package contracttests

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// How long an invariant waits for what has to come: on the backend's clock, and
// on this machine's.
const (
	patience = 30 * time.Minute
	atMost   = 3 * time.Minute
)

// place is where an invariant works: an area, and a ledger of its own.
type place struct {
	t     T
	h     Harness
	s     Setup
	ctx   context.Context
	clock clockwork.Clock
	open  storage.Opener
	area  string // URI prefix; ends in a slash
	dir   string // folder of the ledger
	model provider.Model

	patience time.Duration
}

func newPlace(t T, h Harness) *place {
	t.Helper()
	p := &place{t: t, h: h, s: h.New(t), patience: cmp.Or(h.patience, patience)}
	ctx, cancel := context.WithTimeout(t.Context(), atMost)
	t.Cleanup(cancel)
	p.ctx, p.clock, p.open, p.area = ctx, p.s.Clock, p.s.Open, p.s.Area
	if p.clock == nil {
		p.clock = clockwork.NewRealClock()
	}
	if p.open == nil {
		p.open = storage.OpenLocal
	}
	if p.area == "" {
		p.area = storage.FileURI(t.TempDir()) + "/"
	}
	p.dir = t.TempDir()
	p.model = p.saveModel()
	return p
}

// saveModel writes the suite's model beside the ledger.
func (p *place) saveModel() provider.Model {
	p.t.Helper()
	body := modelBytes()
	path := filepath.Join(p.dir, "models", "product.onnx")
	p.must(os.MkdirAll(filepath.Dir(path), 0o755))
	p.must(os.WriteFile(path, body, 0o644))
	sum := sha256.Sum256(body)
	return provider.Model{Name: "product", Artifact: path, Digest: hex.EncodeToString(sum[:])}
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%v", err)
	}
}

// openLedger opens the ledger as one process does.
func (p *place) openLedger() *ledger.Ledger { return p.openStepping(nil) }

// openStepping tells step of each write.
func (p *place) openStepping(step func(string)) *ledger.Ledger {
	p.t.Helper()
	b, err := storage.OpenFolder(filepath.Join(p.dir, "ledger"))
	p.must(err)
	p.t.Cleanup(func() { _ = b.Close() })
	l, err := ledger.Open(p.ctx, b, "", ledger.Options{Clock: p.clock, Rand: rand.Reader, Step: step})
	p.must(err)
	return l
}

// broker is another process's: it shares nothing with those before but the
// ledger and the area. m may be nil.
func (p *place) broker(m *tamper) *broker.Broker { return p.stepping(m, nil) }

// stepping is a broker that tells step of each thing that it does.
func (p *place) stepping(m *tamper, step func(string)) *broker.Broker {
	p.t.Helper()
	if m == nil {
		m = &tamper{}
	}
	b := broker.New(broker.Options{
		Ledger: p.openStepping(step), Open: p.open, Backend: m.over(p.s.Backend), Clock: p.clock,
		Jitter: func() float64 { return 0.5 }, Version: "contracttests", Step: step,
	})
	p.t.Cleanup(func() { _ = b.Close() })
	return b
}

// backend is a backend of its own on the area.
func (p *place) backend() provider.Backend {
	p.t.Helper()
	be, err := p.s.Backend(p.ctx, p.s.Block)
	p.must(err)
	p.t.Cleanup(func() { _ = be.Close() })
	return be
}

// pause waits as long as two looks at a job should lie apart.
func (p *place) pause(be provider.Backend) {
	p.t.Helper()
	p.wait(max(be.Capabilities().Poll.Min, 20*time.Millisecond))
}

// wait lets time pass on the backend's clock.
func (p *place) wait(d time.Duration) {
	p.t.Helper()
	if d <= 0 {
		return
	}
	select {
	case <-p.clock.After(d):
	case <-p.ctx.Done():
		p.t.Fatalf("waiting %v: %v", d, p.ctx.Err())
	}
}

// where is a place below the area as a job file names it: a path of this
// machine, or a URI.
func (p *place) where(rel string) string {
	if path, ok := storage.LocalPath(p.area); ok {
		return filepath.ToSlash(filepath.Clean(path)) + "/" + rel
	}
	return p.area + rel
}

// write puts objects below the area and says what they are.
func (p *place) write(folder string, files []sheet) job.Shards {
	p.t.Helper()
	b, prefix, err := p.open(p.ctx, p.where(folder))
	p.must(err)
	defer func() { _ = b.Close() }()
	var out job.Shards
	for _, f := range files {
		p.must(b.Replace(p.ctx, prefix+f.name, []byte(f.body)))
		out = append(out, job.Shard{URI: b.URI(prefix + f.name), Size: int64(len(f.body)), Digest: digest.Of([]byte(f.body))})
	}
	if p.s.Written != nil {
		p.s.Written(p.where(folder))
	}
	return out
}

// desired makes the run of a scenario; its inputs are written first.
func (p *place) desired(s scenario) broker.Desired {
	p.t.Helper()
	folder := "in/" + s.folder() + "/"
	shards := p.write(folder, s.files)
	j := s.job()
	j.Model = job.Model{Name: p.model.Name, Artifact: p.model.Artifact}
	for _, f := range s.files {
		j.Input.Source = append(j.Input.Source, p.where(folder+f.name))
	}
	j.Output.Destination = p.where("out/" + s.folder() + "/")
	j.Placement.Providers = []job.ProviderRef{{Kind: p.s.Block.Kind, Alias: p.s.Block.Alias}}
	if s.tune != nil {
		s.tune(&j)
	}
	if p.h.Tune != nil {
		p.h.Tune(&j)
	}
	return broker.Desired{
		Job: j, Provider: p.s.Block, Model: p.model, Shards: shards, Format: s.in, Scoring: scoring(j, s.in), Staging: p.area + "staging/",
	}
}

// spec is what the first attempt of a run would be translated from.
func (p *place) spec(d broker.Desired) provider.Spec {
	p.t.Helper()
	facts, err := p.backend().Inspect(p.ctx)
	p.must(err)
	const run = "0123456789abcdef0123"
	s := provider.Spec{
		Ledger: "00112233445566778899aabbccddeeff", Run: run, Attempt: 1, Job: d.Job, Model: d.Model,
		Input: provider.Input{Shards: d.Shards, Format: d.Format}, Output: d.Staging + "runs/" + run + "/a1/", Facts: facts,
	}
	for i := range d.Shards {
		s.Input.Take = append(s.Input.Take, i)
	}
	return p.lay(s)
}

// lay says where what a spec needs lies, on a backend that needs it staged.
func (p *place) lay(s provider.Spec) provider.Spec {
	p.t.Helper()
	s, err := broker.Lay(s, p.backend().Capabilities().Staging, scoring(s.Job, s.Input.Format))
	p.must(err)
	return s
}

// starts is how many native jobs an attempt of a run has.
func (p *place) starts(d broker.Desired) int {
	p.t.Helper()
	t, err := p.backend().Translate(p.spec(d))
	p.must(err)
	n := 0
	for _, q := range t.Requests {
		if q.Role == provider.Start {
			n++
		}
	}
	return n
}
