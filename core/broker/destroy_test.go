package broker_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// cloud is a service that holds native jobs and owned objects, and makes none.
type cloud struct {
	provider.Backend
	mu      sync.Mutex
	jobs    map[string]provider.State // by id
	objects map[string]bool           // by id
	down    map[string]bool           // jobs and objects that cannot be asked about
}

func (c *cloud) Capabilities() provider.Capabilities {
	return provider.Capabilities{Guarantee: provider.Named, Poll: provider.Poll{Min: time.Millisecond, Max: time.Millisecond}}
}

func (*cloud) Translate(provider.Spec) (provider.Translation, error) {
	return provider.Translation{Requests: []provider.Request{{ID: "start", Role: provider.Start, Body: []byte("{}")}}}, nil
}

func (*cloud) Results(context.Context, provider.Spec, []provider.Native) iter.Seq2[provider.Piece, error] {
	return func(func(provider.Piece, error) bool) {}
}

func (c *cloud) Describe(_ context.Context, n provider.Native) (provider.Observation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state, ok := c.jobs[n.ID]; {
	case c.down[n.ID]:
		return provider.Observation{}, provider.Errorf(provider.Unavailable, "no answer")
	case ok && state == provider.Cancelling: // over when it is looked at again
		c.jobs[n.ID] = provider.Cancelled
		return provider.Observation{Native: n, State: state}, nil
	case ok:
		return provider.Observation{Native: n, State: state}, nil
	case c.objects[n.ID]:
		return provider.Observation{Native: n, State: provider.Succeeded}, nil
	}
	return provider.Observation{}, provider.NotFound
}

func (c *cloud) List(context.Context, provider.Query) iter.Seq2[provider.Observation, error] {
	return func(yield func(provider.Observation, error) bool) {
		c.mu.Lock()
		jobs := maps.Clone(c.jobs)
		c.mu.Unlock()
		for id, state := range jobs {
			if !yield(provider.Observation{Native: provider.Native{Name: id, ID: id}, State: state}, nil) {
				return
			}
		}
	}
}

func (c *cloud) Cancel(_ context.Context, n provider.Native) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state, ok := c.jobs[n.ID]; {
	case c.down[n.ID]:
		return provider.Errorf(provider.Unavailable, "no answer")
	case !ok:
		return provider.NotFound
	case !state.Terminal():
		c.jobs[n.ID] = provider.Cancelling
	}
	return nil
}

func (c *cloud) Delete(_ context.Context, n provider.Native) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state, ok := c.jobs[n.ID]; ok && !state.Terminal() {
		return provider.Errorf(provider.Conflict, "%s is %s", n.ID, state)
	}
	delete(c.jobs, n.ID)
	delete(c.objects, n.ID)
	return nil
}

func (*cloud) Code(err error) provider.Code { return provider.CodeOf(err) }
func (*cloud) Close() error                 { return nil }

// left is what the service holds.
func (c *cloud) left() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(func(yield func(string) bool) {
		for id := range c.jobs {
			if !yield(id) {
				return
			}
		}
		for id := range c.objects {
			if !yield(id) {
				return
			}
		}
	})
}

// world is a ledger whose runs were made on a cloud.
type world struct {
	*testing.T
	dir   string
	clock *clockwork.FakeClock
	l     *ledger.Ledger
	cloud *cloud
	made  map[string]ledger.Key
	cut   string // places that hold this in their URI cannot be reached; empty: none
}

