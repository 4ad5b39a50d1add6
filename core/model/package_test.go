package model_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

func hexSum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	// More than one chunk, so that streaming is tried.
	g := modeltest.New().Output("y", model.Float32).Floats("w", []int64{400_000}, make([]float32, 400_000))
	path := g.Save(t, dir, "m.onnx")
	p, err := model.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	b := g.Bytes()
	if p.Digest != hexSum(b) || p.Size != int64(len(b)) || p.Path != path || len(p.Files) != 1 ||
		p.Files[0] != (model.File{Name: "m.onnx", Path: path, Size: p.Size, Digest: p.Digest}) || len(p.Graph.Outputs) != 1 {
		t.Errorf("%+v", p)
	}
}

func TestOpenExternal(t *testing.T) {
	dir := t.TempDir()
	g := modeltest.New().Output("y", model.Float32).
		External("w", model.Float32, []int64{1}, "./sub/w.bin", 0, 4).
		External("v", model.Float32, []int64{1}, "sub/w.bin", 4, 4).
		External("u", model.Float32, []int64{1}, "u.bin", 0, 4)
	path := g.Save(t, dir, "m.onnx")
	write(t, filepath.Join(dir, "u.bin"), []byte("uuuu"))
	if _, err := model.Open(t.Context(), path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "sub/w.bin") {
		t.Fatalf("missing file: %v", err)
	}
	write(t, filepath.Join(dir, "sub/w.bin"), make([]byte, 3<<20))
	p, err := model.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	w := hexSum(make([]byte, 3<<20))
	want := hexSum(fmt.Appendf(nil, "crossbatch model 1\n%s\n9 sub/w.bin %s\n5 u.bin %s\n", hexSum(g.Bytes()), w, hexSum([]byte("uuuu"))))
	if p.Digest != want || p.Size != int64(len(g.Bytes()))+3<<20+4 || len(p.Files) != 3 ||
		p.Files[1] != (model.File{Name: "sub/w.bin", Path: filepath.Join(dir, "sub/w.bin"), Size: 3 << 20, Digest: w}) {
		t.Errorf("%+v", p)
	}
	write(t, filepath.Join(dir, "u.bin"), []byte("uuuv"))
	if q, err := model.Open(t.Context(), path); err != nil || q.Digest == p.Digest {
		t.Errorf("external data do not count: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secret"), []byte("s"))
	for _, location := range []string{"", "..", "../secret", "a/../../secret", filepath.Join(dir, "secret"), "/etc/passwd"} {
		path := modeltest.New().Output("y", model.Float32).External("w", model.Float32, nil, location, 0, 1).Save(t, dir, "in/m.onnx")
		if _, err := model.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "outside of the model's folder") {
			t.Errorf("%q: %v", location, err)
		}
	}
	if _, err := model.Open(t.Context(), filepath.Join(dir, "none.onnx")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := model.Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("folder: %v", err)
	}
	if _, err := model.Open(t.Context(), filepath.Join(dir, "secret")); !errors.Is(err, model.ErrNotONNX) {
		t.Errorf("text: %v", err)
	}
	path := modeltest.New().Output("y", model.Float32).External("w", model.Float32, nil, ".", 0, 1).Save(t, dir, "m.onnx")
	if _, err := model.Open(t.Context(), path); err == nil {
		t.Error("a folder as external data is taken")
	}
	path = modeltest.New().Output("y", model.Float32).External("w", model.Float32, nil, "secret", 0, 1).Save(t, dir, "m.onnx")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := model.Open(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
