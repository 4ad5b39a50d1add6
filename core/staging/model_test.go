package staging_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// somePackage is a model with two files of external data, as far as staging looks.
func somePackage(t *testing.T) *model.Package {
	t.Helper()
	dir := t.TempDir()
	modeltest.New().Input("x", model.Float32, "N", 1).Output("y", model.Float32, "N", 1).Node("Identity", []string{"x"}, []string{"y"}).Save(t, dir, "m.onnx")
	pkg, err := model.Open(t.Context(), filepath.Join(dir, "m.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range [][2]string{{"weights.bin", strings.Repeat("w", 3<<20)}, {"data/more weights.bin", "more"}} {
		name, body := f[0], f[1]
		path := filepath.Join(dir, filepath.FromSlash(name))
		save(t, path, []byte(body))
		pkg.Files = append(pkg.Files, model.File{Name: name, Path: path, Size: int64(len(body)), Digest: sha(body)})
		pkg.Size += int64(len(body))
	}
	return pkg
}

func TestModelPackage(t *testing.T) {
	pkg := somePackage(t)
	for _, place := range []string{memPlace + "st/", storage.FileURI(t.TempDir()) + "/"} {
		mem := newStore(t)
		var points []string
		up := func(ctx context.Context, stop string) (string, error) {
			points = nil
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			done, all := int64(0), int64(0)
			uri, err := staging.Model(ctx, mem.open, place, pkg, staging.Options{
				Parallel: 1, Progress: func(d, a int64) { done, all = d, a },
				Step: func(at string) {
					points = append(points, at)
					if at == stop {
						cancel()
					}
				},
			})
			if err == nil && (done != all || all != pkg.Size) {
				t.Errorf("%d of %d bytes", done, all)
			}
			return uri, err
		}
		// Stopped before each object, then gone on with.
		for _, stop := range []string{"before model.onnx", "before weights.bin", "before _model.json"} {
			if _, err := up(t.Context(), stop); err == nil && stop != "before _model.json" {
				t.Errorf("%s: it went on", stop)
			}
			for key, body := range mem.objects(t, place) {
				if strings.HasSuffix(key, "weights.bin") && len(body) != 3<<20 && body != "more" {
					t.Errorf("%s: %s is half there", stop, key)
				}
			}
		}
		uri, err := up(t.Context(), "")
		if err != nil || uri != place+"models/"+pkg.Digest+"/" {
			t.Fatal(uri, err)
		}
		got := mem.objects(t, place)
		prefix := staging.ModelPrefix(pkg.Digest)
		want, err := os.ReadFile(pkg.Path)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 4 || got[prefix+"model.onnx"] != string(want) || got[prefix+"data/more weights.bin"] != "more" || len(got[prefix+"weights.bin"]) != 3<<20 {
			t.Errorf("%d objects", len(got))
		}
		// Again: only the commit. One that is gone or cut short is written.
		if _, err := up(t.Context(), ""); err != nil || slices.ContainsFunc(points, func(p string) bool { return !strings.HasSuffix(p, "_model.json") }) {
			t.Errorf("%v, %v", points, err)
		}
		b, at, err := mem.open(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Replace(t.Context(), at+prefix+"weights.bin", []byte("half")); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := up(t.Context(), ""); err != nil || !slices.Contains(points, "after weights.bin") || slices.Contains(points, "after model.onnx") {
			t.Errorf("%v, %v", points, err)
		}
		if got := mem.objects(t, place); len(got[prefix+"weights.bin"]) != 3<<20 {
			t.Errorf("%d bytes", len(got[prefix+"weights.bin"]))
		}
	}
}

// A staged model is no other name of the user's file, which may be written into.
func TestStagedModelStandsAlone(t *testing.T) {
	pkg, out := somePackage(t), t.TempDir()
	if _, err := staging.Model(t.Context(), storage.OpenLocal, out, pkg, staging.Options{}); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(pkg.Files[1].Path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("other"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := (store{}).objects(t, out)[staging.ModelPrefix(pkg.Digest)+"weights.bin"]; !strings.HasPrefix(got, "www") {
		t.Error("the staged object changed with the user's file")
	}
}

func TestModelThatChanged(t *testing.T) {
	pkg := somePackage(t)
	save(t, pkg.Files[1].Path, []byte(strings.Repeat("v", 3<<20)))
	for _, place := range []string{memPlace, t.TempDir()} {
		mem := newStore(t)
		if _, err := staging.Model(t.Context(), mem.open, place, pkg, staging.Options{}); !errors.Is(err, staging.ErrModelChanged) {
			t.Errorf("%v", err)
		}
		for key := range mem.objects(t, place) {
			if strings.HasSuffix(key, "weights.bin") && !strings.Contains(key, "more") || strings.HasSuffix(key, "_model.json") {
				t.Errorf("%s is there", key)
			}
		}
	}
}

func TestNamesOfExternalData(t *testing.T) {
	for _, name := range []string{"model.onnx", "_model.json", "a\nb", `a\b`, "a//b"} {
		pkg := somePackage(t)
		pkg.Files[1].Name = name
		mem := newStore(t)
		if _, err := staging.Model(t.Context(), mem.open, memPlace, pkg, staging.Options{}); err == nil || len(mem.objects(t, memPlace)) > 0 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestMappingIsStaged(t *testing.T) {
	mem := newStore(t)
	m := mapping.Of(job.Job{Output: job.Output{Format: job.JSONL}}, sha("model"), job.JSONL)
	uri, err := staging.Mapping(t.Context(), mem.open, memPlace+"st/", m, staging.Options{})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := m.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if want := memPlace + "st/" + staging.MappingPrefix(digest) + "scorer.json"; uri != want {
		t.Errorf("%s, want %s", uri, want)
	}
	back, err := mapping.Decode([]byte(mem.objects(t, memPlace+"st/")[staging.MappingPrefix(digest)+"scorer.json"]))
	if err != nil || back.Model != sha("model") {
		t.Errorf("%+v, %v", back, err)
	}
	m.Origin = "no"
	if _, err := staging.Mapping(t.Context(), mem.open, memPlace, m, staging.Options{}); err == nil {
		t.Error("a mapping that no scorer reads is staged")
	}
}
