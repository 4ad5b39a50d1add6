package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// kills is how many processes TestKilledAnyMoment kills while they score.
const kills = 200

// errandVariable makes the test binary a process that scores.
const errandVariable = "CROSSBATCH_TEST_ERRAND"

func TestMain(m *testing.M) {
	if path := os.Getenv(errandVariable); path != "" {
		if err := runErrand(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// errand is what such a process is to do. Its chunks are small, and each of them
// is followed by a checkpoint.
type errand struct {
	Task   Task
	Folder string
	Chunk  int
}

func runErrand(path string) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var e errand
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	rt, err := loaded()
	if err != nil {
		return err
	}
	pieces, err := Finished(e.Folder)
	if err != nil {
		return err
	}
	e.Task.Take = []int{}
	for i := range e.Task.Shards {
		if !slices.ContainsFunc(pieces, func(p provider.Piece) bool { return p.Shard == i }) {
			e.Task.Take = append(e.Task.Take, i)
		}
	}
	r, err := Prepare(context.Background(), e.Task, Options{Runtime: rt, Device: onnx.CPU(), Version: "test", Now: time.Now})
	if err != nil {
		return err
	}
	r.limits.Records, r.every = e.Chunk, 0
	fmt.Println("scoring") // from here on it is killed
	result, err := r.Execute(context.Background(), e.Folder)
	if err != nil {
		return err
	}
	if result.State != provider.Succeeded {
		return errors.New(result.Reason)
	}
	return nil
}

// run starts the errand and kills it after a time; 0: never. It says whether the
// process came to its end.
func (e errand) run(t *testing.T, after time.Duration) bool {
	t.Helper()
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "errand.json")
	write(t, path, string(body))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), errandVariable+"="+path, "GORACE=atexit_sleep_ms=0")
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("scoring\n"))); err != nil {
		t.Fatalf("%v: %s", errors.Join(err, c.Wait()), &said)
	}
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = c.Process.Kill() })
		defer timer.Stop()
	}
	err = c.Wait()
	if said.Len() > 0 {
		t.Fatalf("%v: %s", err, &said)
	}
	return err == nil
}

// unsettled is what of pieces does not depend on where they lie.
func unsettled(pieces []provider.Piece) []provider.Piece {
	for i := range pieces {
		pieces[i].Part.Folder = ""
	}
	return pieces
}

// TestKilledAnyMoment kills processes while they score, again and again, until
// one comes to the end. What is there then are the bytes of an undisturbed run.
func TestKilledAnyMoment(t *testing.T) {
	cases := killCases()
	// Each case is gone through until its share of the kills is done.
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			whole := errand{Task: c.task(t, dir), Folder: filepath.Join(dir, "whole"), Chunk: 64}
			began := time.Now()
			if !whole.run(t, 0) {
				t.Fatal("an undisturbed run did not come to its end")
			}
			lasts := time.Since(began)
			want, pieces := content(t, whole.Folder), unsettled(finished(t, whole.Folder))
			if c := pieces[0].Part.Shard.Counts; len(pieces) != 2 || c.Failed == 0 || c.OK == 0 {
				t.Fatalf("the undisturbed run: %+v", pieces)
			}
			random := rand.New(rand.NewSource(int64(i)))
			share, done, gone := kills/len(cases), 0, 0
			for round := 0; done < share; round++ {
				e := whole
				e.Folder = filepath.Join(dir, fmt.Sprint(round))
				for !e.run(t, time.Duration(1+random.Int63n(int64(lasts)))) {
					done++
					if kept, err := Unfinished(e.Folder); err != nil {
						t.Fatal(err)
					} else if kept.In > 0 {
						gone++
					}
				}
				if content(t, e.Folder) != want {
					t.Fatalf("round %d: other bytes than those of an undisturbed run", round)
				}
				if diff := cmp.Diff(pieces, unsettled(finished(t, e.Folder))); diff != "" {
					t.Fatalf("round %d: %s", round, diff)
				}
			}
			t.Logf("killed %d times, %d of them within a shard; undisturbed %s", done, gone, lasts)
			if gone == 0 {
				t.Error("no kill left a checkpoint")
			}
		})
	}
}

type killCase struct {
	name          string
	input, packed string // suffix and compression of the input
	format        job.Format
	compression   string
	some          bool // only some rows are scored
}

func killCases() []killCase {
	return []killCase{
		{name: "jsonl", input: ".jsonl", format: job.JSONL, compression: "none"},
		{name: "csv", input: ".csv", format: job.CSV, compression: "none"},
		{name: "gzip", input: ".jsonl", packed: compress.Gzip, format: job.JSONL, compression: "gzip"},
		{name: "zstd", input: ".csv", packed: compress.Zstd, format: job.CSV, compression: "zstd"},
		{name: "parquet", input: ".parquet", format: job.Parquet, compression: "zstd"},
		{name: "some rows", input: ".csv", packed: compress.Zstd, format: job.CSV, compression: "zstd", some: true},
		{name: "some rows of parquet", input: ".parquet", format: job.Parquet, compression: "zstd", some: true},
	}
}

// task is two shards, of which every hundredth record is broken.
func (c killCase) task(t *testing.T, dir string) Task {
	t.Helper()
	j := sumJob(t, dir)
	j.Input.Source = nil
	j.Output.Format, j.Output.Compression = c.format, c.compression
	j.Input.Tensors = []job.Tensor{{Input: "x", Field: "x", Null: job.Null{Policy: job.NullFail}}}
	if c.input == ".csv" {
		j.Input.Tensors = []job.Tensor{{Input: "x", Fields: []string{"a", "b", "c"}, Null: job.Null{Policy: job.NullFail}}}
	}
	for i, n := range []int{6_000, 2_001} {
		text := rows(n)
		switch c.input {
		case ".csv":
			text = table(n)
		case ".parquet":
			text = parquetFileOf(t, visits(n))
		}
		path := filepath.Join(dir, fmt.Sprint(i)+c.input+compress.Suffix(c.packed))
		pack(t, path, text, c.packed)
		j.Input.Source = append(j.Input.Source, path)
	}
	k := task(t, j)
	if c.some {
		k.Rows = []provider.Rows{{Shard: 0, Rows: some(t, 6_000)}, {Shard: 1, Rows: some(t, 2_001)}}
	}
	return k
}

// some are about half of n rows: many alone, and many in a row.
func some(t *testing.T, n int64) record.Rows {
	t.Helper()
	var w record.RowsWriter
	for row := range n {
		if row%3 != 1 && (row < 100 || row > 900) || row%100 == 99 {
			if err := w.Add(row, row); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w.Rows()
}

// table are n records as CSV; every hundredth is broken.
func table(n int) string {
	var b strings.Builder
	b.WriteString("a,b,c\n")
	for i := range n {
		if i%100 == 99 {
			b.WriteString("1,2\n")
			continue
		}
		fmt.Fprintf(&b, "%d,\"%d\",1\n", i%97, i%7)
	}
	return b.String()
}
