package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Store is a bucket that ledgers are kept in.
type Store struct {
	// Bucket is shared by all that do not race. The suite writes below prefixes of
	// its own.
	Bucket *storage.Bucket
	// Race runs writers at once, each in a process of its own, on a ledger below a
	// prefix, and gives what each printed. nil: they run in goroutines.
	Race func(t *testing.T, prefix string, w []Writer) []string
}

// Run runs the suite.
func Run(t *testing.T, s Store) {
	for name, test := range map[string]func(*testing.T, *bench){
		"one id":                              oneID,
		"one run of many":                     oneRun,
		"one destination, two runs":           twoRuns,
		"one winner of each event":            oneWinner,
		"a writer that dies at any step":      dies,
		"events in their order":               order,
		"runs by the start of their id":       resolve,
		"objects of a later version":          later,
		"what fsck finds":                     fsck,
		"a run that is begun again when over": again,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, &bench{Store: s, prefix: strings.ReplaceAll(name, " ", "-") + "/deep/"})
		})
	}
}

// bench is a place for one ledger.
type bench struct {
	Store
	prefix string
}

func (b *bench) open(t *testing.T) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), b.Bucket, b.prefix, ledger.Options{Clock: clockwork.NewFakeClock()})
	must(t, err)
	return l
}

func (b *bench) race(t *testing.T, w []Writer) []string {
	t.Helper()
	if b.Race != nil {
		return b.Race(t, b.prefix, w)
	}
	outs := make([]bytes.Buffer, len(w))
	var wg sync.WaitGroup
	for i := range w {
		wg.Go(func() {
			if err := w[i].Run(t.Context(), b.Bucket, b.prefix, &outs[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var out []string
	for i := range outs {
		out = append(out, outs[i].String())
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sound fails when fsck finds anything.
func sound(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	problems, err := l.Fsck(t.Context())
	must(t, err)
	for _, p := range problems {
		t.Errorf("fsck: %s: %s", p.Object, p.Message)
	}
}

func oneID(t *testing.T, b *bench) {
	if _, err := ledger.OpenExisting(t.Context(), b.Bucket, b.prefix, ledger.Options{}); !errors.Is(err, ledger.ErrNoLedger) {
		t.Errorf("before it is made: %v", err)
	}
	ids := make([]string, writers)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			l, err := ledger.Open(t.Context(), b.Bucket, b.prefix, ledger.Options{Clock: clockwork.NewFakeClock()})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = l.ID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if len(id) != 32 || id != ids[0] {
			t.Errorf("%q and %q", id, ids[0])
		}
	}
}

func oneRun(t *testing.T, b *bench) {
	all := make([]Writer, writers)
	for i := range all {
		all[i].Print = fingerprint(1)
	}
	want := ledger.KeyOf(Identity(), fingerprint(1), 0)
	begun := 0
	for _, got := range b.race(t, all) {
		verb, key, _ := strings.Cut(got, " ")
		if verb == "began" {
			begun++
		} else if verb != "joined" {
			t.Errorf("%q", got)
		}
		if key != string(want) {
			t.Errorf("%q, want %q", key, want)
		}
	}
	if begun != 1 {
		t.Errorf("%d began it", begun)
	}
	l := b.open(t)
	if events, err := l.History(t.Context(), want); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
	sound(t, l)
}

func twoRuns(t *testing.T, b *bench) {
	all := make([]Writer, writers)
	for i := range all {
		all[i].Print = fingerprint(i % 2)
	}
	holders, blocked := map[string]bool{}, 0
	for _, got := range b.race(t, all) {
		verb, key, _ := strings.Cut(got, " ")
		if verb == "blocked" {
			blocked++
		}
		holders[key] = true
	}
	if len(holders) != 1 || blocked != writers/2 {
		t.Errorf("holders %v, %d blocked", holders, blocked)
	}
	sound(t, b.open(t))
}

func oneWinner(t *testing.T, b *bench) {
	l := b.open(t)
	key, _, err := Begin(t.Context(), l, fingerprint(1), 0)
	must(t, err)
	all := make([]Writer, writers)
	for i := range all {
		all[i] = Writer{Key: key, Name: strconv.Itoa(i)}
	}
	b.race(t, all)
	events, err := l.History(t.Context(), key)
	must(t, err)
	if len(events) != 1+writers*appends {
		t.Errorf("%d events", len(events))
	}
	next, nonces := map[string]int{}, map[string]bool{}
	for i, e := range events {
		if e.Seq != i+1 || nonces[e.Nonce] {
			t.Errorf("event %d stands at %d, nonce %s", e.Seq, i+1, e.Nonce)
		}
		nonces[e.Nonce] = true
		if i == 0 {
			continue
		}
		name, number, _ := strings.Cut(e.Request, "/")
		if n, err := strconv.Atoi(number); err != nil || next[name] != n {
			t.Errorf("of %s, event %s stands where %d should", name, number, next[name])
		}
		next[name]++
	}
	sound(t, l)
}

// errDies ends a writer at a step.
var errDies = errors.New("dies here")

// upTo does work up to a step of the ledger; false when it was done before that.
func upTo(ctx context.Context, b *bench, step int) (died bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); !ok || !errors.Is(e, errDies) {
				panic(r)
			}
			died = true
		}
	}()
	steps := 0
	l, err := ledger.Open(ctx, b.Bucket, b.prefix, ledger.Options{Clock: clockwork.NewFakeClock(), Step: func(string) {
		if steps++; steps == step {
			panic(errDies)
		}
	}})
	if err != nil {
		return false, err
	}
	key, _, err := Begin(ctx, l, fingerprint(1), 0)
	if err != nil {
		return false, err
	}
	return false, Finish(ctx, l, key)
}

func dies(t *testing.T, b *bench) {
	for step := 1; ; step++ {
		at := &bench{Store: b.Store, prefix: fmt.Sprintf("%s%03d/", b.prefix, step)}
		died, err := upTo(t.Context(), at, step)
		must(t, err)
		if !died {
			if step < 20 { // mark, input, claim, id and three events of two objects
				t.Fatalf("only %d steps", step)
			}
			return
		}
		l := at.open(t)
		must(t, l.Unfinished(t.Context()))
		sound(t, l)
		key, _, err := Begin(t.Context(), l, fingerprint(1), 0)
		must(t, err)
		must(t, Finish(t.Context(), l, key))
		sound(t, l)
		if events, err := l.History(t.Context(), key); err != nil || len(events) != 3 {
			t.Errorf("step %d: %d events, %v", step, len(events), err)
		}
		runs, err := l.RunsOf(t.Context(), Identity())
		if err != nil || len(runs) != 1 || runs[0].Kind != ledger.Cancelled || runs[0].Seq != 3 {
			t.Errorf("step %d: %+v, %v", step, runs, err)
		}
	}
}

func order(t *testing.T, b *bench) {
	l := b.open(t)
	key, _, err := Begin(t.Context(), l, fingerprint(1), 0)
	must(t, err)
	for _, e := range []ledger.Event{
		{Seq: 1, Kind: ledger.Sent, Run: "r"}, {Seq: 3, Kind: ledger.Sent, Run: "r"}, {Seq: 2, Run: "r"}, {Seq: 2, Kind: ledger.Sent},
	} {
		if ok, err := l.Append(t.Context(), key, e); ok || err == nil {
			t.Errorf("%d %s was taken", e.Seq, e.Kind)
		}
	}
	e := ledger.Event{Seq: 2, Kind: ledger.CancelRequested, Run: "r"}
	for _, want := range []bool{true, false} {
		if ok, err := l.Append(t.Context(), key, e); ok != want || err != nil {
			t.Errorf("%v, %v; want %v", ok, err, want)
		}
		e.Kind = ledger.Sent // another kind of the same number loses as well
	}
}

func resolve(t *testing.T, b *bench) {
	l := b.open(t)
	key, _, err := Begin(t.Context(), l, fingerprint(1), 0)
	must(t, err)
	run := job.RunID(l.ID(), Identity(), fingerprint(1), 0)
	for start, want := range map[string]int{run: 1, run[:6]: 1, "": 1, "zz": 0, run + "0": 0} {
		if got, err := l.Resolve(t.Context(), start); err != nil || len(got) != want || want == 1 && got[0] != key {
			t.Errorf("%q: %v, %v", start, got, err)
		}
	}
	if s, err := l.Shards(t.Context(), job.Shards(nil).Digest()); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("%v, %v", s, err)
	}
}

func later(t *testing.T, b *bench) {
	l := b.open(t)
	key, _, err := Begin(t.Context(), l, fingerprint(1), 0)
	must(t, err)
	must(t, b.Bucket.Replace(t.Context(), b.prefix+string(key)+"/000001.intent", []byte(`{"format_version":2}`)))
	if _, err := l.History(t.Context(), key); !errors.Is(err, ledger.ErrFormat) || !strings.Contains(err.Error(), "format_version is 2") {
		t.Errorf("%v", err)
	}
}

func fsck(t *testing.T, b *bench) {
	n := 0
	for name, tt := range map[string]struct {
		remove []string // objects of the run
		write  string   // one of the run that is overwritten
		body   string
		want   string
	}{
		"a hole":          {remove: []string{"000002.lock", "000002.sent"}, want: "event 2 is missing"},
		"a lock alone":    {remove: []string{"000002.sent"}, want: "was not written"},
		"no lock":         {remove: []string{"000002.lock"}, want: "without its lock"},
		"another event":   {write: "000002.sent", body: "{}", want: "differs from its lock"},
		"two kinds":       {write: "000003.failed", body: "{}", want: "two events"},
		"another version": {write: "000002.lock", body: `{"format_version":9}`, want: "format_version is 9"},
	} {
		n++
		at := &bench{Store: b.Store, prefix: fmt.Sprintf("%s%d/", b.prefix, n)}
		l := at.open(t)
		key, _, err := Begin(t.Context(), l, fingerprint(1), 0)
		must(t, err)
		must(t, Finish(t.Context(), l, key))
		run := at.prefix + string(key) + "/"
		for _, k := range tt.remove {
			must(t, b.Bucket.Remove(t.Context(), run+k))
		}
		if tt.write != "" {
			must(t, b.Bucket.Replace(t.Context(), run+tt.write, []byte(tt.body)))
		}
		problems, err := l.Fsck(t.Context())
		if err != nil || !strings.Contains(fmt.Sprint(problems), tt.want) {
			t.Errorf("%s: %v, %v; want %q", name, problems, err, tt.want)
		}
	}
}

func again(t *testing.T, b *bench) {
	l := b.open(t)
	for generation := range 3 {
		key, joined, err := Begin(t.Context(), l, fingerprint(1), generation)
		if err != nil || joined {
			t.Fatal(joined, err)
		}
		if _, joined, err := Begin(t.Context(), l, fingerprint(1), generation); err != nil || !joined {
			t.Errorf("%v, %v", joined, err)
		}
		must(t, Finish(t.Context(), l, key))
	}
	runs, err := l.RunsOf(t.Context(), Identity())
	if err != nil || len(runs) != 3 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	sound(t, l)
}
