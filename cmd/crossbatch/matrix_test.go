//go:build unix

package main

import (
	"slices"
	"strings"
	"testing"
)

// TestKilledAnywhere kills apply and watch before and after each write to the ledger
// and to the staging place, each native call and each write to the destination.
// Whatever was done, a reader sees one whole result, and whoever comes next goes on:
// one native job for each run, the same bytes, nothing stale.
//
// The steps are those that undisturbed processes took. The killed processes follow each
// other on one run: each goes on from what the last one left, and is killed at the
// first step at which none was killed before. A process finds nothing but what lies in
// the ledger, the services and the stores. So each of them has to come at least to the
// next step from what somebody who was killed there leaves, and the last one to the
// end: n steps cost n processes, where one run for each step would cost three. Steps
// that such a chain does not come by, as the next process need not take them again, and
// those around native calls are died at in runs of their own, which the next process
// finishes.
//
// The data come late in all runs but the first: two of three shards change, and a
// result is replaced.
//
// On SageMaker, ledger and destination are in S3, else they are folders.
func TestKilledAnywhere(t *testing.T) {
	cloud := newCloud(t)
	t.Run("places", func(t *testing.T) {
		for name, place := range map[string]func(t *testing.T, name string) *scene{
			"local":     func(t *testing.T, _ string) *scene { return newScene(t, stage{haste: 20}) },
			"sagemaker": cloud.sagemaker,
			"vertex":    cloud.vertex,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := newMatrix(place(t, "walk"))
				k.scene, k.died = place(t, "killed"), map[string]bool{}
				k.reader, k.runs = k.scene.reader(), len(k.made()) // a service has those of the walk, too
				k.fill()
			})
		}
	})
}

// matrix is the steps that have to be died at, and what came of it.
type matrix struct {
	*scene
	first, later []string  // steps that undisturbed processes take, on each version of the data
	want         [2]result // of each version

	reader *reader
	died   map[string]bool // at these steps
	was    result
	runs   int
}

// newMatrix walks undisturbed.
func newMatrix(c *scene) *matrix {
	c.Helper()
	k, r := &matrix{}, c.reader()
	for version, took := range []*[]string{&k.first, &k.later} {
		c.late(version)
		s := c.newSteps()
		said := c.walk(s, applied...)
		if c.place != "" && !strings.Contains(said, "  staging  ") {
			c.Errorf("apply does not say that it stages:\n%s", said)
		}
		*took, k.want[version] = s.all(c.T), c.verified(r)
	}
	if k.want[0].equal(k.want[1]) || len(k.first) < 30 {
		c.Fatalf("results %v, steps %q", k.want, k.first)
	}
	return k
}

func (k *matrix) fill() {
	k.Helper()
	all := slices.Concat(k.first, k.later)
	k.dieAt(all)
	k.dieAt(k.later[slices.IndexFunc(k.later, func(point string) bool { return strings.Contains(point, "part-") }):])
	left := func() []string {
		return slices.DeleteFunc(slices.Clone(all), func(point string) bool { return k.died[point] })
	}
	for before := len(all); before > len(left()) && len(left()) > 0; {
		before = len(left())
		k.dieAt(left())
	}
	for _, point := range left() {
		k.Errorf("no process was killed %s", point)
	}
	for _, point := range k.first {
		if strings.Contains(point, " find ") || strings.Contains(point, " send ") {
			k.dieAt([]string{point})
		}
	}
	k.run("watch") // it writes the events of which there are the locks alone
	k.run("fsck")
	k.once(k.runs)
	k.Logf("died at %d steps, in %d runs", len(k.died), k.runs)
}

// dieAt begins a run on other data than the last time, and dies at some of its steps.
func (k *matrix) dieAt(points []string) {
	k.Helper()
	version := k.runs % 2
	k.late(version)
	known := slices.DeleteFunc(slices.Concat(k.first, k.later), func(point string) bool { return slices.Contains(points, point) })
	s := k.newSteps(known...)
	k.killedUntil(s, version == 1, k.reader, k.was, k.want[version])
	for _, point := range s.all(k.T)[len(known):] {
		k.died[point] = true
	}
	k.was = k.sees(k.reader)
	k.runs++
}
