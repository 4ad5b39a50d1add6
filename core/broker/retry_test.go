package broker

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// retrying is a run that tries rows 1, 2 and 5 of shard 1 again, and row 0 of shard 3.
func retrying(t *testing.T, events ...ledger.Event) *run {
	t.Helper()
	r := history(job.Limits{Retries: 2}, events...)
	r.intent.Retry = &ledger.RetryBody{Run: "base", Manifest: "m", Rows: "d"}
	of := func(ranges ...[2]int64) record.Rows {
		var w record.RowsWriter
		for _, g := range ranges {
			if err := w.Add(g[0], g[1]); err != nil {
				t.Fatal(err)
			}
		}
		return w.Rows()
	}
	r.rows = []provider.Rows{{Shard: 1, Rows: of([2]int64{1, 2}, [2]int64{5, 5})}, {Shard: 3, Rows: of([2]int64{0, 0})}}
	return r
}

// An attempt covers the shards of which something is left, and is told the rows.
func TestARetryCoversWhatIsLeft(t *testing.T) {
	shards := make(job.Shards, 5)
	spec := func(r *run, attempt int) string {
		in := r.spec("l", shards, attempt).Input
		text := fmt.Sprint(in.Take)
		for _, rows := range in.Rows {
			text += fmt.Sprint(" ", rows.Shard, rows.Rows.Ranges())
		}
		return text
	}
	if got, want := spec(retrying(t), 1), "[1 3] 1 [[1 2] [5 5]] 3 [[0 0]]"; got != want {
		t.Errorf("the first attempt covers %s, want %s", got, want)
	}
	r := retrying(t, ended(1, provider.Failed, provider.Internal, ledger.Range{First: 1, Last: 1}))
	if got, want := spec(r, 2), "[3] 3 [[0 0]]"; got != want {
		t.Errorf("the second attempt covers %s, want %s", got, want)
	}
	r = retrying(t, ended(1, provider.Failed, provider.Internal, ledger.Range{First: 1, Last: 3}))
	if got := r.after(len(shards), epoch); got != wrapUp {
		t.Errorf("with all tried again, %d follows", got)
	}
}

// A shard is whole when all rows that were tried again are answered, wherever they lie.
func TestWholeShardsOfARetry(t *testing.T) {
	lines := func(shard int, first, records int64, last bool) provider.Piece {
		return provider.Piece{Shard: shard, Lines: &provider.Lines{First: first, Records: records, Last: last}}
	}
	sparse := func(shard int, records, rows int64) provider.Piece {
		return provider.Piece{Shard: shard, Lines: &provider.Lines{Records: records, Last: true, Sparse: &provider.Sparse{Rows: rows}}}
	}
	for name, c := range map[string]struct {
		pieces []provider.Piece
		want   []int
	}{
		"all pieces":          {[]provider.Piece{lines(1, 5, 1, true), lines(1, 1, 2, false)}, []int{1}},
		"the last one alone":  {[]provider.Piece{lines(1, 5, 1, true)}, nil},
		"the first one alone": {[]provider.Piece{lines(1, 1, 2, false)}, nil},
		"in any order":        {[]provider.Piece{sparse(1, 3, 6), sparse(3, 1, 1)}, []int{1, 3}},
		"with a gap":          {[]provider.Piece{sparse(1, 2, 6)}, nil},
		"a part":              {[]provider.Piece{{Shard: 3, Part: &provider.Part{}}}, []int{3}},
	} {
		if got := retrying(t).whole(c.pieces); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// What is tried again is staged, also where a service would read the input in place.
func TestARetryIsStaged(t *testing.T) {
	needs := &provider.Staging{
		Place: "s3://b/st/", Write: job.JSONL, InPlace: []provider.Form{{Scheme: "s3", Format: job.JSONL, Compression: "none"}},
	}
	shards := job.Shards{{URI: "s3://b/0.jsonl"}, {URI: "s3://b/1.jsonl", Size: 7}, {URI: "s3://b/2.jsonl"}, {URI: "s3://b/3.jsonl", Size: 9}}
	r := retrying(t)
	r.intent.Job.Output.Format, r.intent.Model.Digest = job.JSONL, strings.Repeat("a", 64)
	l, err := r.lay(needs, shards)
	if err != nil || l.plan == nil || l.plan.Bytes() != 16 || fmt.Sprint(l.plan.Recipe.Rows) != "[{1 [[1 2] [5 5]]} {3 [[0 0]]}]" {
		t.Fatalf("%+v, %v", l, err)
	}
	r.intent.Job.Input.Staging = "never"
	if _, err := r.lay(needs, shards); provider.CodeOf(err) != provider.Unsupported || !strings.Contains(err.Error(), "input.staging") {
		t.Errorf("%v", err)
	}
}

// A retry stands on the very result that it was begun over.
func TestWhatARetryStandsOn(t *testing.T) {
	base := &record.Manifest{FormatVersion: 1, Run: "base"}
	digest, err := base.Digest()
	if err != nil {
		t.Fatal(err)
	}
	r := retrying(t)
	r.intent.Retry.Manifest = digest
	changed := *base
	changed.Totals.OK++
	for name, c := range map[string]struct {
		m  *record.Manifest
		ok bool
	}{"its base": {base, true}, "its own result": {&record.Manifest{Run: "r"}, true}, "nothing": {nil, false}, "another run's": {&record.Manifest{Run: "x"}, false}, "a changed base": {&changed, false}} {
		if err := r.standsOn(c.m); errors.Is(err, collect.ErrConflict) == c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.intent.Retry = nil
	if err := r.standsOn(nil); err != nil {
		t.Errorf("a run over all records: %v", err)
	}
}
