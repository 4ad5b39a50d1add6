package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// threeShards is a job over shards of these numbers of records.
func threeShards(t *testing.T, dir string, records ...int) job.Job {
	t.Helper()
	j := sumJob(t, dir)
	j.Input.Source = nil
	for i, n := range records {
		path := filepath.Join(dir, "in", fmt.Sprintf("%d.jsonl", i))
		write(t, path, rows(n))
		j.Input.Source = append(j.Input.Source, path)
	}
	return j
}

func TestShardsAreScoredOneByOneIntoTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	k := task(t, threeShards(t, dir, 700, 0, 1300))
	whole, parts := t.TempDir(), t.TempDir()
	execute(t, k, options(t), whole)
	for _, take := range [][]int{{2}, {}, {0, 1}} {
		k.Take = take
		execute(t, k, options(t), parts)
	}
	if a, b := content(t, whole), content(t, parts); a != b || strings.Count(a, "\n") != 2000 {
		t.Errorf("%d and %d bytes, want the same of 2000 records", len(a), len(b))
	}
}

func TestFillsAreCountedByShard(t *testing.T) {
	dir := t.TempDir()
	j := sumJob(t, dir)
	j.Input.Tensors = []job.Tensor{{Input: "x", Fields: []string{"a", "b", "c"}, Null: job.Null{
		Policy: job.NullValue, Value: &job.Literal{Kind: job.NumberLiteral, Text: "0"},
	}}}
	write(t, filepath.Join(dir, "in.jsonl"), `{"a":1,"b":2,"c":3}`+"\n"+strings.Repeat(`{"a":1,"b":null}`+"\n", 1000))
	write(t, filepath.Join(dir, "none.jsonl"), `{"a":1,"b":2,"c":3}`+"\n")
	write(t, filepath.Join(dir, "one.jsonl"), `{"b":2,"c":3}`+"\n")
	j.Input.Source = append(j.Input.Source, filepath.Join(dir, "none.jsonl"), filepath.Join(dir, "one.jsonl"))
	o := options(t)
	o.Workers = 3
	_, pieces := execute(t, task(t, j), o, t.TempDir())
	var got []map[string]int64
	for _, p := range pieces {
		got = append(got, p.Part.Fills)
	}
	if diff := cmp.Diff([]map[string]int64{{"b": 1000, "c": 1000}, nil, {"a": 1}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLimitGoesOverAllShards(t *testing.T) {
	dir := t.TempDir()
	j := threeShards(t, dir, 300, 500, 70)
	for _, tc := range []struct {
		limit int64
		take  []int
		want  []int64 // records in, by shard; below zero: not taken
	}{
		{limit: 10, want: []int64{10, 0, 0}},
		{limit: 300, want: []int64{300, 0, 0}},
		{limit: 301, want: []int64{300, 1, 0}},
		{limit: 850, want: []int64{300, 500, 50}},
		{limit: 870, want: []int64{300, 500, 70}},
		{limit: 9999, want: []int64{300, 500, 70}},
		{limit: 820, take: []int{2}, want: []int64{-1, -1, 20}},
		{limit: 100, take: []int{1, 2}, want: []int64{-1, 0, 0}},
		{limit: 400, take: []int{0, 2}, want: []int64{300, -1, 0}},
	} {
		j.Input.Limit = tc.limit
		k := task(t, j)
		k.Take = tc.take
		_, pieces := execute(t, k, options(t), t.TempDir())
		got := []int64{-1, -1, -1}
		for _, p := range pieces {
			got[p.Shard] = p.Part.Shard.In
			if p.Part.Shard.Digest != k.Shards[p.Shard].Digest {
				t.Errorf("limit %d: shard %d has another digest", tc.limit, p.Shard)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("limit %d, take %v: %s", tc.limit, tc.take, diff)
		}
	}
}

func TestShardThatReadsOtherwiseIsChanged(t *testing.T) {
	dir := t.TempDir()
	k := task(t, threeShards(t, dir, 100, 100))
	want := k.Shards[1].Digest
	k.Shards[1].Digest = ""
	_, pieces := execute(t, k, options(t), t.TempDir())
	if got := pieces[1].Part.Shard.Digest; got != want {
		t.Errorf("a digest that was not known is %q, want %q", got, want)
	}
	r := prepare(t, k, options(t))
	r.Assign(k.Run, job.Shards{k.Shards[0], {URI: k.Shards[1].URI, Digest: strings.Repeat("0", 64)}}, nil)
	_, err := r.Execute(t.Context(), t.TempDir())
	if !errors.Is(err, ErrChanged) || CodeOf(err) != provider.Conflict {
		t.Errorf("error %v, want %v", err, ErrChanged)
	}
}

func TestTooManyFailedRecordsEndARun(t *testing.T) {
	dir := t.TempDir()
	j := threeShards(t, dir, 1000, 5000) // of a hundred records one fails
	k := task(t, j)
	k.Job.Limits.FailedRecords = &job.Tolerance{Count: 10}
	folder := t.TempDir()
	k.Take = []int{0}
	if result, _ := execute(t, k, options(t), folder); result.State != provider.Succeeded {
		t.Fatalf("%+v", result)
	}
	k.Take = []int{1} // the ten of the first shard count
	r := prepare(t, k, options(t))
	r.limits.Records = 256
	result, err := r.Execute(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if result.State != provider.Failed || result.Code != provider.DataError || !strings.HasPrefix(result.Reason, "12 of ") && !strings.HasPrefix(result.Reason, "13 of ") ||
		!strings.HasSuffix(result.Reason, "records failed, failed_records allows 10") {
		t.Errorf("%+v", result)
	}
	pieces := finished(t, folder)
	if len(pieces) != 1 {
		t.Errorf("%d finished shards, want 1", len(pieces))
	}
}

func TestFinishedRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	k := task(t, threeShards(t, dir, 200))
	part, failed := record.PartName(0, 1, k.Run, "jsonl", "none"), record.FailedName(0, 1, k.Run)
	for name, damage := range map[string]func(folder string) error{
		"part gone":     func(f string) error { return os.Remove(filepath.Join(f, part)) },
		"failed gone":   func(f string) error { return os.Remove(filepath.Join(f, failed)) },
		"part cut":      func(f string) error { return os.Truncate(filepath.Join(f, part), 7) },
		"no JSON":       func(f string) error { return os.WriteFile(filepath.Join(f, SummaryName(0)), []byte("{"), 0o644) },
		"other version": func(f string) error { return os.WriteFile(filepath.Join(f, SummaryName(0)), []byte("{}"), 0o644) },
		"other number": func(f string) error {
			return os.Rename(filepath.Join(f, SummaryName(0)), filepath.Join(f, SummaryName(1)))
		},
	} {
		folder := t.TempDir()
		execute(t, k, options(t), folder)
		if err := damage(folder); err != nil {
			t.Fatal(err)
		}
		if _, err := Finished(folder); !errors.Is(err, ErrSummary) {
			t.Errorf("%s: error %v, want %v", name, err, ErrSummary)
		}
	}
	if got := finished(t, filepath.Join(dir, "nowhere")); got != nil {
		t.Errorf("a folder that is not there holds %v", got)
	}
}
