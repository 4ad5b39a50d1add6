package plan_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/plan"
	"github.com/crossbatch/crossbatch/core/storage"
)

// chain is three jobs, c after b after a, in the file's order c, a, b; only a has been
// looked at.
func (p *place) chain(t *testing.T) []broker.Desired {
	t.Helper()
	a, b, c := p.wanted("a", p.input(t, "a", "{}\n", "{}\n")), p.wanted("b", nil), p.wanted("c", p.input(t, "c", "{}\n"))
	b.Job.Input.From = []job.JobRead{{Job: "job.a", Destination: a.Job.Output.Destination}}
	b.Job.Input.Source, b.Job.Input.Empty = []string{}, job.EmptyError
	c.Job.DependsOn = []string{"job.b"}
	return []broker.Desired{c, a, b}
}

// InOrder tells what becomes of a chain, and which of its jobs were looked at.
func (p *place) inOrder(t *testing.T, wanted []broker.Desired) (items []plan.Item, looked string) {
	t.Helper()
	jobs := map[string]job.Identity{}
	for _, d := range p.chain(t) {
		jobs[d.Job.Address] = d.Identity()
	}
	planner, err := plan.NewIndexed(t.Context(), p.Broker)
	if err != nil {
		t.Fatal(err)
	}
	var asked []plan.Asked
	for _, d := range wanted {
		asked = append(asked, plan.Asked{Places: []broker.Desired{d}})
	}
	items, err = planner.InOrder(t.Context(), asked, plan.Files{Jobs: jobs, Look: func(ctx context.Context, d broker.Desired) (broker.Desired, error) {
		looked += d.Job.Address
		if len(d.Job.Input.From) == 0 {
			return d, nil
		}
		in, err := storage.ListInput(ctx, storage.OpenLocal, d.Job.Input)
		if err == nil {
			d.Shards, err = in.Digest(ctx, nil, nil)
		}
		return d, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return items, looked
}

func actions(items []plan.Item) string {
	var out []string
	for _, i := range items {
		out = append(out, string(i.Action))
	}
	return strings.Join(out, " ")
}

// A job is known once all that it needs is over, and no sooner; what it reads is the
// result of the very run that was planned for.
func TestInOrder(t *testing.T) {
	ctx, p := t.Context(), newPlace(t, t.TempDir())
	step := func(want, looked string) []plan.Item {
		t.Helper()
		items, saw := p.inOrder(t, p.chain(t))
		if actions(items) != want || saw != looked {
			t.Fatalf("%s, looked at %q; want %s, %q", actions(items), saw, want, looked)
		}
		return items
	}
	finish := func(i plan.Item) {
		t.Helper()
		d := i.Wanted
		d.Planned = i.Planned()
		if r, err := p.finish(ctx, d); err != nil || r.State != broker.Succeeded || r.ID != i.Run {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	first := step("deferred run deferred", "")
	if got := first[0].WaitsFor; len(got) != 1 || got[0] != "job.b" || first[0].Fingerprint != "" {
		t.Errorf("%+v", first[0])
	}
	if _, err := p.Submit(ctx, first[1].Wanted); err != nil {
		t.Fatal(err)
	}
	step("deferred attach deferred", "")
	finish(first[1])
	second := step("deferred nothing run", "job.b")
	b := second[2].Wanted
	if b.Job.Input.From[0].Run != first[1].Run || len(b.Shards) != 2 {
		t.Errorf("%+v", b)
	}
	finish(second[2])
	third := step("run nothing nothing", "job.bjob.c")
	finish(third[0])
	step("nothing nothing nothing", "job.bjob.c")

	alone, _ := p.inOrder(t, p.chain(t)[2:])
	if alone[0].Action != plan.Nothing || alone[0].Run != second[2].Run {
		t.Errorf("alone: %+v", alone[0])
	}
	preview := p.chain(t)[2]
	preview.Job.Input.Limit, preview.Preview = 1, &broker.Preview{Under: storage.FileURI(p.dir) + "/preview/"}
	previews, _ := p.inOrder(t, []broker.Desired{preview, p.wanted("a", p.input(t, "a", "changed\n"))})
	if actions(previews) != "run re-run" {
		t.Errorf("a preview waits for no other run: %v", previews)
	}
	runs, _, err := p.List(ctx, broker.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if r.Address == "job.a" {
			if _, err := p.Forget(ctx, r.Key, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	alone, _ = p.inOrder(t, p.chain(t)[2:])
	if alone[0].Action != plan.Refused || !errors.Is(alone[0].Err, storage.ErrNoResult) || !strings.Contains(alone[0].Err.Error(), "is forgotten") {
		t.Errorf("of a forgotten run: %+v", alone[0])
	}
	step("deferred re-run deferred", "")
}

// What cannot run keeps what needs it from running, and is not looked at.
func TestInOrderRefused(t *testing.T) {
	p := newPlace(t, t.TempDir())
	wanted := p.chain(t)
	wanted[1].Job.Compute.Spot = true
	items, looked := p.inOrder(t, wanted)
	var unmet *plan.Unmet
	if actions(items) != "refused refused refused" || looked != "" || !errors.As(items[0].Err, &unmet) || unmet.Job != "job.b" {
		t.Errorf("%s, %v", actions(items), items[0].Err)
	}
	alone, _ := p.inOrder(t, wanted[2:])
	if alone[0].Action != plan.Refused || !errors.Is(alone[0].Err, storage.ErrNoResult) || !strings.Contains(alone[0].Err.Error(), "nothing is published there") {
		t.Errorf("%+v", alone[0])
	}
}

// A watch takes further runs on the way, tells of each one's end once, and goes on
// until there are no more.
func TestWatchTakesMore(t *testing.T) {
	ctx, p := t.Context(), newPlace(t, t.TempDir())
	more, done := make(chan ledger.Key), make(chan ledger.Key)
	failed := make(chan error, 1)
	all := make(chan map[ledger.Key]broker.Run)
	go func() {
		runs, err := p.Watch(ctx, nil, broker.WatchOptions{More: more, Done: func(key ledger.Key, err error) {
			if err != nil {
				failed <- err
				return
			}
			done <- key
		}})
		if err == nil {
			t.Error("an unknown run is no error")
		}
		all <- runs
	}()
	keys := map[ledger.Key]bool{}
	for _, name := range []string{"a", "b", "c"} {
		r, err := p.Submit(ctx, p.wanted(name, p.input(t, name, "{}\n")))
		if err != nil {
			t.Fatal(err)
		}
		more <- r.Key
		if over := <-done; over != r.Key {
			t.Errorf("%s is over, want %s", over, r.Key)
		}
		keys[r.Key] = true
	}
	more <- ledger.Key("runs/none-0000/0123456789abcdef-0/")
	if err := <-failed; err == nil {
		t.Error("an unknown run is watched")
	}
	close(more)
	for key, r := range <-all {
		if !keys[key] || r.State != broker.Succeeded {
			t.Errorf("%s: %+v", key, r)
		}
		delete(keys, key)
	}
	if len(keys) > 0 {
		t.Errorf("not seen: %v", keys)
	}
}
