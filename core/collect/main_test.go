package collect_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/core/verify"
)

const (
	runA = "aaaaaaaa00000001"
	runB = "bbbbbbbb00000002"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		if err := publishUntil(context.Background(), dir, os.Getenv(crashOutEnv), os.Getenv(crashPointEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// bench is a folder with inputs, staged pieces and a destination.
type bench struct {
	dir   string
	ready bool // its files are there; parts are linked to, so they are not written again
	src   collect.Source
}

// newBench makes a run without shards, of JSONL to JSONL.
func newBench(dir string) *bench {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &bench{dir: dir, src: collect.Source{
		Job: job.Job{
			Project: "p", Address: "job.a",
			Input:  job.Input{CSV: job.Dialect{Header: true, Delimiter: ","}},
			Output: job.Output{Destination: storage.FileURI(filepath.Join(dir, "out")) + "/", Format: job.JSONL, Existing: job.ExistingReplace},
		},
		Run: runA, Fingerprint: "f", Format: job.JSONL, Provider: "local.default",
		Model: record.ModelInfo{Name: "m", Digest: "d"}, Started: at, Finished: at.Add(time.Minute), Made: made(),
	}}
}

func made() provider.Made {
	outputs := []record.Output{{Name: "y", Type: "float32"}, {Name: "v", Type: "float32", Width: 2}}
	return provider.Made{Machine: "box", Engine: record.Engine{Crossbatch: "1", Batch: 8}, Outputs: outputs, Columns: (&record.Columns{Outputs: outputs}).Table()}
}

func (b *bench) save(path, body string) {
	if !b.ready {
		must(save(path, body))
	}
}

func (b *bench) out() string { return filepath.Join(b.dir, "out") }

// input adds a shard.
func (b *bench) input(body string) {
	path := filepath.Join(b.dir, "in", fmt.Sprintf("%02d", len(b.src.Shards)))
	b.save(path, body)
	b.src.Shards = append(b.src.Shards, job.Shard{URI: storage.FileURI(path), Size: int64(len(body)), Digest: digested(body)})
}

// lines adds a piece of scorer lines and gives it for changes.
func (b *bench) lines(shard int, first int64, body string) *provider.Lines {
	path := filepath.Join(b.dir, "staged", fmt.Sprintf("lines-%d", len(b.src.Pieces)))
	b.save(path, body)
	l := &provider.Lines{URI: storage.FileURI(path), First: first, Made: made()}
	b.src.Pieces = append(b.src.Pieces, provider.Piece{Shard: shard, Lines: l})
	return l
}

// part adds a finished shard, of an attempt, and gives it for changes.
func (b *bench) part(shard int, attempt, ok, failed string) *provider.Part {
	dir := filepath.Join(b.dir, "staged", attempt)
	in := b.src.Shards[shard]
	p := &provider.Part{Folder: storage.FileURI(dir) + "/", Made: made(), Shard: record.Shard{URI: in.URI, Size: in.Size, Digest: in.Digest}}
	s := &p.Shard
	s.OK, s.Failed = int64(strings.Count(ok, "\n")), int64(strings.Count(failed, "\n"))
	s.In = s.OK + s.Failed
	file := func(kind, body string) record.File {
		f := record.File{Name: fmt.Sprintf("%s-%d", kind, shard), Size: int64(len(body)), Digest: digested(body)}
		b.save(filepath.Join(dir, f.Name), body)
		return f
	}
	s.Part = file("part", ok)
	if failed != "" {
		f := file("failed", failed)
		s.FailedPart = &f
	}
	b.src.Pieces = append(b.src.Pieces, provider.Piece{Shard: shard, Part: p})
	return p
}

// publish collects and commits.
func (b *bench) publish(t *testing.T) *record.Manifest {
	t.Helper()
	m, v, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{})
	if err != nil || m == nil {
		t.Fatalf("Parts: %v, %+v, %v", m, v, err)
	}
	if v.Counts != m.Totals || v.State != m.State {
		t.Fatalf("the verdict is %+v, the manifest %s %+v", v, m.State, m.Totals)
	}
	if err := collect.Commit(t.Context(), storage.OpenLocal, m, b.src.Job.Output.Destination); err != nil {
		t.Fatal(err)
	}
	verified(t, b.out())
	return m
}

// verified wants a result that is whole.
func verified(t *testing.T, dir string) *record.Manifest {
	t.Helper()
	m, findings, err := verify.Result(t.Context(), os.DirFS(dir))
	if err != nil || len(findings) > 0 {
		t.Fatalf("verify: %v, %v", findings, err)
	}
	return m
}

// folder reads all files below dir; nil when it is not there.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	must(err)
	all := map[string]string{}
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(body)
	}
	return all
}

func ok(key string) string {
	return fmt.Sprintf(`{"key":%q,"prediction":{"y":1.5,"v":[1,2]}}`+"\n", key)
}

func failure(key string) string {
	return fmt.Sprintf(`{"key":%q,"error":{"code":"bad_json","message":"no"}}`+"\n", key)
}

func digested(body string) string { return digest.Of([]byte(body)) }

func save(path, body string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(body), 0o644)
}

// must is for what only a broken machine refuses.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
