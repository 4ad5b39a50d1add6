//go:build unix

package ledger_test

import (
	"slices"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
	"github.com/crossbatch/crossbatch/core/provider"
)

// add appends an event to a run.
func add(t *testing.T, l *ledger.Ledger, key ledger.Key, e ledger.Event) {
	t.Helper()
	events, err := l.History(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	e.Seq, e.Run = len(events)+1, events[0].Run
	if ok, err := l.Append(t.Context(), key, e); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

// Of runs it is told which objects they were bound to, and of those that live that they
// may be; also of an event whose writer died halfway, and of what was bound since.
func TestUses(t *testing.T) {
	l, b := inMemory(t)
	bind := func(key ledger.Key, object string) {
		add(t, l, key, ledger.Event{Kind: ledger.Bound, Attempt: 1, Request: "object", Native: &provider.Native{Kind: "object", ID: object}})
	}
	run := func(generation int) ledger.Key {
		t.Helper()
		key, _, err := ledgertest.Begin(t.Context(), l, print16(1), generation)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	uses := l.Uses()
	want := func(what map[ledger.Key][]string) {
		t.Helper()
		all, err := uses.All(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != len(what) {
			t.Errorf("%d runs, want %d", len(all), len(what))
		}
		for _, u := range all {
			var got []string
			for _, n := range u.Bound {
				got = append(got, n.ID)
			}
			if !slices.Equal(got, what[u.Key]) {
				t.Errorf("%s is bound to %v, want %v", u.Key, got, what[u.Key])
			}
		}
	}
	first := run(0)
	want(map[ledger.Key][]string{first: nil}) // it lives
	add(t, l, first, ledger.Event{Kind: ledger.Failed})
	want(nil)
	second := run(1)
	bind(second, "a")
	if all, err := uses.All(t.Context(), true); err != nil || !all[0].Starting {
		t.Errorf("before a start was sent: %+v, %v", all, err)
	}
	add(t, l, second, ledger.Event{Kind: ledger.Sent, Attempt: 1})
	if all, err := uses.All(t.Context(), true); err != nil || all[0].Starting {
		t.Errorf("after a start was sent: %+v, %v", all, err)
	}
	want(map[ledger.Key][]string{second: {"a"}})
	bind(second, "b")
	if err := b.Remove(t.Context(), string(second)+"/000004.bound"); err != nil { // of which the lock stays
		t.Fatal(err)
	}
	add(t, l, second, ledger.Event{Kind: ledger.Failed})
	third := run(2)
	want(map[ledger.Key][]string{second: {"a", "b"}, third: nil})
	add(t, l, third, ledger.Event{Kind: ledger.Destroyed, Destroyed: &ledger.DestroyedBody{}})
	want(map[ledger.Key][]string{second: {"a", "b"}})
	add(t, l, second, ledger.Event{Kind: ledger.Destroyed, Destroyed: &ledger.DestroyedBody{}})
	want(map[ledger.Key][]string{second: {"a", "b"}})
	if all, err := uses.All(t.Context(), false); err != nil || len(all) > 0 {
		t.Errorf("without those that are destroyed: %+v, %v", all, err)
	}
}

// A job's relatives are what has its address, and nothing that only looks like it.
func TestRelated(t *testing.T) {
	l, _ := inMemory(t)
	begin := func(project, address, destination string) ledger.Key {
		t.Helper()
		j := job.Job{Project: project, Address: address, Output: job.Output{Destination: destination}}
		key, _, err := l.Begin(t.Context(), j.Identity(), ledger.IntentBody{Job: j, Fingerprint: print16(1)}, "0123456789abcdef0123")
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	a := job.Identity{Project: "p", Address: "job.a", Destination: "/1/"}
	own, other := begin("p", "job.a", "/1/"), begin("p", "job.a", "/2/")
	begin("q", "job.a", "/3/")
	begin("p", "job.ab", "/4/")
	if !own.Of(a) || other.Of(a) {
		t.Error("a run is of another job")
	}
	for _, jobs := range [][]job.Identity{{a}, slices.Repeat([]job.Identity{a}, 20)} { // each asked for, or all listed
		got, err := l.Related(t.Context(), jobs)
		if err != nil || len(got) != len(jobs) {
			t.Fatal(got, err)
		}
		for _, entries := range got {
			var keys []ledger.Key
			for _, e := range entries {
				keys = append(keys, e.Key)
			}
			slices.Sort(keys)
			if want := []ledger.Key{own, other}; !slices.Equal(keys, slices.Sorted(slices.Values(want))) {
				t.Errorf("%d jobs: %v, want %v", len(jobs), keys, want)
			}
		}
	}
}

// How a run ended is told after it was destroyed, too.
func TestSummaryOfDestroyed(t *testing.T) {
	l, _ := inMemory(t)
	key, _, err := ledgertest.Begin(t.Context(), l, print16(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, key, ledger.Event{Kind: ledger.Succeeded})
	add(t, l, key, ledger.Event{Kind: ledger.Destroyed, Destroyed: &ledger.DestroyedBody{}})
	s := summaries(t, l)[0]
	if s.State != ledger.Succeeded || s.Kind != ledger.Destroyed || s.Destroyed == nil || s.Destroyed.Results {
		t.Errorf("%+v", s)
	}
	add(t, l, key, ledger.Event{Kind: ledger.Forgotten})
	add(t, l, key, ledger.Event{Kind: ledger.Destroyed, Destroyed: &ledger.DestroyedBody{Results: true}})
	if s = summaries(t, l)[0]; s.State != ledger.Forgotten || !s.Destroyed.Results {
		t.Errorf("%+v", s)
	}
	sound(t, l)
	if _, err := ledger.ParseEvent([]byte(`{"format_version":1,"seq":2,"kind":"destroyed","run":"x"}`)); err == nil {
		t.Error("a destroyed event without its body is read")
	}
}
