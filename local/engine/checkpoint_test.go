package engine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// stopped is a folder with the checkpoint of a shard, and what is to be scored there.
func stopped(t testing.TB) (r *Run, folder string, body []byte) {
	t.Helper()
	rt, err := loaded()
	if err != nil {
		t.Fatalf("run `make runtime` first: %v", err)
	}
	dir := t.TempDir()
	j := sumJob(t, dir)
	write(t, filepath.Join(dir, "in.jsonl"), rows(1000))
	r, err = Prepare(t.Context(), task(t, j), Options{Runtime: rt, Device: onnx.CPU(), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	folder = filepath.Join(dir, "work")
	part, failed := `{"key":"0:0","prediction":{"y":[1]}}`+"\n", "{}\n"
	write(t, filepath.Join(folder, r.partName(0)), part+"more")
	write(t, filepath.Join(folder, r.failedName(0)), failed)
	c := checkpoint{
		FormatVersion: checkpointVersion, Run: r.task.Run, Next: position{Row: 2, Offset: 30},
		Counts: record.Counts{In: 2, OK: 1, Failed: 1}, Fills: map[string]int64{"x": 1}, Made: r.Made(),
		Part:   record.File{Name: r.partName(0), Size: int64(len(part)), Digest: digest.Of([]byte(part))},
		Failed: &record.File{Name: r.failedName(0), Size: int64(len(failed)), Digest: digest.Of([]byte(failed))},
	}
	if err := c.write(folder); err != nil {
		t.Fatal(err)
	}
	if body, err = os.ReadFile(filepath.Join(folder, CheckpointName(0))); err != nil {
		t.Fatal(err)
	}
	return r, folder, body
}

// A checkpoint is gone on with only when all that it says holds.
func TestResumeTrustsNothing(t *testing.T) {
	r, folder, body := stopped(t)
	whole := r.resume(folder, 0)
	if whole == nil || whole.Next.Row != 2 || whole.part.size == 0 || whole.failed.size != 3 {
		t.Fatalf("resumed with %+v", whole)
	}
	whole.close()
	if info, err := os.Stat(filepath.Join(folder, r.partName(0))); err != nil || info.Size() != whole.part.size {
		t.Errorf("what was written behind the checkpoint is there still: %v, %v", info, err)
	}
	text := string(body)
	for name, other := range map[string]string{
		"nothing":        "",
		"no JSON":        text[:len(text)-9],
		"another run":    strings.Replace(text, r.task.Run, "f"+r.task.Run[1:], 1),
		"another shard":  strings.Replace(text, `"shard":0`, `"shard":1`, 1),
		"other version":  strings.Replace(text, `"format_version":1`, `"format_version":2`, 1),
		"other counts":   strings.Replace(text, `"in":2`, `"in":3`, 1),
		"some rows":      strings.Replace(text, `"fills"`, `"chosen":true,"fills"`, 1),
		"other row":      strings.Replace(text, `"row":2`, `"row":3`, 1),
		"other engine":   strings.Replace(text, `"crossbatch":"test"`, `"crossbatch":"next"`, 1),
		"other size":     strings.Replace(text, `"size":37`, `"size":36`, 1),
		"larger":         strings.Replace(text, `"size":37`, `"size":3700`, 1),
		"other digest":   strings.Replace(text, "xxh3:", "xxh3:0", 1),
		"elsewhere":      strings.Replace(text, `"name":"part-`, `"name":"../part-`, 1),
		"no failed file": strings.Replace(text, `"failed":{"name"`, `"fallen":{"name"`, 1),
	} {
		if other == text {
			t.Fatalf("%s: nothing is other", name)
		}
		write(t, filepath.Join(folder, CheckpointName(0)), other)
		if got := r.resume(folder, 0); got != nil {
			got.close()
			t.Errorf("%s: resumed with %+v", name, got.checkpoint)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	r, folder, body := stopped(f)
	f.Add(body)
	f.Add([]byte(`{"format_version":1,"next":{"row":9},"chosen":true}`))
	f.Add([]byte(`{"format_version":1,"next":{"row":-1},"notes":["AA==",null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if c := parseCheckpoint(body); c != nil {
			if n := c.Counts.OK + c.Counts.Failed + c.Counts.Skipped; c.Next.Row < n || !c.Chosen && c.Next.Row > n || c.Next.Row < 0 || c.Next.Offset < 0 {
				t.Fatalf("%+v", c)
			}
			back, err := json.Marshal(c)
			if err != nil || parseCheckpoint(back) == nil {
				t.Fatalf("written again, it is none: %s, %v", back, err)
			}
		}
		write(t, filepath.Join(folder, CheckpointName(0)), string(body))
		if got := r.resume(folder, 0); got != nil { // of all that is fuzzed, only what was there
			if got.Part.Name != r.partName(0) || got.part.size != got.Part.Size {
				t.Errorf("%+v", got.checkpoint)
			}
			got.close()
		}
	})
}
