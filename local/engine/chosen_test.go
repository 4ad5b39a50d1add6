package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// Of chosen rows exactly those are scored, and answered as in a run over all of them;
// they are written as scorer lines, whatever the format of the output.
func TestChosenRows(t *testing.T) {
	for _, c := range killCases() {
		if !c.some && c.name != "jsonl" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.some = true
			k := c.task(t, dir)
			whole := k
			whole.Rows, whole.Job.Output.Format, whole.Job.Output.Compression = nil, job.JSONL, "none"
			all, o := filepath.Join(dir, "all"), options(t)
			execute(t, whole, o, all)
			answers := map[string]string{} // by what a line begins with: its key
			for line := range strings.Lines(content(t, all)) {
				key, _, _ := strings.Cut(line, ",")
				answers[key] = line
			}
			k.Take = []int{1} // of a shard that is not taken, its rows do not matter
			_, pieces := execute(t, k, o, filepath.Join(dir, "chosen"))
			if len(pieces) != 1 || pieces[0].Shard != 1 {
				t.Fatalf("pieces %+v", pieces)
			}
			n, err := k.Rows[1].Rows.Count()
			if c := pieces[0].Part.Shard.Counts; err != nil || c.In != n || c.OK == 0 || c.Failed == 0 || !strings.HasSuffix(pieces[0].Part.Shard.Part.Name, ".jsonl") {
				t.Fatalf("%+v of %d rows, %v", pieces[0].Part.Shard, n, err)
			}
			var ok, failed string
			for at := k.Rows[1].Rows.Cursor(); ; {
				row, more := at.Next()
				if !more {
					break
				}
				line := answers[fmt.Sprintf(`{"key":"1:%d"`, row)]
				if strings.Contains(line, `"code"`) {
					failed += line
				} else {
					ok += line
				}
			}
			if got := content(t, filepath.Join(dir, "chosen")); got != ok+failed {
				t.Errorf("got %.500s\nwant %.500s", got, ok+failed)
			}
		})
	}
}

// A shard of which no row is chosen has an empty part; a file that changed is noticed
// though no row of it is scored.
func TestChosenNone(t *testing.T) {
	dir := t.TempDir()
	j := sumJob(t, dir)
	path := filepath.Join(dir, "in.jsonl")
	write(t, path, rows(10))
	k := task(t, j)
	k.Rows = []provider.Rows{}
	_, pieces := execute(t, k, options(t), filepath.Join(dir, "work"))
	if len(pieces) != 1 || pieces[0].Part.Shard.Counts != (record.Counts{}) {
		t.Fatalf("%+v", pieces)
	}
	r := prepare(t, k, options(t))
	if err := os.WriteFile(path, []byte(strings.Replace(rows(10), "1", "2", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Execute(t.Context(), filepath.Join(dir, "other")); CodeOf(err) != provider.Conflict {
		t.Errorf("%v", err)
	}
}
