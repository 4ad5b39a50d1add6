package plan_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/plan"
	"github.com/crossbatch/crossbatch/core/provider"
)

// What was planned is what is sent; planned again after that there is nothing left to
// do, until something changes. Whatever jobs there are, in whatever order.
func TestNothingIsLeftAfterASubmit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		ctx, p := context.Background(), newPlace(t, dir)
		var wanted []broker.Desired
		for n := range rapid.IntRange(1, 2).Draw(rt, "jobs") {
			var bodies []string
			for range rapid.IntRange(0, 2).Draw(rt, "shards") {
				bodies = append(bodies, rapid.StringMatching(`\{"a":[0-9]{1,3}\}`).Draw(rt, "record")+"\n")
			}
			d := p.wanted(fmt.Sprintf("j%d", n), p.input(t, fmt.Sprint(n), bodies...))
			d.Rerun = rapid.Bool().Draw(rt, "rerun")
			d.Job.Labels = map[string]string{"n": rapid.String().Draw(rt, "label")}
			wanted = append(wanted, d)
		}
		for round := range 2 {
			planner, err := plan.NewIndexed(ctx, p.Broker)
			if err != nil {
				rt.Fatal(err)
			}
			items, err := planner.Items(ctx, wanted)
			if err != nil {
				rt.Fatal(err)
			}
			for n, d := range wanted {
				i := items[n]
				begins := round == 0 || d.Rerun
				if i.Err != nil || i.Action.Begins() != begins || begins && i.Generation != round {
					rt.Fatalf("round %d: %s %v, generation %d, %v", round, i.Action, i.Reasons, i.Generation, i.Err)
				}
				sent := len(p.service.sent)
				d.Planned = i.Planned()
				r, err := p.finish(ctx, d)
				if err != nil || r.State != broker.Succeeded || r.ID != i.Run {
					rt.Fatalf("%+v, %v", r, err)
				}
				if now := p.service.sent[sent:]; begins && (len(now) != 1 || string(now[0].Body) != string(i.Translation.Requests[0].Body)) || !begins && len(now) > 0 {
					rt.Fatalf("sent %+v\nplanned %s", now, i.Translation.Requests[0].Body)
				}
			}
		}
		for _, d := range wanted {
			d.Rerun = false
			if i := plan.NewPlanner(p.Broker).Item(ctx, d); i.Action != plan.Nothing || i.Err != nil {
				rt.Fatalf("%s %v, %v", i.Action, i.Reasons, i.Err)
			}
			d.Model.Digest = strings.Repeat("b", 64)
			if i := plan.NewPlanner(p.Broker).Item(ctx, d); i.Action != plan.Rerun || i.Reasons[0] != "model digest changed" {
				rt.Fatalf("%s %v, %v", i.Action, i.Reasons, i.Err)
			}
		}
	})
}

