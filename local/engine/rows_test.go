package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pq "github.com/parquet-go/parquet-go"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// visit is a row of the tests' Parquet files.
type visit struct {
	ID    int64     `parquet:"id"`
	Name  string    `parquet:"name"`
	At    time.Time `parquet:"at,timestamp(millisecond)"`
	X     []float32 `parquet:"x,list"`
	Score *float64  `parquet:"score"`
}

// visits are n rows; every hundredth does not fit the model.
func visits(n int) []visit {
	all := make([]visit, n)
	for i := range all {
		v := visit{ID: int64(i) + 1<<60, Name: fmt.Sprint("n", i), At: time.UnixMilli(int64(i) * 1000).UTC(), X: []float32{float32(i % 97), float32(i % 7), 1}}
		if i%100 == 99 {
			v.X = v.X[:2]
		}
		if i%2 == 1 {
			half := float64(i) / 2
			v.Score = &half
		}
		all[i] = v
	}
	return all
}

// parquetFileOf is a file of rows, in row groups and pages that no chunk of ours
// ends with.
func parquetFileOf[T any](t testing.TB, rows []T) string {
	t.Helper()
	var b bytes.Buffer
	w := pq.NewGenericWriter[T](&b, pq.MaxRowsPerRowGroup(777), pq.PageBufferSize(1000), pq.Compression(&pq.Zstd))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// visitJob scores visits.
func visitJob(t testing.TB, dir string, names ...string) job.Job {
	t.Helper()
	j := sumJob(t, dir)
	j.Input.Source, j.Input.Key = nil, []string{"id"}
	j.Output.Keep = []job.Rename{{Name: "who", Field: "name"}, {Name: "at", Field: "at"}, {Name: "score", Field: "score"}}
	for _, n := range names {
		j.Input.Source = append(j.Input.Source, filepath.Join(dir, n))
	}
	return j
}

// The same records give the same lines, whether they come as Parquet or as JSON.
func TestParquetInputIsReadAsJSONIs(t *testing.T) {
	dir := t.TempDir()
	all := visits(2500)
	write(t, filepath.Join(dir, "in.parquet"), parquetFileOf(t, all))
	var lines strings.Builder
	for _, v := range all {
		x := strings.Trim(strings.ReplaceAll(fmt.Sprint(v.X), " ", ","), "[]")
		score := "null"
		if v.Score != nil {
			score = fmt.Sprint(*v.Score)
		}
		fmt.Fprintf(&lines, `{"id":%d,"name":%q,"at":%q,"x":[%s],"score":%s}`+"\n", v.ID, v.Name, v.At.Format(time.RFC3339Nano), x, score)
	}
	write(t, filepath.Join(dir, "in.jsonl"), lines.String())
	var got [2]string
	for i, name := range []string{"in.jsonl", "in.parquet"} {
		folder := t.TempDir()
		result, _ := execute(t, task(t, visitJob(t, dir, name)), options(t), folder)
		if c := (record.Counts{In: 2500, OK: 2475, Failed: 25}); result.Counts != c {
			t.Fatalf("%s: %+v, want %+v", name, result.Counts, c)
		}
		got[i] = content(t, folder)
	}
	if diff := cmp.Diff(strings.Split(got[0], "\n"), strings.Split(got[1], "\n")); diff != "" {
		t.Errorf("(-JSON +Parquet)\n%.3000s", diff)
	}
}

// visitResult is what is published of a visit.
type visitResult struct {
	Key        int64    `parquet:"key"`
	Who        *string  `parquet:"who"`
	At         *string  `parquet:"at"`
	Score      *float64 `parquet:"score"`
	Prediction struct {
		Y []float32 `parquet:"y,list"`
	} `parquet:"prediction"`
}

func TestParquetOutputKeepsTypes(t *testing.T) {
	dir := t.TempDir()
	all := visits(2500)
	write(t, filepath.Join(dir, "a.parquet"), parquetFileOf(t, all))
	write(t, filepath.Join(dir, "b.parquet"), parquetFileOf(t, all[:7]))
	write(t, filepath.Join(dir, "c.parquet"), "") // a shard of no records, of no columns
	for _, compression := range []string{"none", "gzip", "zstd", "snappy"} {
		j := visitJob(t, dir, "a.parquet", "b.parquet", "c.parquet")
		j.Output.Format, j.Output.Compression = job.Parquet, compression
		var want string
		for _, workers := range []int{1, 3} {
			o, folder := options(t), t.TempDir()
			o.Workers = workers
			_, pieces := execute(t, task(t, j), o, folder)
			if text := content(t, folder); want == "" {
				want = text
			} else if text != want {
				t.Errorf("%s: %d workers write other bytes than one", compression, workers)
			}
			for shard, n := range []int{2475, 7, 0} {
				rows, err := pq.ReadFile[visitResult](filepath.Join(folder, pieces[shard].Part.Shard.Part.Name))
				if err != nil || len(rows) != n {
					t.Fatalf("%s, shard %d: %d rows, %v", compression, shard, len(rows), err)
				}
				for i, r := range rows {
					v := all[i+i/99]
					if r.Key != v.ID || *r.Who != v.Name || *r.At != v.At.Format(time.RFC3339Nano) || !cmp.Equal(r.Score, v.Score) ||
						len(r.Prediction.Y) != 1 || r.Prediction.Y[0] != 100*v.X[0]+10*v.X[1]+v.X[2] {
						t.Fatalf("%s, shard %d, row %d: %+v of %+v", compression, shard, i, r, v)
					}
				}
			}
		}
	}
}

// What one job publishes as Parquet, another reads.
func TestParquetResultsAreRead(t *testing.T) {
	dir := t.TempDir()
	j := sumJob(t, dir)
	j.Output.Format, j.Output.Compression = job.Parquet, "zstd"
	write(t, filepath.Join(dir, "in.jsonl"), rows(500))
	folder := t.TempDir()
	_, pieces := execute(t, task(t, j), options(t), folder)
	next := sumJob(t, dir)
	next.Input.Source = []string{filepath.Join(folder, pieces[0].Part.Shard.Part.Name)}
	next.Input.Key = []string{"key"}
	next.Input.Tensors = []job.Tensor{{Input: "x", Fields: []string{"prediction.y", "prediction.y", "prediction.y"}, Null: job.Null{Policy: job.NullFail}}}
	out := t.TempDir()
	result, _ := execute(t, task(t, next), options(t), out)
	if c := (record.Counts{In: 495, OK: 495}); result.Counts != c {
		t.Fatalf("%+v, want %+v", result.Counts, c)
	}
	if got, want := content(t, out), `{"key":"0:0","prediction":{"y":[111]}}`+"\n"+`{"key":"0:1","prediction":{"y":[12321]}}`+"\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got %.100s", got)
	}
}

