package modelserver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// store opens gs://bucket/... from a folder.
func store(dir string) storage.Opener {
	return func(_ context.Context, uri string) (*storage.Bucket, string, error) {
		prefix, ok := strings.CutPrefix(uri, "gs://bucket/")
		if !ok || prefix != "" && !strings.HasSuffix(prefix, "/") {
			return nil, "", errors.New("no such bucket: " + uri)
		}
		b, err := storage.OpenFolder(dir)
		return b, prefix, err
	}
}

func put(t *testing.T, text string, elements ...string) {
	t.Helper()
	path := filepath.Join(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFetchModel(t *testing.T) {
	dir := t.TempDir()
	put(t, "model", dir, "models", "abc", "model.onnx")
	put(t, "data", dir, "models", "abc", "parts", "weights.bin")
	put(t, "other", dir, "models", "abcdef", "model.onnx")
	for range 2 {
		to := t.TempDir()
		at, err := FetchModel(t.Context(), store(dir), "gs://bucket/models/abc", to)
		if err != nil || at != filepath.Join(to, "model.onnx") {
			t.Fatalf("%s, %v", at, err)
		}
		for name, want := range map[string]string{"model.onnx": "model", "parts/weights.bin": "data"} {
			if b, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(b) != want {
				t.Errorf("%s: %q, %v", name, b, err)
			}
		}
	}
	if at, err := FetchModel(t.Context(), store(dir), "file://"+dir+"/models/abc/", t.TempDir()); err != nil || at != filepath.Join(dir, "models", "abc", "model.onnx") {
		t.Errorf("on this machine: %s, %v", at, err)
	}
	if _, err := FetchModel(t.Context(), store(dir), "gs://bucket/none", t.TempDir()); !errors.Is(err, provider.NotFound) {
		t.Errorf("none: %v", err)
	}
	if _, err := FetchModel(t.Context(), store(dir), "gs://other/x", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("another bucket: %v", err)
	}
}

func TestModelFile(t *testing.T) {
	dir := t.TempDir()
	put(t, "", dir, "one", "churn.onnx")
	put(t, "", dir, "two", "a.onnx")
	put(t, "", dir, "two", "b.onnx")
	put(t, "", dir, "none", "readme")
	if got, err := ModelFile(filepath.Join(dir, "one")); err != nil || filepath.Base(got) != "churn.onnx" {
		t.Errorf("%s, %v", got, err)
	}
	for name, code := range map[string]provider.Code{"two": provider.Invalid, "none": provider.NotFound, "gone": provider.NotFound} {
		if _, err := ModelFile(filepath.Join(dir, name)); !errors.Is(err, code) {
			t.Errorf("%s: %v, want %s", name, err, code)
		}
	}
}

func TestReadMapping(t *testing.T) {
	m := mapping.Of(job.Job{Output: job.Output{Format: job.JSONL}}, strings.Repeat("a", 64), job.JSONL)
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put(t, string(text), dir, "in put", "scorer.json")
	for _, from := range []string{"gs://bucket/in%20put/scorer.json", filepath.Join(dir, "in put", "scorer.json")} {
		open := func(ctx context.Context, uri string) (*storage.Bucket, string, error) {
			return store(dir)(ctx, strings.ReplaceAll(uri, "%20", " "))
		}
		if got, err := ReadMapping(t.Context(), open, from); err != nil || got.Model != m.Model {
			t.Errorf("%s: %+v, %v", from, got, err)
		}
	}
	if _, err := ReadMapping(t.Context(), store(dir), "gs://bucket/none.json"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
