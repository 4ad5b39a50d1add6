package contracttests

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

const fleetCostsPages = "fleet_costs_pages"

// fleetSize is how many runs a fleet has where the harness does not say.
const fleetSize = 1000

// fleetCosts: a look at a thousand runs costs the pages of one list. No native job
// is asked for by itself.
func fleetCosts(t T, h Harness) {
	if h.Idle == nil {
		t.Logf("%s has no area whose native jobs are never begun", h.Name)
		return
	}
	h.New = h.Idle
	p := newPlace(t, h)
	m := &tamper{}
	b := p.broker(m)
	fleet := p.fleet(b, m, cmp.Or(h.Fleet, fleetSize))
	p.wait(p.backend().Capabilities().Visibility)
	live, err := b.Live(p.ctx)
	p.must(err)
	if len(live) != len(fleet) {
		t.Fatalf("%d runs live, want %d", len(live), len(fleet))
	}
	m.forget()
	before := 0
	if p.s.Calls != nil {
		before = p.s.Calls()
	}
	runs, err := b.Watch(p.ctx, live, broker.WatchOptions{Once: true})
	p.must(err)
	for _, op := range []string{"send", "find", "describe", "list", "cancel", "results", "logs"} {
		if n := m.count(op); (op == "list") != (n == 1) || n > 1 {
			t.Errorf("a look at %d runs called %s %d times: one list is all that it needs", len(live), op, n)
		}
	}
	natives := 0
	for key, ns := range fleet {
		natives += len(ns)
		r := runs[key]
		if r.State.Over() || r.Attempt != 1 || r.Unreachable != "" || !slices.Contains(ns, r.NativeID) {
			t.Errorf("run %s is %s as %q at attempt %d, want it to live as %q: %s%s", key, r.State, r.NativeID, r.Attempt, ns, r.Reason, r.Unreachable)
		}
	}
	if p.s.Calls == nil || p.s.Page == 0 {
		return
	}
	if got, want := p.s.Calls()-before, (natives+p.s.Page-1)/p.s.Page; got != want {
		t.Errorf("a look at %d runs took %d calls, want %d pages of %d native jobs", len(live), got, want, p.s.Page)
	}
}

// fleetName is in everything that is of one run of a fleet alone.
func fleetName(i int) string { return fmt.Sprintf("fleet-%04d", i) }

// fleet makes runs that live, and gives the ids of their native jobs. The first one
// is submitted. The others have native jobs of their own, but histories that are
// copies of its history: to make a thousand of them safe on a disk takes a minute.
func (p *place) fleet(b *broker.Broker, m *tamper, size int) map[ledger.Key][]string {
	p.t.Helper()
	s, _ := plain(fleetName(0), 1, 2, 1, 1)
	first := p.submit(b, p.desired(s))
	spec, made := m.spec(), p.natives(first.Key)
	outputs := p.outputs(first.Key)
	history := p.events(first.Key)
	be := p.backend()
	out := map[ledger.Key][]string{first.Key: ids(made)}
	for i := 1; i < size; i++ {
		named := strings.NewReplacer(fleetName(0), fleetName(i))
		s := spec
		s.Job.Address, s.Job.Output.Destination = named.Replace(s.Job.Address), named.Replace(s.Job.Output.Destination)
		s.Run = job.RunID(s.Ledger, s.Job.Identity(), first.Fingerprint, first.Generation)
		s.Output = strings.ReplaceAll(s.Output, spec.Run, s.Run)
		t, err := be.Translate(s)
		p.must(err)
		key := ledger.KeyOf(s.Job.Identity(), first.Fingerprint, first.Generation)
		var own []string // what is there instead of what
		for _, q := range t.Requests {
			if q.Role != provider.Start {
				continue // they share it
			}
			q.Target, q.Body = outputs.Replace(q.Target), []byte(outputs.Replace(string(q.Body)))
			n, err := be.Send(p.ctx, q)
			p.must(err)
			own = append(own, made[len(out[key])].ID, n.ID)
			out[key] = append(out[key], n.ID)
		}
		folder := filepath.Join(p.dir, "ledger", filepath.FromSlash(string(key)))
		p.must(os.MkdirAll(folder, 0o755))
		other := strings.NewReplacer(append(own, spec.Run, s.Run, fleetName(0), fleetName(i))...)
		for name, text := range history {
			p.must(os.WriteFile(filepath.Join(folder, name), []byte(other.Replace(text)), 0o644))
		}
	}
	return out
}

func ids(ns []provider.Native) (out []string) {
	for _, n := range ns {
		out = append(out, n.ID)
	}
	return out
}

// events are the objects of a run's history by their names. Locks are left out but
// the last one, at which alone anybody looks.
func (p *place) events(key ledger.Key) map[string]string {
	p.t.Helper()
	folder := filepath.Join(p.dir, "ledger", filepath.FromSlash(string(key)))
	entries, err := os.ReadDir(folder)
	p.must(err)
	out, last := map[string]string{}, ""
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		p.must(err)
		if filepath.Ext(e.Name()) == ".lock" {
			delete(out, last)
			last = e.Name()
		}
		out[e.Name()] = string(text)
	}
	return out
}

// outputs puts what a run's requests answered in place of references to it.
func (p *place) outputs(key ledger.Key) *strings.Replacer {
	p.t.Helper()
	var pairs []string
	for _, e := range p.history(key) {
		if e.Native == nil {
			continue
		}
		for name, value := range e.Native.Outputs {
			ref := e.Request + "." + name
			pairs = append(pairs, `{"$ref":`+quote(ref)+`}`, quote(value), "${"+ref+"}", value)
		}
	}
	return strings.NewReplacer(pairs...)
}