func TestCancelledParquetRunIsGoneOnWith(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in.parquet"), parquetFileOf(t, visits(60_000)))
	j := visitJob(t, dir, "in.parquet")
	j.Output.Format, j.Output.Compression = job.Parquet, "snappy"
	whole := t.TempDir()
	execute(t, task(t, j), options(t), whole)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options(t)
	o.Progress = func(p Progress) {
		if p.Counts.In > 0 {
			cancel()
		}
	}
	folder := t.TempDir()
	result, err := prepare(t, task(t, j), o).Execute(ctx, folder)
	if err != nil || result.State != provider.Cancelled {
		t.Fatalf("%+v, %v", result, err)
	}
	again, _ := execute(t, task(t, j), options(t), folder)
	if again.Restored.In == 0 || again.Restored.In == again.Counts.In {
		t.Errorf("gone on with %d of %d records", again.Restored.In, again.Counts.In)
	}
	if content(t, folder) != content(t, whole) {
		t.Error("the bytes are not those of a run that was not cancelled")
	}
}

func TestParquetLimit(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.parquet"), parquetFileOf(t, visits(50)))
	write(t, filepath.Join(dir, "b.parquet"), parquetFileOf(t, visits(50)))
	j := visitJob(t, dir, "a.parquet", "b.parquet")
	j.Input.Limit = 60
	k := task(t, j)
	if result, _ := execute(t, k, options(t), t.TempDir()); result.Counts.In != 60 {
		t.Errorf("%d records of 60", result.Counts.In)
	}
	k.Take = []int{1}
	if result, _ := execute(t, k, options(t), t.TempDir()); result.Counts.In != 10 {
		t.Errorf("%d records of the second shard's 10", result.Counts.In)
	}
}

