//go:build unix

package backend

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestRun(t *testing.T) {
	f := setup(t, rows(250), "", rows(50))
	n := f.send()
	if want := "cb-sum-eu-0123456789abcdef0123-a1"; n.Name != want || n.Parts != 1 {
		t.Errorf("native %+v, want the name %s and one part", n, want)
	}
	o := f.done(n)
	if o.State != provider.Succeeded || o.Code != provider.OK {
		t.Fatalf("observed %+v", o)
	}
	if want := (record.Counts{In: 300, OK: 298, Failed: 2}); o.Progress == nil || o.Progress.Counts != want {
		t.Errorf("progress %+v, want %+v", o.Progress, want)
	}
	if o.Started.IsZero() || o.Ended.Before(o.Started) {
		t.Errorf("from %s to %s", o.Started, o.Ended)
	}

	pieces := f.pieces(n)
	if len(pieces) != 3 {
		t.Fatalf("%d pieces, want 3", len(pieces))
	}
	for i, p := range pieces {
		if p.Shard != i || p.Part == nil || p.Part.Shard.URI != f.spec.Input.Shards[i].URI {
			t.Fatalf("piece %d is of shard %d", i, p.Shard)
		}
		folder, ok := storage.LocalPath(p.Part.Folder)
		if !ok || !strings.HasSuffix(p.Part.Folder, "/") {
			t.Fatalf("the folder of a piece is %s", p.Part.Folder)
		}
		if _, err := os.Stat(filepath.Join(folder, p.Part.Shard.Part.Name)); err != nil {
			t.Error(err)
		}
	}

	found, err := f.b.Find(t.Context(), f.request())
	if err != nil || !cmp.Equal(found, n) {
		t.Errorf("found %+v, %v", found, err)
	}
	_, err = f.b.Send(t.Context(), f.request())
	f.code(err, provider.AlreadyExists)
	if err := f.b.Cancel(t.Context(), n); err != nil {
		t.Errorf("cancelling what is over: %v", err)
	}
	if again := f.describe(n); !cmp.Equal(again, o) {
		t.Errorf("what is over changed:\n%s", cmp.Diff(o, again))
	}

	for range 2 {
		if err := f.b.Delete(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(f.dir, "runs", f.spec.Run)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the run's folder is there after Delete: %v", err)
	}
	f.unknown(n)
}

// unknown checks that no verb knows a native job.
func (f *fixture) unknown(n provider.Native) {
	f.Helper()
	_, err := f.b.Describe(f.Context(), n)
	f.code(err, provider.NotFound)
	f.code(f.b.Cancel(f.Context(), n), provider.NotFound)
	if err := f.b.Delete(f.Context(), n); err != nil {
		f.Errorf("deleting what is absent: %v", err)
	}
	for _, err := range f.b.Results(f.Context(), f.spec, []provider.Native{n}) {
		f.code(err, provider.NotFound)
	}
	for _, err := range f.b.Logs(f.Context(), []provider.Native{n}, provider.LogOptions{Follow: true}) {
		f.code(err, provider.NotFound)
	}
}

func TestUnknown(t *testing.T) {
	f := setup(t, rows(1))
	f.unknown(native(filepath.Join(f.dir, "runs", "x", "a1"), "cb-x"))
	f.unknown(provider.Native{ID: "relative", Name: "cb-x"})
	_, err := f.b.Find(t.Context(), f.request())
	f.code(err, provider.NotFound)
}

func TestRunOfNothing(t *testing.T) {
	f := setup(t)
	n := f.send()
	if o := f.done(n); o.State != provider.Succeeded {
		t.Fatalf("observed %+v", o)
	}
	if p := f.pieces(n); len(p) != 0 {
		t.Errorf("%d pieces", len(p))
	}
}

func TestAttemptTakesItsShardsOnly(t *testing.T) {
	f := setup(t, rows(10), rows(20), rows(30))
	f.spec.Attempt, f.spec.Input.Take = 2, []int{0, 2}
	f.output()
	n := f.send()
	if o := f.done(n); o.State != provider.Succeeded || o.Progress.Counts.In != 40 {
		t.Fatalf("observed %+v", o)
	}
	pieces := f.pieces(n)
	if len(pieces) != 2 || pieces[0].Shard != 0 || pieces[1].Shard != 2 {
		t.Errorf("pieces %+v", pieces)
	}
}

func TestList(t *testing.T) {
	f := setup(t, rows(1))
	if got := f.list(time.Time{}); len(got) != 0 {
		t.Fatalf("listed %v", got)
	}
	var want []string
	for attempt := range 3 {
		f.spec.Attempt = attempt + 1
		f.output()
		n := f.send()
		f.done(n)
		want = append([]string{n.Name}, want...)
		at := time.Date(2026, 1, 1+attempt, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(filepath.Join(n.ID, requestFile), at, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, junk := range []string{"runs/file", "runs/x/b1/request.json", "runs/x/a1/other", "runs/x/.removed-a1-00/request.json"} {
		path := filepath.Join(f.dir, junk)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, f.list(time.Time{})); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], f.list(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))); diff != "" {
		t.Errorf("since (-want +got):\n%s", diff)
	}
	for _, err := range f.b.List(t.Context(), provider.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		break // a consumer may stop
	}
}

func (f *fixture) list(since time.Time) []string {
	f.Helper()
	var names []string
	for o, err := range f.b.List(f.Context(), provider.Query{Since: since}) {
		if err != nil {
			f.Fatal(err)
		}
		if d := f.describe(o.Native); !cmp.Equal(d, o) {
			f.Errorf("listed and described differ:\n%s", cmp.Diff(d, o))
		}
		names = append(names, o.Native.Name)
	}
	return names
}

func TestClosed(t *testing.T) {
	f := setup(t, rows(1))
	r := f.request()
	n := f.send()
	f.done(n)
	if err := f.b.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, inspect := f.b.Inspect(ctx)
	_, translate := f.b.Translate(f.spec)
	_, send := f.b.Send(ctx, r)
	_, find := f.b.Find(ctx, r)
	_, describe := f.b.Describe(ctx, n)
	errs := []error{inspect, translate, send, find, describe, f.b.Cancel(ctx, n), f.b.Delete(ctx, n)}
	for _, err := range f.b.List(ctx, provider.Query{}) {
		errs = append(errs, err)
	}
	for _, err := range f.b.Results(ctx, f.spec, []provider.Native{n}) {
		errs = append(errs, err)
	}
	for _, err := range f.b.Logs(ctx, []provider.Native{n}, provider.LogOptions{}) {
		errs = append(errs, err)
	}
	if len(errs) != 10 {
		t.Errorf("%d errors", len(errs))
	}
	for i, err := range errs {
		if !errors.Is(err, provider.ErrClosed) {
			t.Errorf("%d: %v", i, err)
		}
	}
}
