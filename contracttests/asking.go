package contracttests

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// asking: what a backend answers about native jobs.
var asking = []Invariant{
	{"unknown_is_not_found", unknownNative},
	{"states_move_forward", statesForward},
	{"terminal_absorbs", terminalAbsorbs},
	{"logs_end", logsEnd},
	{"closed_is_closed", closed},
	{"watching_costs_pages", watchingCosts},
	{fleetCostsPages, fleetCosts},
}

// answer is what a verb said of a native job.
type answer struct {
	verb string
	err  error
}

// verbs asks everything there is to ask of a native job.
func (p *place) verbs(be provider.Backend, spec provider.Spec, q provider.Request, n provider.Native) []answer {
	_, ferr := be.Find(p.ctx, q)
	_, derr := be.Describe(p.ctx, n)
	return []answer{
		{"find", ferr},
		{"describe", derr},
		{"cancel", be.Cancel(p.ctx, n)},
		{"logs", first(be.Logs(p.ctx, []provider.Native{n}, provider.LogOptions{}))},
		{"results", first(be.Results(p.ctx, spec, []provider.Native{n}))},
		{"delete", be.Delete(p.ctx, n)},
	}
}

// first is the first error of a sequence.
func first[V any](seq iter.Seq2[V, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// stranger is a native job that nobody made, named as those of a run are.
func stranger(n provider.Native, run string) provider.Native {
	const other = "fedcba98765432100123"
	was := n.ID
	n.Name = strings.ReplaceAll(n.Name, run, other)
	n.ID = strings.ReplaceAll(n.ID, run, other)
	n.Outputs = nil
	if n.ID == was { // the service chose it: other digits are another job
		n.ID = strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' {
				return '0' + '9' - c
			}
			return c
		}, n.ID)
	}
	return n
}

func unknownNative(t T, h Harness) {
	p := newPlace(t, h)
	s, _ := plain("known", 1, 2)
	d := p.desired(s)
	r, _ := p.succeed(d)
	spec := p.spec(d)
	be := p.backend()
	translation, err := be.Translate(spec)
	p.must(err)
	q := translation.Requests[len(translation.Requests)-1]
	for _, a := range p.verbs(be, spec, q, stranger(p.natives(r.Key)[0], r.ID)) {
		want := provider.NotFound
		switch a.verb {
		case "delete": // it is gone
			want = provider.OK
		case "results": // they may outlive the job
			if a.err == nil {
				continue
			}
		}
		if got := be.Code(a.err); got != want {
			t.Errorf("%s of an unknown native job is %s (%v), want %s", a.verb, got, a.err, want)
		}
	}
	p.made(p.starts(d))
}

func statesForward(t T, h Harness) {
	p := newPlace(t, h)
	s, _ := plain("onward", 2, 3, 3, 3)
	d := p.desired(s)
	r := p.submit(p.broker(nil), d)
	for _, n := range p.natives(r.Key) {
		p.onward(n)
	}
	p.ended(p.finish(p.broker(nil), r.Key), broker.Succeeded)
}

// onward asks for a native job until it is over, each time as another process.
func (p *place) onward(n provider.Native) {
	p.t.Helper()
	var seen provider.State
	begun := p.clock.Now()
	for !seen.Terminal() {
		be := p.backend()
		o, err := be.Describe(p.ctx, n)
		if err != nil {
			p.t.Fatalf("describe %s: %v", n.ID, err)
		}
		if seen.Clamp(o.State) != o.State {
			p.t.Fatalf("%s was %s, now it is %s", n.ID, seen, o.State)
		}
		if seen = o.State; p.clock.Since(begun) > p.patience {
			p.t.Fatalf("%s stays %s", n.ID, seen)
		}
		p.pause(be)
	}
}

