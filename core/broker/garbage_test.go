package broker_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// said is a backend that can only tell how native jobs are doing.
type said struct {
	provider.Backend
	states map[string]provider.State // by id; absent: not found
}

func (s said) Describe(_ context.Context, n provider.Native) (provider.Observation, error) {
	state, ok := s.states[n.ID]
	if !ok {
		return provider.Observation{}, provider.NotFound
	}
	return provider.Observation{Native: n, State: state}, nil
}
func (said) Code(err error) provider.Code { return provider.CodeOf(err) }
func (said) Close() error                 { return nil }

func TestGarbage(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	clock := clockwork.NewFakeClockAt(time.Now().Add(24 * time.Hour)) // files are a day old
	bucket, prefix, err := storage.OpenLocal(ctx, filepath.Join(dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bucket.Close() }()
	l, err := ledger.Open(ctx, bucket, prefix, ledger.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	place := storage.FileURI(filepath.Join(dir, "st")) + "/"
	want := map[string]bool{}
	states := map[string]provider.State{}
	// begin makes a run with a folder. kinds are its events behind the intent.
	begin := func(n int, retention string, goes bool, kinds ...ledger.Kind) {
		t.Helper()
		id := fmt.Sprintf("%020d", n)
		want[id] = goes
		j := job.Job{Project: "p", Address: "job.a", Output: job.Output{Destination: fmt.Sprintf("file:///%d/", n)}}
		key, _, err := l.Begin(ctx, j.Identity(), ledger.IntentBody{
			Job: j, Provider: ledger.Block{Kind: "x", Alias: "y", Config: []byte(`{` + retention + `}`)},
			Fingerprint: strings.Repeat("0", 64), Staging: place + "runs/" + id + "/",
		}, id)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range kinds {
			e := ledger.Event{Seq: i + 2, Kind: k, Run: id}
			switch k {
			case ledger.Started:
				e.Attempt, e.Request, e.Native = 1, "start", &provider.Native{Request: "start", ID: id}
			case ledger.Ended:
				e.Attempt, e.Ended = 1, &ledger.EndedBody{State: provider.Succeeded}
			}
			if ok, err := l.Append(ctx, key, e); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		path := filepath.Join(dir, "st", "runs", id, "a1", "out")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	begin(1, ``, false)
	begin(2, ``, false, ledger.Started)
	begin(3, ``, true, ledger.Started, ledger.Ended, ledger.Succeeded)
	begin(4, ``, true, ledger.Failed)
	begin(5, `"retention":"48h0m0s"`, false, ledger.Failed)
	begin(6, `"retention":"1h"`, true, ledger.Failed)
	begin(7, `"retention":"soon"`, false, ledger.Failed)
	begin(8, ``, true, ledger.Started, ledger.Ended, ledger.Succeeded, ledger.Forgotten)
	begin(9, ``, false, ledger.Started, ledger.Forgotten) // by force, and it runs
	states[fmt.Sprintf("%020d", 9)] = provider.Running
	begin(10, ``, true, ledger.Started, ledger.Forgotten) // by force, and it is over
	states[fmt.Sprintf("%020d", 10)] = provider.Cancelled
	begin(11, ``, true, ledger.Started, ledger.Forgotten) // by force, and it is gone

	b := broker.New(broker.Options{
		Ledger: l, Open: storage.OpenLocal, Clock: clock,
		Backend: func(context.Context, ledger.Block) (provider.Backend, error) { return said{states: states}, nil },
	})
	defer func() { _ = b.Close() }()
	found, err := b.Garbage(ctx, []string{place}, 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, v := range found.Groups {
		got[v.Name] = v.Goes
		if !v.Goes {
			continue
		}
		if err := b.Discard(ctx, v.Group); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	left, err := b.Garbage(ctx, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range left.Groups {
		if want[v.Name] {
			t.Errorf("%s is left", v.URI)
		}
	}
	if young, err := b.Garbage(ctx, nil, 25*time.Hour); err != nil {
		t.Fatal(err)
	} else {
		for _, v := range young.Groups {
			if v.Goes {
				t.Errorf("%s goes though it is young", v.URI)
			}
		}
	}
}