func TestParquetThatDoesNotFit(t *testing.T) {
	dir := t.TempDir()
	good := parquetFileOf(t, visits(100))
	write(t, filepath.Join(dir, "in.parquet"), good)
	for name, tc := range map[string]struct {
		file   string
		change func(j *job.Job)
		want   string
	}{
		"no such column": {good, func(j *job.Job) { j.Input.Key = []string{"idd"} }, `did you mean "id"?`},
		"text for a tensor": {good, func(j *job.Job) {
			j.Input.Tensors = []job.Tensor{{Input: "x", Fields: []string{"name", "id", "id"}, Null: job.Null{Policy: job.NullFail}}}
		}, "fits the model"},
		"no Parquet": {`{"id":1}`, nil, "damaged"},
		"cut":        {good[:len(good)-20], nil, "damaged"},
	} {
		path := filepath.Join(dir, "in.parquet")
		write(t, path, tc.file)
		j := visitJob(t, dir, "in.parquet")
		if tc.change != nil {
			tc.change(&j)
		}
		_, err := Prepare(t.Context(), task(t, j), options(t))
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the file's name", name, err, tc.want)
		}
	}
}

// A page that is damaged in the middle of a file ends the run; what was before it
// is not lost.
func TestDamagedPageEndsTheRun(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.parquet")
	good := parquetFileOf(t, visits(40_000))
	bad := []byte(good)
	for i := range 2000 {
		bad[len(bad)/2+i] ^= 0x55
	}
	write(t, path, string(bad))
	folder := t.TempDir()
	r := prepare(t, task(t, visitJob(t, dir, "in.parquet")), options(t))
	_, err := r.Execute(t.Context(), folder)
	if err == nil || !strings.Contains(err.Error(), path) || CodeOf(err) != provider.DataError {
		t.Fatalf("%v (%s), want an error of the data that names the file", err, CodeOf(err))
	}
	if kept, err := Unfinished(folder); err != nil || kept.In == 0 {
		t.Errorf("%+v are kept, %v", kept, err)
	}
}

func TestParquetThatChangesFailsTheRun(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.parquet")
	write(t, path, parquetFileOf(t, visits(100)))
	r := prepare(t, task(t, visitJob(t, dir, "in.parquet")), options(t))
	write(t, path, parquetFileOf(t, visits(101)))
	if _, err := r.Execute(t.Context(), t.TempDir()); !errors.Is(err, ErrChanged) {
		t.Errorf("%v, want %v", err, ErrChanged)
	}
}

func TestPeekAtParquet(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in.parquet"), parquetFileOf(t, visits(10)))
	p, err := PeekAt(t.Context(), storage.OpenLocal, job.Input{Source: []string{dir}, CSV: job.Dialect{Header: true, Delimiter: ","}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"id", "name", "at", "x", "score"}; p.Format != job.Parquet || !cmp.Equal(p.Fields, want) || len(p.Rows) != 3 {
		t.Fatalf("%s %v, %d rows", p.Format, p.Fields, len(p.Rows))
	}
	if got := string(p.Rows[2][1].Raw); got != `"n2"` {
		t.Errorf("the third name is %s", got)
	}
}

// Folders named k=v tell fields of their shards.
func TestPartitions(t *testing.T) {
	dir := t.TempDir()
	day := filepath.Join(dir, "dt=2026-01-02", "region=a%3Ab", "in")
	other := filepath.Join(dir, "dt=__HIVE_DEFAULT_PARTITION__", "region=eu", "in")
	for name, text := range map[string]string{
		".jsonl":   `{"x":[1,2,3],"name":"n","id":1,"at":1,"score":1}` + "\n",
		".csv":     "x,name,id,at,score\n1,n,1,1,1\n",
		".parquet": parquetFileOf(t, visits(1)),
	} {
		write(t, day+name, text)
		write(t, other+name, text)
		j := visitJob(t, dir)
		j.Input.Source, j.Input.Partitions = []string{day + name, other + name}, "hive"
		j.Input.Key = nil
		if name == ".csv" {
			j.Input.Tensors = []job.Tensor{{Input: "x", Fields: []string{"x", "x", "x"}, Null: job.Null{Policy: job.NullFail}}}
		}
		j.Output.Keep = []job.Rename{{Name: "region", Field: "region"}, {Name: "dt", Field: "dt"}}
		folder := t.TempDir()
		result, _ := execute(t, task(t, j), options(t), folder)
		if result.Counts.OK != 2 {
			t.Fatalf("%s: %+v %v", name, result.Counts, result.Failures)
		}
		got := content(t, folder)
		for _, want := range []string{`{"key":"0:0","region":"a:b","dt":"2026-01-02",`, `{"key":"1:0","region":"eu","dt":null,`} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s\nwant %s", name, got, want)
			}
		}
		j.Output.Keep[0].Field = "place"
		if _, err := Prepare(t.Context(), task(t, j), options(t)); err == nil || !strings.Contains(err.Error(), `"place"`) {
			t.Errorf("%s: a field that neither path nor file has: %v", name, err)
		}
	}
}
