package contracttests

import (
	"errors"
	"strings"
	"sync"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// mending: what a run left without a prediction is tried again, and nothing else.
var mending = []Invariant{
	{"a_retry_mends_what_a_run_left", mends},
	{"a_retry_in_any_format", mendsTables},
	{"a_retry_stands_on_its_base", mendsBase},
}

// mends: a run that dies after its first shard leaves a partial result, in which
// records have failed, too. Trying again scores these and those that were skipped; what
// fails again, or is given up, leaves the result as it stands.
func mends(t T, h Harness) {
	p := newPlace(t, h)
	s, want := plain("mended", 7, 3, 4, 3, 3, 3, 3, 3, 3)
	bad := `{"id":"bad","name":"n","a":"no","b":1,"c":1}` + "\n"
	failed := map[int][]string{0: {"row 1 wrong_type", "row 3 wrong_type"}, 5: {"row 1 wrong_type"}} // by shard
	for i, rows := range failed {
		lines := strings.SplitAfter(s.files[i].body, "\n")
		s.files[i].body = lines[0] + bad + lines[1]
		if len(rows) > 1 { // they do not follow one another
			s.files[i].body += bad
		}
		s.files[i].body += strings.Join(lines[2:], "")
	}
	d := p.desired(s)
	d.Job.Limits.Retries = 0
	again := d
	again.RetryFailed = true
	again.Job.Limits.FailedRecords = &job.Tolerance{Count: 3} // limits are in no fingerprint
	b := p.broker(nil)
	if _, err := b.Submit(p.ctx, again); !errors.Is(err, broker.ErrNoRetry) {
		t.Errorf("records of a job that has not run are tried again: %v", err)
	}
	p.s.Jobs.Hold(1)
	base := p.submit(b, d)
	for _, n := range p.standing(base.Key) {
		p.must(p.s.Jobs.Kill(p.ctx, n))
	}
	p.s.Jobs.Hold(-1)
	base = p.finish(b, base.Key)
	p.ended(base, broker.Partial)
	if c := base.Counts; c.In != 28 || c.Skipped == 0 || c.OK == 0 {
		t.Fatalf("the run counts %+v, want 28 records and some of them skipped", c)
	}
	before := p.read(d.Job.Output.Destination)

	// Given up, it leaves everything as it was, for the next one, too.
	p.s.Jobs.Hold(0)
	given := p.submit(b, again)
	if given.ID == base.ID || given.Generation != base.Generation+1 || given.Fingerprint != base.Fingerprint {
		t.Errorf("records are tried again as run %s, generation %d, after %s, generation %d", given.ID, given.Generation, base.ID, base.Generation)
	}
	if joined := p.submit(p.broker(nil), again); joined.ID != given.ID {
		t.Errorf("asked for again, %s is begun beside %s", joined.ID, given.ID)
	}
	p.standing(given.Key)
	p.cancel(b, given.Key)
	p.ended(p.finish(b, given.Key), broker.Cancelled)
	p.s.Jobs.Hold(-1)
	if now := p.read(d.Job.Output.Destination); now.manifest.Run != base.ID || len(now.bodies) != len(before.bodies) {
		t.Errorf("a retry that was cancelled leaves the result of run %s and %d objects, want %s and %d", now.manifest.Run, len(now.bodies), base.ID, len(before.bodies))
	}
	if same := p.submit(b, d); same.ID != base.ID || same.State != broker.Partial {
		t.Errorf("after it the job is satisfied by %s (%s), want %s", same.ID, same.State, base.ID)
	}

	facts, err := b.Inspect(p.ctx, again.Provider)
	p.must(err)
	draft, err := b.Draft(p.ctx, again, given.Generation+1, facts)
	p.must(err)
	if d := draft.Retried; d == nil || d.Run != base.ID || d.Failed != base.Counts.Failed || d.Skipped != base.Counts.Skipped || d.Input == 0 || d.Result == 0 {
		t.Errorf("a plan says that %+v is tried again, after a run that counts %+v", d, base.Counts)
	}
	again.Planned = &broker.Planned{Generation: given.Generation + 1, Facts: facts, Translation: draft.Translation} // sent is what it shows
	m := &tamper{}
	r := p.overtaken(m, again, "after commit")
	p.ended(r, broker.Succeeded)
	out := p.read(d.Job.Output.Destination)
	if c := (record.Counts{In: 28, OK: 25, Failed: 3}); r.Counts != c || out.manifest.Totals != c || out.manifest.Run != r.ID || out.manifest.Retried != base.ID {
		t.Errorf("the run counts %+v; the manifest of %s, which mends %s, counts %+v; want %+v", r.Counts, out.manifest.Run, out.manifest.Retried, out.manifest.Totals, c)
	}
	p.equal(out, want)
	for i, rows := range failed {
		got := p.failures(out.failed(i))
		for n, row := range rows {
			if len(got) != len(rows) || !strings.HasSuffix(got[n], row) {
				t.Errorf("shard %d names failed records %q, want %q", i, got, rows)
			}
		}
	}
	for _, shard := range m.taken()[1] {
		if s := before.manifest.Shards[shard]; s.Left() == 0 {
			t.Errorf("the retry covers shard %d, of which nothing was left", shard)
		}
	}
	if same := p.submit(b, d); same.ID != r.ID {
		t.Errorf("mended, the job is satisfied by %s, want %s", same.ID, r.ID)
	}
}

// mendsTables: rows of CSV and of Parquet are merged as those of JSON Lines are; no
// result remembers how often it was mended.
func mendsTables(t T, h Harness) {
	for format, point := range map[job.Format]string{job.CSV: "before commit", job.Parquet: "before clean"} {
		p := newPlace(t, h)
		s, _ := plain("table-"+string(format), 8, 3, 3, 3)
		s.out = format
		lines := strings.SplitAfter(s.files[1].body, "\n")
		s.files[1].body = lines[0] + "no record\n" + strings.Join(lines[1:], "")
		s.tune = func(j *job.Job) {
			if format == job.CSV {
				j.Output.Compression = job.CompressionZstd
			}
		}
		d := p.desired(s)
		b := p.broker(nil)
		base := p.finish(b, p.submit(b, d).Key)
		p.ended(base, broker.Partial)
		before := p.read(d.Job.Output.Destination)
		d.RetryFailed = true
		r := p.overtaken(nil, d, point)
		p.ended(r, broker.Partial)
		out := p.read(d.Job.Output.Destination)
		if r.ID == base.ID || r.Counts != base.Counts {
			t.Errorf("%s: run %s counts %+v, run %s before it %+v", format, r.ID, r.Counts, base.ID, base.Counts)
		}
		for i := range before.manifest.Shards {
			if out.failed(i) != before.failed(i) {
				t.Errorf("%s: shard %d names failed records %s, want %s", format, i, out.failed(i), before.failed(i))
			}
			if format == job.CSV {
				p.same(i, "predictions", p.unpack(out.part(i), job.CompressionZstd), p.unpack(before.part(i), job.CompressionZstd))
			} else if out.part(i) != before.part(i) {
				t.Errorf("shard %d has other bytes than before", i)
			}
		}
	}
}

// mendsBase: a retry that answers nothing changes nothing; nor does one whose base is
// not what it was, whatever it answered.
func mendsBase(t T, h Harness) {
	p := newPlace(t, h)
	s, _ := plain("base", 9, 3, 2)
	s.files[0].body += "no record\n"
	s.tune = func(j *job.Job) { j.Output.Existing, j.Limits.Retries = job.ExistingFail, 0 }
	d := p.desired(s)
	b := p.broker(nil)
	base := p.finish(b, p.submit(b, d).Key)
	p.ended(base, broker.Partial)
	before := p.read(d.Job.Output.Destination)
	d.RetryFailed = true
	unchanged := func(want string) {
		p.t.Helper()
		now, _ := p.peek(d.Job.Output.Destination)
		if len(now.bodies) != len(before.bodies) || now.bodies[record.ManifestName] != want {
			t.Errorf("a retry that failed leaves %d objects, want %d and the manifest as it was", len(now.bodies), len(before.bodies))
		}
	}

	p.s.Jobs.Hold(0)
	r := p.submit(b, d)
	for _, n := range p.standing(r.Key) {
		p.must(p.s.Jobs.Kill(p.ctx, n))
	}
	r = p.finish(b, r.Key)
	p.ended(r, broker.Failed)
	if r.Reason == "" || r.Code == provider.OK {
		t.Errorf("it failed with code %s: %q", r.Code, r.Reason)
	}
	unchanged(before.bodies[record.ManifestName])

	r = p.submit(b, d)
	p.standing(r.Key)
	other := *before.manifest
	other.Provider += "x"
	body, err := other.Encode()
	p.must(err)
	dest, prefix, err := p.open(p.ctx, d.Job.Output.Destination)
	p.must(err)
	defer func() { _ = dest.Close() }()
	p.must(dest.Replace(p.ctx, prefix+record.ManifestName, body))
	p.s.Jobs.Hold(-1)
	r = p.finish(b, r.Key)
	p.ended(r, broker.Failed)
	if r.Code != provider.Conflict {
		t.Errorf("over another base it failed with code %s: %q", r.Code, r.Reason)
	}
	unchanged(string(body))
}

// overtaken begins a run whose process stands still at a step. Another one sees the run
// through; then the first goes on, as one does that was only slow. Whoever follows the
// manifest meanwhile sees a whole result.
func (p *place) overtaken(m *tamper, d broker.Desired, point string) broker.Run {
	p.t.Helper()
	reached, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	slow := p.stepping(m, func(at string) {
		if at == point {
			once.Do(func() {
				close(reached)
				<-goOn
			})
		}
	})
	go func() {
		r, err := slow.Submit(p.ctx, d)
		if err == nil {
			_, err = slow.Watch(p.ctx, []ledger.Key{r.Key}, broker.WatchOptions{})
		}
		done <- err
	}()
	select {
	case <-reached:
	case err := <-done:
		p.t.Fatalf("the run came to its end (%v) and never to %q", err, point)
	}
	p.follow(d.Job.Output.Destination)
	other := p.broker(nil)
	live, err := other.Live(p.ctx)
	p.must(err)
	if len(live) != 1 {
		p.t.Fatalf("%d runs live, want the one that was begun", len(live))
	}
	r := p.finish(other, live[0])
	close(goOn)
	if err := <-done; err != nil {
		p.t.Errorf("who was overtaken at %q: %v", point, err)
	}
	return r
}

// follow wants all that the manifest in force names.
func (p *place) follow(destination string) {
	p.t.Helper()
	out, ok := p.peek(destination)
	if !ok {
		p.t.Fatalf("nothing is published at %s", destination)
	}
	for _, s := range out.manifest.Shards {
		p.holds(out, s.Part)
		if s.FailedPart != nil {
			p.holds(out, *s.FailedPart)
		}
	}
}
