package engine

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// pack writes a compressed file.
func pack(t *testing.T, path, text, compression string) {
	t.Helper()
	var b strings.Builder
	w, err := compress.NewWriter(&b, compression)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.String())
}

func unpack(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, _ := compress.Of(path)
	r, err := compress.NewReader(f, c)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The same records give the same results, packed or not, on their way in and out;
// and packed results have the same bytes with any number of workers.
func TestCompression(t *testing.T) {
	for _, format := range []job.Format{job.JSONL, job.CSV} {
		dir := t.TempDir()
		text := rows(3000)
		if format == job.CSV {
			text = "x\n1\n2\n"
		}
		var want string
		for _, in := range []string{compress.None, compress.Gzip, compress.Zstd} {
			for _, out := range []string{compress.None, compress.Gzip, compress.Zstd} {
				j := sumJob(t, dir)
				if format == job.CSV {
					j.Input.Tensors = []job.Tensor{{Input: "x", Fields: []string{"x", "x", "x"}, Null: job.Null{Policy: job.NullFail}}}
				}
				path := filepath.Join(dir, "in."+string(format)+compress.Suffix(in))
				pack(t, path, text, in)
				j.Input.Source, j.Output.Format, j.Output.Compression = []string{path}, format, out
				var bytes [2]string
				for i := range bytes {
					o := options(t)
					o.Workers = 1 + 2*i
					folder := t.TempDir()
					result, pieces := execute(t, task(t, j), o, folder)
					part := filepath.Join(folder, pieces[0].Part.Shard.Part.Name)
					if c, _ := compress.Of(part); c != out {
						t.Errorf("%s out is called %s", out, part)
					}
					bytes[i] = read(t, part)
					got := unpack(t, part)
					if want == "" {
						want = got
					}
					if got != want || result.Counts.OK == 0 {
						t.Errorf("%s in, %s out: %d bytes, want %d; %+v", in, out, len(got), len(want), result.Counts)
					}
					if sum := pieces[0].Part.Shard.Part; sum.Size != int64(len(bytes[i])) {
						t.Errorf("%s out: the summary says %d bytes of %d", out, sum.Size, len(bytes[i]))
					}
				}
				if bytes[0] != bytes[1] {
					t.Errorf("%s out: one worker and three write different bytes", out)
				}
			}
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A damaged file ends the run with its name; the shards before it are kept.
func TestDamagedInput(t *testing.T) {
	for _, c := range []string{compress.Gzip, compress.Zstd} {
		dir := t.TempDir()
		j := threeShards(t, dir, 50, 60)
		path := filepath.Join(dir, "in", "2.jsonl"+compress.Suffix(c))
		pack(t, path, rows(20_000), c)
		whole := read(t, path)
		write(t, path, whole[:len(whole)*2/3])
		j.Input.Source = append(j.Input.Source, path)
		r := prepare(t, task(t, j), options(t))
		folder := t.TempDir()
		_, err := r.Execute(t.Context(), folder)
		if err == nil || !errors.Is(err, compress.ErrDamaged) || CodeOf(err) != provider.DataError || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v (%s)", c, err, CodeOf(err))
		}
		if n := len(finished(t, folder)); n != 2 {
			t.Errorf("%s: %d shards are finished, want 2", c, n)
		}
		write(t, path, "plain text\n")
		if _, err := Prepare(t.Context(), task(t, j), options(t)); err != nil && !errors.Is(err, compress.ErrDamaged) {
			t.Errorf("%s: plain text: %v", c, err)
		}
	}
}