func (w *world) open(ctx context.Context, uri string) (*storage.Bucket, string, error) {
	if w.cut != "" && strings.Contains(uri, w.cut) {
		return nil, "", &storage.Fault{Kind: storage.ErrUnreachable}
	}
	return storage.OpenLocal(ctx, uri)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		T: t, dir: t.TempDir(), clock: clockwork.NewFakeClockAt(time.Now()), made: map[string]ledger.Key{},
		cloud: &cloud{jobs: map[string]provider.State{}, objects: map[string]bool{}, down: map[string]bool{}},
	}
	bucket, prefix, err := storage.OpenLocal(t.Context(), filepath.Join(w.dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	if w.l, err = ledger.Open(t.Context(), bucket, prefix, ledger.Options{Clock: w.clock}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var turning sync.WaitGroup
	turning.Go(func() { // time passes for who waits for it
		for w.clock.BlockUntilContext(ctx, 1) == nil {
			w.clock.Advance(time.Second)
		}
	})
	t.Cleanup(func() { stop(); turning.Wait() })
	return w
}

func (w *world) broker() *broker.Broker {
	b := broker.New(broker.Options{
		Ledger: w.l, Open: w.open, Clock: w.clock, Jitter: func() float64 { return 0.5 },
		Backend: func(context.Context, ledger.Block) (provider.Backend, error) { return w.cloud, nil },
	})
	w.Cleanup(func() { _ = b.Close() })
	return b
}

func (w *world) job(name string) job.Job {
	return job.Job{Project: "p", Address: "job." + name, Output: job.Output{Destination: filepath.Join(w.dir, "out", name) + "/"}}
}

// run makes a run of a job of that name: a native job of the same id in a state, and a
// bond to an object; "": it was bound to none yet, and started nothing.
func (w *world) run(name, object string, state provider.State, kinds ...ledger.Kind) ledger.Key {
	w.Helper()
	ctx, j, id := w.Context(), w.job(name), fmt.Sprintf("%020x", len(w.made)+1)
	digest, err := w.l.PutShards(ctx, nil)
	if err != nil {
		w.Fatal(err)
	}
	key, _, err := w.l.Begin(ctx, j.Identity(), ledger.IntentBody{
		Job: j, Provider: ledger.Block{Kind: "cloud", Alias: "one", Config: []byte(`{}`)}, Fingerprint: strings.Repeat("0", 64),
		Staging: filepath.Join(w.dir, "st") + "/runs/" + id + "/", Input: digest,
	}, id)
	if err != nil {
		w.Fatal(err)
	}
	if object != "" {
		kinds = append([]ledger.Kind{ledger.Bound, ledger.Started}, kinds...)
		w.cloud.jobs[name], w.cloud.objects[object] = state, true
	}
	for i, k := range kinds {
		e := ledger.Event{Seq: i + 2, Kind: k, Run: id}
		switch k {
		case ledger.Bound:
			e.Attempt, e.Request, e.Native = 1, "object", &provider.Native{Request: "object", Kind: "object", Name: object, ID: object}
		case ledger.Started:
			e.Attempt, e.Request, e.Native = 1, "start", &provider.Native{Request: "start", Kind: "job", Name: name, ID: name}
		case ledger.Ended:
			e.Attempt, e.Ended = 1, &ledger.EndedBody{State: provider.Failed, Code: provider.DataError}
		}
		if ok, err := w.l.Append(ctx, key, e); err != nil || !ok {
			w.Fatal(ok, err)
		}
	}
	w.file(filepath.Join("st", "runs", id, "a1", "out"), "x")
	w.made[name] = key
	return key
}

func (w *world) file(name, text string) {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.Fatal(err)
	}
}

// destroy destroys the runs of jobs of those names, and tells what became of each.
func (w *world) destroy(o broker.DestroyOptions, names ...string) map[string]broker.Removed {
	w.Helper()
	var jobs []job.Identity
	for _, n := range names {
		jobs = append(jobs, w.job(n).Identity())
	}
	b := w.broker()
	removals, err := b.Removals(w.Context(), jobs, o)
	if err != nil {
		w.Fatal(err)
	}
	out := map[string]broker.Removed{}
	for _, d := range b.Destroy(w.Context(), removals, o) {
		out[strings.TrimPrefix(d.Run.Address, "job.")] = d
	}
	return out
}

// destroyed says whether the last word on a run is that it is destroyed.
func (w *world) destroyed(name string) bool {
	w.Helper()
	events, err := w.l.History(w.Context(), w.made[name])
	if err != nil {
		w.Fatal(err)
	}
	return events[len(events)-1].Kind == ledger.Destroyed
}

func (w *world) holds(want ...string) {
	w.Helper()
	if diff := cmp.Diff(want, w.cloud.left()); diff != "" {
		w.Errorf("(-want +left)\n%s", diff)
	}
}

var failed = []ledger.Kind{ledger.Ended, ledger.Failed}

// An owned object goes with the last run that uses it, and no sooner.
func TestDestroyCountsUses(t *testing.T) {
	w := newWorld(t)
	w.run("a", "shared", provider.Failed, failed...)
	w.run("b", "shared", provider.Failed, failed...)
	w.run("c", "shared", provider.Running)
	w.run("d", "own", provider.Failed, failed...)
	w.run("e", "forgotten", provider.Failed, append(failed, ledger.Forgotten)...)

	removals, err := w.broker().Removals(t.Context(), []job.Identity{w.job("a").Identity(), w.job("b").Identity()}, broker.DestroyOptions{})
	if err != nil || len(removals) != 2 {
		t.Fatal(removals, err)
	}
	for _, r := range removals {
		if len(r.Natives) != 1 || len(r.Objects) != 1 || !slices.Equal(r.Objects[0].Users, []ledger.Key{w.made["c"]}) {
			t.Errorf("of %s go %+v and %+v", r.Run.Address, r.Natives, r.Objects)
		}
	}
	got := w.destroy(broker.DestroyOptions{}, "a", "b", "d", "e")
	for name, d := range got {
		if d.Err != nil || !w.destroyed(name) {
			t.Errorf("%s: %v", name, d.Err)
		}
	}
	if k := got["a"].Kept; len(k) != 1 || k[0].Name != "shared" {
		t.Errorf("a keeps %+v", k)
	}
	w.holds("c", "shared")
	if again := w.destroy(broker.DestroyOptions{}, "a", "b", "d", "e"); len(again) > 0 {
		t.Errorf("destroyed again: %+v", again)
	}
	if d := w.destroy(broker.DestroyOptions{}, "c")["c"]; d.Err != nil || d.Run.State != broker.Cancelled || d.Run.Destroyed == nil {
		t.Errorf("the live run: %+v", d)
	}
	w.holds()
	if left, err := filepath.Glob(filepath.Join(w.dir, "st", "runs", "*")); err != nil || len(left) > 0 {
		t.Errorf("in staging there are %v, %v", left, err)
	}
	if problems, err := w.l.Fsck(t.Context()); err != nil {
		t.Fatal(err)
	} else {
		for _, p := range problems {
			if !strings.Contains(p.Message, "names the run") { // these have ids of our own
				t.Errorf("%+v", p)
			}
		}
	}
}

// A run that is begun may be bound to any object of its provider a moment later.
func TestDestroyLeavesObjectsToWhoBegins(t *testing.T) {
	w := newWorld(t)
	w.run("a", "shared", provider.Failed, failed...)
	w.run("begun", "", "")
	if d := w.destroy(broker.DestroyOptions{}, "a")["a"]; d.Err != nil || len(d.Kept) != 1 {
		t.Errorf("%+v", d)
	}
	w.holds("shared")
	found, err := w.broker().Garbage(t.Context(), nil, 0)
	if err != nil || len(found.Objects) != 1 || found.Objects[0].Goes {
		t.Fatalf("gc: %+v, %v", found.Objects, err)
	}
}

// What cannot be reached stays undestroyed, and says so; other runs go on.
func TestDestroyOutOfReach(t *testing.T) {
	w := newWorld(t)
	w.run("lost", "shared", provider.Running)
	w.run("live", "shared", provider.Running)
	w.run("over", "shared", provider.Failed, failed...)
	w.cloud.down["lost"] = true
	var done []string
	got := w.destroy(broker.DestroyOptions{Done: func(d broker.Removed) { done = append(done, d.Run.Address) }}, "lost", "live", "over")
	if len(done) != 3 {
		t.Errorf("told of %v", done)
	}
	if err := got["lost"].Err; !errors.Is(err, provider.Unavailable) || w.destroyed("lost") {
		t.Errorf("lost: %v", err)
	}
	if got["live"].Err != nil || got["over"].Err != nil || !w.destroyed("live") || !w.destroyed("over") {
		t.Errorf("%+v", got)
	}
	w.holds("lost", "shared")
	delete(w.cloud.down, "lost")
	if d := w.destroy(broker.DestroyOptions{}, "lost", "live", "over"); len(d) != 1 || d["lost"].Err != nil {
		t.Errorf("in reach again: %+v", d)
	}
	w.holds()

	w.run("stored", "o", provider.Failed, failed...)
	w.run("too", "o", provider.Failed, failed...)
	for cut, o := range map[string]broker.DestroyOptions{"/out/stored/": {Results: true}, "/st/": {}} { // the destination; staging
		w.cut = cut
		if d := w.destroy(o, "stored")["stored"]; !errors.Is(d.Err, provider.Unavailable) || w.destroyed("stored") {
			t.Errorf("no reach to %s: %+v", cut, d)
		}
	}
	w.cut = "/out/stored/"
	if d := w.destroy(broker.DestroyOptions{Results: true}, "stored", "too"); d["too"].Err != nil || !w.destroyed("too") {
		t.Errorf("the other run: %+v", d)
	}
	w.cut = ""
	if d := w.destroy(broker.DestroyOptions{Results: true}, "stored", "too"); len(d) != 1 || d["stored"].Err != nil {
		t.Errorf("in reach again: %+v", d)
	}
	w.holds()
}

// Native jobs that nobody saw end are ended: those of a run that was forgotten by force,
// and what an abandoned start had made after all.
func TestDestroyEndsWhatIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.run("forced", "o", provider.Running, ledger.Forgotten)
	key := w.run("given-up", "", "")
	id := fmt.Sprintf("%020x", 2)
	for i, e := range []ledger.Event{
		{Kind: ledger.Sent}, {Kind: ledger.Abandoned}, {Kind: ledger.Ended, Ended: &ledger.EndedBody{State: provider.Failed, Code: provider.Unavailable}}, {Kind: ledger.Failed},
	} {
		if e.Seq, e.Run = i+2, id; e.Kind != ledger.Failed {
			e.Attempt, e.Request = 1, "start"
		}
		if ok, err := w.l.Append(t.Context(), key, e); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	w.cloud.jobs[provider.NativeName("job.given-up", id, 1, 0, 1)] = provider.Running
	w.cloud.jobs["a stranger's"] = provider.Running
	for name, d := range w.destroy(broker.DestroyOptions{}, "forced", "given-up") {
		if d.Err != nil {
			t.Errorf("%s: %v", name, d.Err)
		}
	}
	w.holds("a stranger's")
}

// Any number may destroy at once: all goes, and nobody fails.
func TestDestroyTogether(t *testing.T) {
	w := newWorld(t)
	names := []string{"a", "b", "c", "d", "e", "f"}
	for _, n := range names {
		w.run(n, "shared", provider.Running)
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for name, d := range w.destroy(broker.DestroyOptions{}, names[i:i+3]...) {
				if d.Err != nil {
					t.Errorf("%s: %v", name, d.Err)
				}
			}
		})
	}
	all.Wait()
	w.holds()
	for _, n := range names {
		if !w.destroyed(n) {
			t.Errorf("%s is not destroyed", n)
		}
	}
}