func terminalAbsorbs(t T, h Harness) {
	p := newPlace(t, h)
	s, _ := plain("still", 3, 2, 2)
	r, _ := p.succeed(p.desired(s))
	for _, n := range p.natives(r.Key) {
		for range 3 {
			be := p.backend()
			p.is(be, n, provider.Succeeded)
			_ = be.Cancel(p.ctx, n) // cancel_after_end_changes_nothing looks at the answer
			p.is(be, n, provider.Succeeded)
			for o, err := range be.List(p.ctx, provider.Query{}) {
				if err != nil {
					t.Fatalf("list: %v", err)
				}
				if o.Native.ID == n.ID && o.State != provider.Succeeded {
					t.Errorf("the list has %s as %s, want %s", n.ID, o.State, provider.Succeeded)
				}
			}
			p.pause(be)
		}
	}
}

func logsEnd(t T, h Harness) {
	p := newPlace(t, h)
	s, _ := plain("told", 4, 2, 2)
	r, _ := p.succeed(p.desired(s))
	const most = 10_000
	for _, follow := range []bool{false, true} {
		n := 0
		for _, err := range p.broker(nil).Logs(p.ctx, r.Key, provider.LogOptions{Follow: follow}) {
			if err != nil {
				t.Fatalf("logs: %v", err)
			}
			if n++; n > most {
				t.Fatalf("the log of a finished job (follow: %t) does not end", follow)
			}
		}
		for line, err := range p.backend().Logs(p.ctx, p.natives(r.Key), provider.LogOptions{Follow: follow}) {
			if err != nil || strings.ContainsAny(line.Text, "\n") {
				t.Fatalf("log line %q: %v", line.Text, err)
			}
			if n++; n > 2*most {
				t.Fatalf("the log of a finished job (follow: %t) does not end", follow)
			}
		}
	}
}

func closed(t T, h Harness) {
	p := newPlace(t, h)
	s, _ := plain("closed", 5, 2)
	d := p.desired(s)
	r, _ := p.succeed(d)
	spec := p.spec(d)
	be := p.backend()
	translation, err := be.Translate(spec)
	p.must(err)
	p.must(be.Close())
	q := translation.Requests[len(translation.Requests)-1]
	answers := p.verbs(be, spec, q, p.natives(r.Key)[0])
	_, ierr := be.Inspect(p.ctx)
	_, serr := be.Send(p.ctx, q)
	answers = append(answers, answer{"inspect", ierr}, answer{"send", serr}, answer{"list", first(be.List(p.ctx, provider.Query{}))})
	for _, a := range answers {
		if !errors.Is(a.err, provider.ErrClosed) {
			t.Errorf("%s after close: %v, want %v", a.verb, a.err, provider.ErrClosed)
		}
	}
	p.made(p.starts(d))
}

// watchingCosts: one look at many runs costs the pages of a list, not a call a
// run.
func watchingCosts(t T, h Harness) {
	const many = 6
	p := newPlace(t, h)
	p.s.Jobs.Hold(0)
	b := p.broker(nil)
	var keys []ledger.Key
	for i := range many {
		s, _ := plain(fmt.Sprintf("many-%d", i), 10+i, 2, 1)
		keys = append(keys, p.submit(b, p.desired(s)).Key)
	}
	for _, key := range keys {
		p.standing(key)
	}
	p.wait(p.backend().Capabilities().Visibility)
	m := &tamper{}
	watcher, before := p.broker(m), 0
	if p.s.Calls != nil {
		before = p.s.Calls()
	}
	runs, err := watcher.Watch(p.ctx, keys, broker.WatchOptions{Once: true})
	p.must(err)
	if n := m.count("describe"); n > 0 {
		t.Errorf("a look at %d runs asked for %d native jobs one by one: the list does not hold them", many, n)
	}
	if n := m.count("list"); n != 1 {
		t.Errorf("a look at %d runs listed %d times, want once", many, n)
	}
	if p.s.Calls != nil && p.s.Calls()-before >= many {
		t.Errorf("a look at %d runs took %d calls", many, p.s.Calls()-before)
	}
	for _, key := range keys {
		if runs[key].State.Over() || runs[key].NativeID == "" {
			t.Errorf("run %s is %s while its native job stands still", key, runs[key].State)
		}
	}
	p.s.Jobs.Hold(-1)
	for key, r := range p.watch(watcher, keys...) {
		if r.State != broker.Succeeded {
			t.Errorf("run %s is %s: %s", key, r.State, r.Reason)
		}
	}
}
