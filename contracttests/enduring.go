package contracttests

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// enduring: what goes wrong on the way is got over, and tells no secret.
var enduring = []Invariant{
	{"throttles_and_5xx_are_survived", throttled},
	{"stale_list_decides_nothing", staleList},
	{"died_is_retried", died},
	{"retries_end", retriesEnd},
	{"stopped_anywhere_another_goes_on", stoppedAnywhere},
	{"no_secret_anywhere", noSecret},
}

// stopsAtOnce is how many processes are stopped at a time, each in an area of its
// own: they spend their time waiting.
const stopsAtOnce = 8

// stoppedAnywhere stops a process at each of its steps, in turn: before and after
// every write to the ledger and every call. Another process finishes the run.
// Then the first one goes on, as one does that was only slow.
func stoppedAnywhere(t T, h Harness) {
	var steps [stopsAtOnce]int
	last := false // some process ended before it was stopped
	for stop := 1; !last; stop += len(steps) {
		var all sync.WaitGroup
		for i := range steps {
			all.Go(func() { steps[i] = newPlace(t, h).stoppedAt(stop + i) })
		}
		all.Wait()
		for i, n := range steps {
			last = last || n < stop+i
		}
	}
	if n := slices.Max(steps[:]); n < 20 {
		t.Errorf("a run has only %d steps", n)
	}
}

// stoppedAt stops at one step; it returns how many there were.
func (p *place) stoppedAt(stop int) (steps int) {
	p.t.Helper()
	s, want := plain("stopped", 1, 2, 1)
	d := p.desired(s)
	reached, goOn, done := make(chan string, 1), make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	stepped := func(point string) {
		mu.Lock()
		steps++
		here := steps == stop
		mu.Unlock()
		if here {
			reached <- point
			<-goOn
		}
	}
	go func() {
		defer close(done)
		b := p.stepping(nil, stepped)
		r, err := b.Submit(p.ctx, d)
		if err == nil {
			_, err = b.Watch(p.ctx, []ledger.Key{r.Key}, broker.WatchOptions{})
		}
		if err != nil {
			p.t.Errorf("who was stopped: %v", err)
		}
	}()
	var point string
	select {
	case point = <-reached:
	case <-done: // it has fewer steps
		p.equal(p.read(d.Job.Output.Destination), want)
		return steps
	}
	other := p.broker(nil)
	live, err := other.Live(p.ctx)
	if err == nil {
		_, err = other.Watch(p.ctx, live, broker.WatchOptions{})
	}
	r, serr := other.Submit(p.ctx, d) // begins what was stopped before it was begun
	if serr == nil && !r.State.Over() {
		r = p.finish(other, r.Key)
	}
	close(goOn)
	<-done
	if err != nil || serr != nil {
		p.t.Fatalf("%s: who came next: %v, %v", point, err, serr)
	}
	if r.State != broker.Succeeded {
		p.t.Fatalf("%s: the run is %s (%s)", point, r.State, r.Reason)
	}
	p.equal(p.read(d.Job.Output.Destination), want)
	p.once(point, p.starts(d))
	problems, err := p.openLedger().Fsck(p.ctx)
	p.must(err)
	for _, f := range problems {
		p.t.Errorf("%s: %s: %s", point, f.Object, f.Message)
	}
	return steps
}

// once checks that so many native jobs succeeded, and that no others are left.
// Where the service has no key for a start, one that came too late was cancelled.
func (p *place) once(point string, want int) {
	p.t.Helper()
	be := p.backend()
	p.wait(be.Capabilities().Visibility)
	p.over()
	succeeded, others := 0, 0
	for o, err := range be.List(p.ctx, provider.Query{}) {
		p.must(err)
		if o.State == provider.Succeeded {
			succeeded++
		} else {
			others++
		}
	}
	if succeeded != want || others > 0 && be.Capabilities().Guarantee != provider.Lookup {
		p.t.Errorf("%s: %d native jobs succeeded and %d others were made, want %d", point, succeeded, others, want)
	}
}