// A result goes only with the run that it is of.
func TestDestroyResults(t *testing.T) {
	w := newWorld(t)
	stranger := strings.ReplaceAll(manifest, "job.a", "job.z")
	w.run("a", "o", provider.Failed, failed...)
	w.file("out/a/_manifest.json", stranger)
	if d := w.destroy(broker.DestroyOptions{Results: true}, "a")["a"]; !errors.Is(d.Err, collect.ErrConflict) || w.destroyed("a") {
		t.Errorf("another job's result: %+v", d)
	}
	w.holds("a", "o")
	w.file("out/a/_manifest.json", manifest) // of another run of the job
	if d := w.destroy(broker.DestroyOptions{Results: true}, "a")["a"]; d.Err != nil || !d.Results {
		t.Errorf("another run's result: %+v", d)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "out", "a", "_manifest.json")); err != nil {
		t.Errorf("another run's result: %v", err)
	}
	w.holds()

	// A run that was begun meanwhile is about to publish.
	w.run("b", "o", provider.Failed, failed...)
	b, o := w.broker(), broker.DestroyOptions{Results: true}
	removals, err := b.Removals(t.Context(), []job.Identity{w.job("b").Identity()}, o)
	if err != nil || len(removals) != 1 {
		t.Fatal(removals, err)
	}
	j := w.job("b")
	if _, _, err := w.l.Begin(t.Context(), j.Identity(), ledger.IntentBody{Job: j, Fingerprint: strings.Repeat("1", 64)}, strings.Repeat("f", 20)); err != nil {
		t.Fatal(err)
	}
	if d := b.Destroy(t.Context(), removals, o); !errors.Is(d[0].Err, ledger.ErrBlocked) {
		t.Errorf("beside a run that was begun: %+v", d)
	}
	w.holds("b", "o")
}

