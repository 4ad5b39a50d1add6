package vertex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// folders opens gs:// buckets as folders of this machine.
func folders(dir string) storage.Opener {
	return func(_ context.Context, uri string) (*storage.Bucket, string, error) {
		u, err := storage.ParseURI(uri)
		if err != nil {
			return nil, "", err
		}
		b, err := storage.OpenFolder(filepath.Join(dir, u.Bucket))
		return b, u.Key, err
	}
}

// written is a backend whose jobs have written these objects below out/.
func written(t testing.TB, files map[string]string) *Backend {
	t.Helper()
	dir := t.TempDir()
	b, err := New(plainConfig(), Deps{Open: folders(dir), Clock: clockwork.NewRealClock(), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	write(t, b, files)
	return b
}

const outs = "gs://lake/staging/runs/0123456789abcdef0123/a1/out/"

func write(t testing.TB, b *Backend, files map[string]string) {
	t.Helper()
	folder, prefix, err := b.deps.Open(t.Context(), outs)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	for name, body := range files {
		if err := folder.Replace(t.Context(), prefix+name, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
}

// line is a result as the service writes it.
func line(key, scored string) string {
	return fmt.Sprintf("{\"key\": %q, \"prediction\": %s}\n", key, record.AppendString(nil, scored))
}

func scored(n int) string { return fmt.Sprintf(`{"key":"k","prediction":{"y":%d}}`, n) }

func results(b *Backend, s provider.Spec) (out []provider.Piece, err error) {
	for p, err := range b.Results(context.Background(), s, []provider.Native{{Name: "cb-x", Kind: jobKind, ID: "x"}}) {
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func text(t testing.TB, p provider.Piece) string {
	t.Helper()
	path, ok := storage.LocalPath(p.Lines.URI)
	if !ok {
		t.Fatalf("%s is not here", p.Lines.URI)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestResultsAreSorted(t *testing.T) {
	const folder = "prediction-model-2026_11_23T12_05_07_282Z/"
	b := written(t, map[string]string{
		folder + "prediction.results-00000-of-00002":      line("0:3", scored(3)) + line("1:2", scored(12)) + "\n" + line("0:0", scored(0)),
		folder + "prediction.results-00001-of-00002":      line("0:1", scored(1)) + strings.TrimSuffix(line("1:0", scored(10)), "\n"),
		folder + "prediction.results-00002-of-00002":      "",
		folder + "prediction.errors_stats-00000-of-00001": "('Post request fails.', 16)\n",
		"elsewhere": "not read",
	})
	s := plain(t)
	got, err := results(b, s)
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	for i, want := range []struct {
		text        string
		lines, rows int64
	}{
		{`{"_cb":"0:0",` + scored(0)[1:] + "\n" + `{"_cb":"0:1",` + scored(1)[1:] + "\n" + `{"_cb":"0:3",` + scored(3)[1:] + "\n", 3, 5},
		{`{"_cb":"1:0",` + scored(10)[1:] + "\n" + `{"_cb":"1:2",` + scored(12)[1:] + "\n", 2, 4},
	} {
		p := got[i]
		if p.Shard != i || p.Lines.Records != want.lines || p.Lines.Sparse.Rows != want.rows || p.Lines.Made.Machine != usualMachine || len(p.Lines.Sparse.From) != 2 {
			t.Errorf("%+v", p.Lines)
		}
		if diff := cmp.Diff(want.text, text(t, p)); diff != "" {
			t.Error(diff)
		}
	}
	// Read again they are the same files, until the job writes more or somebody
	// removes them.
	again, err := results(b, s)
	if err != nil || !cmp.Equal(got, again) {
		t.Errorf("%v %v", again, err)
	}
	path, _ := storage.LocalPath(got[1].Lines.URI)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if again, err = results(b, s); err != nil || text(t, again[1]) == "" {
		t.Errorf("%v %v", again, err)
	}
	write(t, b, map[string]string{folder + "prediction.results-00002-of-00003": line("1:1", scored(11))})
	if again, err = results(b, s); err != nil || again[1].Lines.Records != 3 {
		t.Errorf("%v %v", again, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", path, err)
	}
}

func TestNoResults(t *testing.T) {
	b := written(t, map[string]string{"prediction-x/prediction.results-00000-of-00001": ""})
	if got, err := results(b, plain(t)); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
}

// Results that are none of ours are never guessed at.
func TestResultsOfOthers(t *testing.T) {
	for name, body := range map[string]string{
		"another shard":     line("7:0", scored(1)),
		"beyond the shard":  line("0:5", scored(1)),
		"another key":       line("a-17", scored(1)),
		"a number":          `{"key": 3, "prediction": "{}"}`,
		"no key":            `{"prediction": "{}"}`,
		"an object":         `{"key": "0:0", "prediction": {"y": 1}}`,
		"no prediction":     `{"key": "0:0"}`,
		"no JSON":           `('message', 3)`,
		"an instance alone": `{"instance": [1, 2], "prediction": "{}"}`,
	} {
		b := written(t, map[string]string{"p/prediction.results-00000-of-00001": line("0:1", scored(1)) + body})
		if got, err := results(b, plain(t)); b.Code(err) != provider.Conflict || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}

// The key stands beside the prediction, or in the instance.
func TestParse(t *testing.T) {
	for name, text := range map[string]string{
		"key":           `{"key":"3:17","prediction":"{\"key\":1}"}`,
		"with spaces":   `{"prediction": "{\"key\":1}", "key": "3:17"}`,
		"not heeded":    `{"instance": {"_cb": "3:17", "_cb_record": "{}"}, "prediction": "{\"key\":1}"}`,
		"both":          `{"instance": {"_cb_record": "{}"}, "key": "3:17", "prediction": "{\"key\":1}"}`,
		"escaped ASCII": `{"key": "3:17", "prediction": "{\u0022key\u0022:1}"}`,
	} {
		a, err := parse([]byte(text))
		if err != nil || a.shard != 3 || a.row != 17 || string(a.line) != `{"key":1}` {
			t.Errorf("%s: %+v %v", name, a, err)
		}
	}
}

// A scorer's line comes back byte by byte, whatever is in it.
func TestLinesComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := `{"key":` + string(record.AppendString(nil, rapid.String().Draw(rt, "key"))) + `,"prediction":{"y":1.50e-7}}`
		a, err := parse([]byte(line("0:0", want)))
		if err != nil || string(a.line) != want {
			rt.Fatalf("%s, want %s, %v", a.line, want, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(line("0:1", scored(1))))
	f.Add([]byte(`{"instance":{"_cb":"0:0"},"prediction":"{}"}`))
	f.Add([]byte(`{"key":null,"prediction":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := parse(text)
		if err != nil && !errors.Is(err, errAnswer) || err == nil && (a.shard < 0 || a.row < 0) {
			t.Errorf("%+v %v", a, err)
		}
	})
}