// throttled refuses every second call of each kind for a while.
func throttled(t T, h Harness) {
	p := newPlace(t, h)
	s, want := plain("throttled", 1, 3, 2)
	d := p.desired(s)
	var mu sync.Mutex
	calls := map[string]int{}
	m := &tamper{before: func(c call) error {
		if c.Op == "translate" {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		calls[c.Op]++
		switch calls[c.Op] {
		case 1:
			return &provider.Error{Code: provider.Throttled, Message: "slow down"}
		case 3:
			return &provider.Error{Code: provider.Unavailable, Message: "503"}
		}
		return nil
	}}
	// A start that may have been made is not sent twice: it is looked for.
	r := p.insist(m, d)
	p.ended(p.finish(p.broker(m), r.Key), broker.Succeeded)
	p.equal(p.read(d.Job.Output.Destination), want)
	p.over()
	p.sentAgain()
}

// sentAgain: a start that was refused as one too many was not made, and costs no
// attempt.
func (p *place) sentAgain() {
	p.t.Helper()
	before, err := p.s.Jobs.Count(p.ctx)
	p.must(err)
	s, want := plain("throttled once", 4, 2, 2)
	d := p.desired(s)
	var once sync.Once
	r := p.insist(&tamper{before: func(c call) (err error) {
		if c.Op == "send" && c.Request.Role == provider.Start {
			once.Do(func() { err = &provider.Error{Code: provider.Throttled, Message: "slow down"} })
		}
		return err
	}}, d)
	r = p.finish(p.broker(nil), r.Key)
	p.ended(r, broker.Succeeded)
	if r.Attempt != 1 {
		p.t.Errorf("the run took %d attempts, want 1: a throttled start was given up", r.Attempt)
	}
	p.equal(p.read(d.Job.Output.Destination), want)
	p.made(before + p.starts(d))
}

// staleList: a list that does not have a job yet, or tells of one how it was, makes
// nobody think that the job is gone, start another, or go backwards.
func staleList(t T, h Harness) {
	const many = 5 // so that lists are used
	p := newPlace(t, h)
	p.s.Jobs.Hold(0)
	m := &tamper{}
	b := p.broker(m)
	var keys []ledger.Key
	starts := 0
	for i := range many {
		s, _ := plain(fmt.Sprintf("stale-%d", i), 60+i, 2, 1)
		d := p.desired(s)
		keys, starts = append(keys, p.submit(b, d).Key), starts+p.starts(d)
	}
	for _, key := range keys {
		p.standing(key)
	}
	p.wait(p.backend().Capabilities().Visibility)
	was := map[ledger.Key]broker.State{}
	look := func(how string) {
		t.Helper()
		runs, err := b.Watch(p.ctx, keys, broker.WatchOptions{Once: true})
		p.must(err)
		for _, key := range keys {
			now := runs[key].State
			if now.Over() || now == broker.Collecting || runs[key].Attempt != 1 || provider.State(was[key]).Clamp(provider.State(now)) != provider.State(now) {
				t.Errorf("%s: run %s was %q and is %q, at attempt %d (%s)", how, key, was[key], now, runs[key].Attempt, runs[key].Reason)
			}
			was[key] = now
		}
	}
	as := func(s provider.State) func(provider.Observation) (provider.Observation, bool) {
		return func(o provider.Observation) (provider.Observation, bool) {
			o.State, o.Code, o.Detail = s, provider.OK, "as it was"
			return o, true
		}
	}
	none := func(o provider.Observation) (provider.Observation, bool) { return o, false }
	look("a list that is up to date")
	m.listed = none
	look("a list without the jobs")
	m.listed = as(provider.Queued)
	look("a list as things were when the jobs began")
	p.s.Jobs.Hold(-1)
	p.over()
	m.listed = as(provider.Running)
	look("a list that has not heard of the end")
	p.made(starts)
	m.listed = none // each is asked for
	for key, r := range p.watch(b, keys...) {
		if r.State != broker.Succeeded || r.Attempt != 1 {
			t.Errorf("run %s is %s at attempt %d: %s", key, r.State, r.Attempt, r.Reason)
		}
	}
	p.made(starts)
}

// died: what an attempt finished before its machine died is not scored again.
func died(t T, h Harness) {
	p := newPlace(t, h)
	p.s.Jobs.Hold(1)
	s, want := plain("died", 2, 3, 3, 3, 3, 3, 3, 3, 3)
	d := p.desired(s)
	m := &tamper{}
	b := p.broker(m)
	key := p.submit(b, d).Key
	for _, n := range p.standing(key) {
		p.must(p.s.Jobs.Kill(p.ctx, n))
	}
	p.s.Jobs.Hold(-1)
	r := p.finish(b, key)
	p.ended(r, broker.Succeeded)
	if r.Attempt != 2 {
		t.Errorf("the run took %d attempts, want 2", r.Attempt)
	}
	p.equal(p.read(d.Job.Output.Destination), want)
	finished := p.complete(key, 1)
	if len(finished) == 0 {
		t.Errorf("the first attempt finished a shard, and the ledger does not say so")
	}
	for _, shard := range m.taken()[2] {
		if slices.Contains(finished, shard) {
			t.Errorf("the second attempt covers shard %d, which the first one finished", shard)
		}
	}
	p.made(2 * p.starts(d))
}

// complete lists the shards that an attempt finished by the ledger.
func (p *place) complete(key ledger.Key, attempt int) []int {
	p.t.Helper()
	var out []int
	for _, e := range p.history(key) {
		if e.Kind != ledger.Ended || e.Attempt != attempt {
			continue
		}
		for _, r := range e.Ended.Complete {
			for i := r.First; i <= r.Last; i++ {
				out = append(out, i)
			}
		}
	}
	return out
}

// retriesEnd: an attempt that always dies is not begun for ever.
func retriesEnd(t T, h Harness) {
	p := newPlace(t, h)
	p.s.Jobs.Hold(0)
	s, _ := plain("dies", 3, 3, 3)
	d := p.desired(s)
	d.Job.Limits.Retries = 1
	b := p.broker(nil)
	key := p.submit(b, d).Key
	for attempt := 1; attempt <= 2; attempt++ {
		for _, n := range p.standing(key) {
			p.must(p.s.Jobs.Kill(p.ctx, n))
		}
		runs, err := b.Watch(p.ctx, []ledger.Key{key}, broker.WatchOptions{Once: true})
		p.must(err)
		for !runs[key].State.Over() && runs[key].Attempt == attempt { // its death may be seen late
			p.pause(p.backend())
			runs, err = b.Watch(p.ctx, []ledger.Key{key}, broker.WatchOptions{Once: true})
			p.must(err)
		}
	}
	r := p.finish(b, key)
	p.ended(r, broker.Failed)
	if r.Attempt != 2 || r.Reason == "" {
		t.Errorf("the run failed after %d attempts (%q), want 2 and a reason", r.Attempt, r.Reason)
	}
	p.made(2 * p.starts(d))
	p.over()
	p.empty(d.Job.Output.Destination)
}

// noSecret looks for the backend's credentials in all that is written and said.
func noSecret(t T, h Harness) {
	p := newPlace(t, h)
	secret := p.s.Secret
	if secret == "" {
		t.Logf("%s has no secret to look for", h.Name)
		return
	}
	check := func(where, text string) {
		t.Helper()
		if strings.Contains(text, secret) {
			t.Errorf("the secret stands in %s", where)
		}
	}
	s, _ := plain("hidden", 4, 3)
	d := p.desired(s)
	r, _ := p.succeed(d)
	be := p.backend()
	check("a translation", p.translate(be, p.spec(d)))
	translation, err := be.Translate(p.spec(d))
	p.must(err)
	q := translation.Requests[len(translation.Requests)-1]
	for _, a := range p.verbs(be, p.spec(d), q, stranger(p.natives(r.Key)[0], r.ID)) {
		if a.err != nil {
			check("the error of "+a.verb, a.err.Error())
		}
	}
	facts, err := be.Inspect(p.ctx)
	p.must(err)
	for k, v := range facts.Notes {
		check("a fact", k+v)
	}
	for line, err := range be.Logs(p.ctx, p.natives(r.Key), provider.LogOptions{}) {
		p.must(err)
		check("a log", line.Text)
	}
	p.must(filepath.WalkDir(filepath.Join(p.dir, "ledger"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		check("the ledger's "+filepath.Base(path), string(body))
		return err
	}))
}