const manifest = `{"format_version":1,"state":"succeeded","project":"p","address":"job.a","run":"00000000000000000009","fingerprint":"` +
	`0000000000000000000000000000000000000000000000000000000000000000","shards":[],"totals":{"in":0,"ok":0,"failed":0,"skipped":0}}`

// gc goes by the age of the last use, leaves live runs theirs, and looks again before it
// removes.
func TestGarbageOfObjects(t *testing.T) {
	w := newWorld(t)
	w.run("old", "idle", provider.Failed, failed...)
	w.run("live", "used", provider.Running)
	w.run("also", "used", provider.Failed, failed...)
	w.run("gone", "removed", provider.Failed, failed...)
	w.run("lost", "unknown", provider.Failed, failed...)
	w.run("forced", "taken", provider.Running, ledger.Forgotten)
	delete(w.cloud.objects, "removed")
	w.cloud.down["unknown"] = true
	verdicts := func(older time.Duration) (map[string]string, []broker.IdleObject) {
		t.Helper()
		found, err := w.broker().Garbage(t.Context(), nil, older)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, o := range found.Objects {
			got[o.Name] = fmt.Sprintf("%t: %s", o.Goes, o.Reason)
		}
		return got, found.Objects
	}
	got, _ := verdicts(24 * time.Hour)
	want := map[string]string{
		"idle": "false: used within 1d", "used": "false: run 00000000 is not over", "taken": "false: run 00000000 is not over",
		"unknown": "false: its provider cannot be asked: no answer",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("young (-want +got)\n%s", diff)
	}
	w.clock.Advance(48 * time.Hour)
	got, objects := verdicts(24 * time.Hour)
	want["idle"] = "true: no live run uses it"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("old (-want +got)\n%s", diff)
	}
	i := slices.IndexFunc(objects, func(o broker.IdleObject) bool { return o.Goes })
	w.run("new", "idle", provider.Running)
	if err := w.broker().DiscardObject(t.Context(), objects[i]); !errors.Is(err, staging.ErrUsed) {
		t.Errorf("used since: %v", err)
	}
	if d := w.destroy(broker.DestroyOptions{}, "new"); d["new"].Err != nil {
		t.Error(d)
	}
	_, objects = verdicts(0)
	i = slices.IndexFunc(objects, func(o broker.IdleObject) bool { return o.Name == "idle" })
	if err := w.broker().DiscardObject(t.Context(), objects[i]); err != nil {
		t.Error(err)
	}
	if w.cloud.objects["idle"] {
		t.Error("it is still there")
	}
}

// What a destroyed run satisfies is told by its last events.
func TestWhatADestroyedRunSatisfies(t *testing.T) {
	entry := ledger.Entry{Key: "k", Fingerprint: strings.Repeat("0", 16), Kind: ledger.Destroyed}
	d := broker.Desired{Job: job.Job{Project: "p", Address: "job.a"}}
	fingerprint := strings.Repeat("0", 64)
	result := job.RunID("l", d.Identity(), fingerprint, 0)
	for name, c := range map[string]struct {
		void   bool
		result string
		joins  ledger.Key
	}{
		"its result stands":      {false, result, "k"},
		"its result is gone":     {false, "", ""},
		"another run's result":   {false, "other", ""},
		"destroyed with results": {true, "", ""},
		"put back by hand":       {true, result, ""},
	} {
		s := broker.Standing{Fingerprint: fingerprint, Runs: []ledger.Entry{entry}, Result: c.result, Void: c.void}
		if got := d.Course("l", s); got.Joins != c.joins || c.joins == "" && got.Generation != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