// Without a ledger every job is new, and nothing is written.
func TestNoLedgerYet(t *testing.T) {
	p := newPlace(t, t.TempDir())
	b := p.broker(nil)
	defer func() { _ = b.Close() }()
	i := plan.NewPlanner(b).Item(t.Context(), p.wanted("a", p.input(t, "a", "{}\n")))
	if i.Action != plan.Run || i.Run != job.RunID(broker.NoLedger, i.Wanted.Identity(), i.Fingerprint, 0) || len(i.Translation.Requests) != 1 {
		t.Errorf("%+v", i)
	}
	planner, err := plan.NewIndexed(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if orphans, err := planner.Orphans(t.Context(), "p", nil); len(orphans) > 0 || err != nil {
		t.Errorf("%v, %v", orphans, err)
	}
	if _, err := os.Stat(p.dir + "/out"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
}

// A live run blocks the same destination, is attached to by its own job, and is an
// orphan once its job is gone.
func TestALiveRun(t *testing.T) {
	ctx, p := t.Context(), newPlace(t, t.TempDir())
	d := p.wanted("a", p.input(t, "a", "{}\n"))
	r, err := p.Submit(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	planner, err := plan.NewIndexed(ctx, p.Broker)
	if err != nil {
		t.Fatal(err)
	}
	if i := planner.Item(ctx, d); i.Action != plan.Attach || i.Key != r.Key || i.Run != r.ID {
		t.Errorf("%+v", i)
	}
	changed := d
	changed.Model.Digest = strings.Repeat("b", 64)
	i := planner.Item(ctx, changed)
	if i.Action != plan.Blocked || i.Run != r.ID || !errors.Is(i.Err, ledger.ErrBlocked) {
		t.Errorf("%+v", i)
	}
	if _, err := p.Submit(ctx, changed); !errors.Is(err, ledger.ErrBlocked) {
		t.Errorf("submit: %v", err)
	}
	// One that holds a destination may be claimed and not begun.
	claimed := i
	claimed.Key = ledger.KeyOf(d.Identity(), i.Fingerprint, 7)
	seen := plan.Plan{Items: []plan.Item{claimed, i}}
	if err := planner.Observe(ctx, &seen); err != nil || seen.Items[0].Live != nil || seen.Items[1].Live == nil || seen.Items[1].Live.ID != r.ID {
		t.Errorf("%+v, %v", seen, err)
	}
	for project, want := range map[string]int{"p": 1, "q": 0} {
		if orphans, err := planner.Orphans(ctx, project, []string{"job.b"}); len(orphans) != want || err != nil {
			t.Errorf("%v, %v", orphans, err)
		}
	}
	if orphans, err := planner.Orphans(ctx, "p", []string{"job.a"}); len(orphans) > 0 || err != nil {
		t.Errorf("%v, %v", orphans, err)
	}
}

// What cannot run is refused with the reason, and its findings are there.
func TestRefused(t *testing.T) {
	ctx, p := t.Context(), newPlace(t, t.TempDir())
	d := p.wanted("a", p.input(t, "a", "{}\n"))
	d.Job.Compute.Spot = true
	i := plan.NewPlanner(p.Broker).Item(ctx, d)
	if i.Action != plan.Refused || !errors.Is(i.Err, provider.Unsupported) || len(i.Findings) != 1 || i.Run != "" {
		t.Errorf("%+v", i)
	}
	if _, err := (plan.Saved{Items: []plan.Item{i}}).Encode(); !errors.Is(err, provider.Unsupported) {
		t.Errorf("saved: %v", err)
	}
	d.Job.Placement.Accept = []string{"compute.spot"}
	if i := plan.NewPlanner(p.Broker).Item(ctx, d); i.Action != plan.Run || len(i.Findings) != 1 {
		t.Errorf("%+v", i)
	}
}

// A saved plan that holds is read back as it was; what moved since is named.
func TestStale(t *testing.T) {
	ctx := t.Context()
	for name, c := range map[string]struct {
		then func(*testing.T, *place, *broker.Desired)
		want string // empty: it holds
	}{
		"nothing moved": {func(*testing.T, *place, *broker.Desired) {}, ""},
		"applied before": {func(t *testing.T, p *place, d *broker.Desired) {
			if _, err := p.Submit(ctx, *d); err != nil {
				t.Fatal(err)
			}
		}, "which would be begun, was begun since; plan again"},
		"applied before, and over": {func(t *testing.T, p *place, d *broker.Desired) {
			if _, err := p.finish(ctx, *d); err != nil {
				t.Fatal(err)
			}
		}, "was begun since; plan again"},
		"the generation moved": {func(t *testing.T, p *place, d *broker.Desired) {
			r, err := p.finish(ctx, *d)
			if err == nil {
				_, err = p.Forget(ctx, r.Key, false)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, "was begun since, and is over"},
		"the input changed": {func(t *testing.T, p *place, d *broker.Desired) {
			d.Shards = p.input(t, "a", "{}\n", "{ }\n")
		}, "job.a: input: 1 shard changed, 1 same; plan again"},
		"facts changed":       {func(_ *testing.T, p *place, _ *broker.Desired) { p.service.facts = "there" }, "what provider x.y says of itself has changed"},
		"its columns changed": {func(_ *testing.T, _ *place, d *broker.Desired) { d.Scoring.Columns = []string{"a"} }, "what is known of its model and its data"},
		"another run holds the destination": {func(t *testing.T, p *place, d *broker.Desired) {
			other := *d
			other.Model.Digest = strings.Repeat("b", 64)
			if _, err := p.Submit(ctx, other); err != nil {
				t.Fatal(err)
			}
		}, "holds the destination"},
		"it cannot run any more": {func(_ *testing.T, _ *place, d *broker.Desired) { d.Job.Compute.Spot = true }, "it cannot run any more"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, t.TempDir())
			d := p.wanted("a", p.input(t, "a", "{}\n", "{}\n"))
			i := plan.NewPlanner(p.Broker).Item(ctx, d)
			body, err := plan.Saved{Ledger: plan.Ledger{ID: p.LedgerID(), URI: "u"}, Items: []plan.Item{i}}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			saved, err := plan.ParseSaved(body)
			if err != nil {
				t.Fatal(err)
			}
			c.then(t, p, &d)
			err = saved.Items[0].Stale(plan.NewPlanner(p.Broker).Item(ctx, d))
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, broker.ErrStale) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// Submit itself keeps to what was planned: what moves between the plan and the first
// call is found there.
func TestSubmitKeepsToThePlan(t *testing.T) {
	ctx, p := t.Context(), newPlace(t, t.TempDir())
	d := p.wanted("a", p.input(t, "a", "{}\n"))
	i := plan.NewPlanner(p.Broker).Item(ctx, d)
	stale := func(what string, change func(*broker.Planned)) {
		t.Helper()
		d.Planned = i.Planned()
		change(d.Planned)
		if _, err := p.Submit(ctx, d); !errors.Is(err, broker.ErrStale) {
			t.Errorf("%s: %v", what, err)
		}
	}
	stale("facts", func(p *broker.Planned) { p.Facts.Region = "there" })
	stale("generation", func(p *broker.Planned) { p.Generation++ })
	stale("requests", func(p *broker.Planned) { p.Translation.Requests = nil })
	if len(p.service.sent) > 0 {
		t.Errorf("sent %v", p.service.sent)
	}
	if runs, err := p.ledger.Runs(ctx); len(runs) > 0 || err != nil {
		t.Errorf("%v, %v", runs, err)
	}
	d.Planned = i.Planned()
	for range 2 { // the second joins
		if r, err := p.Submit(ctx, d); err != nil || r.ID != i.Run {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if len(p.service.sent) != 1 {
		t.Errorf("sent %v", p.service.sent)
	}
}

func TestParseSaved(t *testing.T) {
	for name, body := range map[string]string{
		"empty": "", "no JSON": "job {}", "another object": "{}", "a job file": `{"job":{}}`,
		"another version":    `{"format_version":2,"ledger":{"id":"x"},"items":[]}`,
		"an unknown field":   `{"format_version":1,"ledger":{"id":"x"},"items":[],"more":1}`,
		"an unknown action":  `{"format_version":1,"ledger":{"id":"x"},"items":[{"action":"explode"}]}`,
		"a job that is none": `{"format_version":1,"ledger":{"id":"x"},"items":[{"action":"refused"}]}`,
	} {
		if _, err := plan.ParseSaved([]byte(body)); !errors.Is(err, plan.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseSaved(f *testing.F) {
	f.Add([]byte(`{"format_version":1,"ledger":{"id":"x"},"items":[{"action":"nothing"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := plan.ParseSaved(body)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.ParseSaved(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
