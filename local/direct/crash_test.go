package direct

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/engine"
)

// These make the test binary a process that runs a job and dies on the way.
const (
	jobVariable   = "CROSSBATCH_TEST_JOB"   // the file of the job
	pointVariable = "CROSSBATCH_TEST_POINT" // where it dies: a step, or scoring
)

// scoring is a point after the first shards are finished and before the last is.
const scoring = "scoring"

// victim runs the job of a file and is killed at a point.
func victim(path, point string) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var j job.Job
	if err := json.Unmarshal(body, &j); err != nil {
		return err
	}
	o, err := options(context.Background())
	if err != nil {
		return err
	}
	die := func() {
		if self, err := os.FindProcess(os.Getpid()); err == nil && self.Kill() == nil {
			select {} // until it is done
		}
	}
	o.Step = func(p string) {
		if p == point {
			die()
		}
	}
	o.Progress = func(p engine.Progress) {
		if point == scoring && p.Phase == engine.Scoring && p.Counts.In > 1000 {
			die()
		}
	}
	_, err = Run(context.Background(), j, o)
	return errors.Join(err, errors.New("it was not killed"))
}

// killed runs the job in a process of its own, which is killed at a point.
func (f *fixture) killed(point string) {
	f.Helper()
	body, err := json.Marshal(f.job)
	if err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(f.dir, "job.json")
	if err := os.WriteFile(path, body, 0o644); err != nil {
		f.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		f.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), jobVariable+"="+path, pointVariable+"="+point, "GORACE=atexit_sleep_ms=0")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Run(); err == nil || said.Len() > 0 {
		f.Fatalf("killed at %q: %v %s", point, err, &said)
	}
}

// files are the bytes of all that a result names, by name; the manifest, which
// tells times, aside.
func (f *fixture) files() map[string]string {
	f.Helper()
	texts := map[string]string{}
	for _, name := range f.verified().Files() {
		b, err := os.ReadFile(filepath.Join(f.dir, "out", name))
		if err != nil {
			f.Fatal(err)
		}
		texts[name] = string(b)
	}
	return texts
}

// alone says that the destination holds these files of a result and no other.
func (f *fixture) alone(want map[string]string) {
	f.Helper()
	if got := f.files(); !maps.Equal(got, want) {
		f.Errorf("the result is not the undisturbed run's: %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	names := slices.Sorted(maps.Keys(want))
	if got := f.left(); !slices.Equal(got, slices.Sorted(slices.Values(append(names, record.ManifestName)))) {
		f.Errorf("the destination holds %q, want %q and the manifest", got, names)
	}
}

// removed takes the destination away.
func (f *fixture) removed() {
	f.Helper()
	if err := os.RemoveAll(filepath.Join(f.dir, "out")); err != nil {
		f.Fatal(err)
	}
}

// A killed run's successor scores what is left, into the bytes of a run that
// nothing disturbed.
func TestKilledRunIsResumed(t *testing.T) {
	f := setup(t)
	f.job.Limits.FailedRecords = &job.Tolerance{Count: 1}
	f.shard(1, strings.Repeat("{\"x\":1}\n", 9)+"{\"x\":[1,2]}\n")
	f.shard(2, strings.Repeat("{\"x\":2}\n", 400_000))
	undisturbed := f.run(t.Context())
	want := f.files()
	f.removed()

	f.killed(scoring)
	if names := f.left(); !slices.Equal(names, []string{workFolder}) {
		t.Errorf("the killed run left %q", names)
	}
	var start Start
	f.opts.Started = func(s Start) { start = s }
	r := f.run(t.Context())
	if start.Records < 20 || start.Records+r.Scored != 400_020 || r.Run != undisturbed.Run || r.State != undisturbed.State || r.Counts != undisturbed.Counts {
		t.Errorf("resumed with %+v: %+v, want the end of %+v", start, r, undisturbed)
	}
	f.alone(want)
}

// TestKilledPublisher kills a run at every step of replacing a result. A reader
// sees one result, whole, at any time; and whoever comes next clears what was
// left: the same run again, or one over other data.
func TestKilledPublisher(t *testing.T) {
	f := setup(t)
	f.job.Limits.FailedRecords = &job.Tolerance{Count: 1}
	const before, after, other = "{\"x\":1}\n{\"x\":[1]}\n{\"x\":[1,2]}\n", "{\"x\":[2,3]}\n{\"x\":4}\n", "{\"x\":5}\n"
	results := map[string]map[string]string{}
	var points []string
	f.opts.Step = func(p string) { points = append(points, p) }
	for _, text := range []string{before, other, after} {
		f.removed()
		f.shard(0, text)
		points = nil
		f.run(t.Context())
		results[text] = f.files()
	}
	f.opts.Step = nil
	if len(points) < 2*4+5 { // four parts; remember, commit, clean
		t.Fatalf("only the steps %q", points)
	}
	committed := slices.Index(points, "after commit")
	for i, point := range points {
		for _, next := range []string{after, other} {
			t.Run(fmt.Sprintf("%s, then %d bytes", point, len(next)), func(t *testing.T) {
				f := &fixture{T: t, dir: f.dir, job: f.job, opts: f.opts}
				f.removed()
				f.shard(0, before)
				f.run(t.Context())
				f.shard(0, after)
				f.killed(point)
				want := results[before]
				if i >= committed {
					want = results[after]
				}
				if got := f.files(); !maps.Equal(got, want) {
					t.Errorf("the result in force is %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
				}
				f.shard(0, next)
				r := f.run(t.Context())
				if next == after && r.Scored != 0 {
					t.Errorf("%d records were scored again", r.Scored)
				}
				f.alone(results[next])
			})
		}
	}
}
