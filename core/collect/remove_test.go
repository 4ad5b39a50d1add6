package collect_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// A result goes, its manifest first, and what else lies there stays.
func TestRemove(t *testing.T) {
	b := newBench(t.TempDir())
	b.input("{}\n")
	b.lines(0, 0, ok("a"))
	m := b.publish(t)
	must(save(filepath.Join(b.out(), "notes.txt"), "mine"))
	must(save(filepath.Join(b.out(), "part-00000-of-00001.bbbbbbbb.jsonl"), "of a run that writes"))
	whole := folder(t, b.out())
	mine := map[string]string{"notes.txt": "mine", "part-00000-of-00001.bbbbbbbb.jsonl": "of a run that writes"}

	// Of another run, or another job, nothing is touched.
	if err := collect.Remove(t.Context(), storage.OpenLocal, b.src.Job, runB, nil); err != nil {
		t.Fatal(err)
	}
	delete(whole, "part-00000-of-00001.bbbbbbbb.jsonl") // which was of that run
	delete(mine, "part-00000-of-00001.bbbbbbbb.jsonl")
	other := b.src.Job
	other.Address = "job.other"
	if err := collect.Remove(t.Context(), storage.OpenLocal, other, m.Run, nil); !errors.Is(err, collect.ErrConflict) {
		t.Errorf("another job's: %v", err)
	}
	if got := folder(t, b.out()); !reflect.DeepEqual(got, whole) {
		t.Errorf("left: %v, want %v", got, whole)
	}

	var steps []string
	removed := func() {
		t.Helper()
		err := collect.Remove(t.Context(), storage.OpenLocal, b.src.Job, m.Run, func(point string) {
			steps = append(steps, point)
			_, merr := os.Stat(filepath.Join(b.out(), record.ManifestName))
			_, perr := os.Stat(filepath.Join(b.out(), m.Files()[0]))
			if merr == nil && perr != nil {
				t.Errorf("%s: the manifest names a part that is gone", point)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := folder(t, b.out()); !reflect.DeepEqual(got, mine) {
			t.Errorf("left: %v, want %v", got, mine)
		}
	}
	removed()
	if want := []string{"before delete _manifest.json", "after delete _manifest.json", "before delete parts", "after delete parts"}; !slices.Equal(steps, want) {
		t.Errorf("the steps are %q", steps)
	}
	// What a killed process left of it goes, too.
	must(save(filepath.Join(b.out(), m.Files()[0]), "x"))
	removed()
	if got, err := collect.Of(t.Context(), storage.OpenLocal, b.src.Job, m.Run); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}
