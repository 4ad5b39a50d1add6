//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/broker"
)

// days is of a backfill.
const days = 30

// backfill is a project whose job scores one day.
func (c *cloud) backfill(t *testing.T, project, ledger string) *scene {
	b := newScene(t, stage{
		blocks: fmt.Sprintf("crossbatch {\n  project = %q\n  ledger  = %q\n}\nvariable \"day\" {}\n", project, ledger) + c.block("sagemaker", project), place: "sagemaker.emulated",
		haste: 10, made: func() []native { return transformJobs(t, c.endpoints["sagemaker"]) },
	})
	b.write(sceneFile, strings.NewReplacer("in/*.jsonl", "in/${var.day}.jsonl", "out/", "out/${var.day}/").Replace(b.job()))
	for day := range days {
		b.write(fmt.Sprintf("in/%d.jsonl", day), string(rows(day+1)))
	}
	return b
}

// each is a process that runs a verb for one day after the other.
func (c *scene) each(days []int, verb ...string) *exec.Cmd {
	var lines []string
	for i, day := range days {
		if i > 0 {
			lines = append(lines, "++")
		}
		lines = append(append(lines, verb...), sceneFile, "--json", "--var", fmt.Sprintf("day=%d", day))
	}
	return c.program("crossbatch-several", steps{}, lines...)
}

// scored wants the result of a day.
func (c *scene) scored(day int) (run string) {
	c.Helper()
	at := &scene{c.crash, c.stage}
	at.out = c.out + fmt.Sprintf("%d/", day)
	r := at.reader()
	out := at.verified(r)
	var want strings.Builder
	for i := range day + 1 {
		fmt.Fprintf(&want, "{\"key\":%d,\"prediction\":{\"y\":[%d]}}\n", i, i*100+12)
	}
	for o, err := range r.folder.Objects(c.Context(), r.folder.Prefix+"part-") {
		if err != nil {
			c.Fatal(err)
		}
		body, err := r.folder.Read(c.Context(), o.Key)
		if err != nil || string(body) != want.String() {
			c.Errorf("day %d: %q, %v, want %q", day, body, err, &want)
		}
	}
	return out.run
}

// TestThirtyDays fills in thirty days with eight processes, each of which applies all
// of them in an order of its own, beside another project of the same ledger whose job
// has the same name. Each day is run once, and neither project sees anything of the
// other.
func TestThirtyDays(t *testing.T) {
	cloud := newCloud(t)
	ledger := filepath.Join(t.TempDir(), "ledger")
	ours, other := cloud.backfill(t, "ours", ledger), cloud.backfill(t, "other", ledger)
	var commands []*exec.Cmd
	var all []int
	for _, stride := range []int{1, 7, 11, 13, 17, 19, 23, 29} { // they have no divisor in common with 30
		var order []int
		for i := range days {
			order = append(order, i*stride%days)
		}
		all = order
		commands = append(commands, ours.each(order, "apply", "--auto-approve"))
	}
	others := []int{0, 1, 2}
	commands = append(commands, other.each(others, "apply", "--auto-approve"))
	for i, a := range ours.atOnce(commands...) {
		if a.code != exitOK {
			t.Errorf("process %d: exit %d\n%s", i, a.code, a.text)
		}
	}
	want := map[string]string{} // projects by the runs whose results stand
	for day := range days {
		want[ours.scored(day)] = "ours"
	}
	for _, day := range others {
		want[other.scored(day)] = "other"
	}
	ours.once(days + len(others))
	var list struct{ Runs []broker.Run }
	if err := json.Unmarshal([]byte(ours.run("list", "--all", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Runs) != days+len(others) {
		t.Errorf("the ledger has %d runs", len(list.Runs))
	}
	for _, r := range list.Runs {
		if r.State != broker.Succeeded || r.Attempt != 1 || want[r.ID] != r.Project {
			t.Errorf("%s of %s is %s in attempt %d; its result stands in a destination of %q", r.ID, r.Project, r.State, r.Attempt, want[r.ID])
		}
	}
	for c, order := range map[*scene][]int{ours: all, other: others} {
		c.nothingToDo(order)
	}
}

// nothingToDo says that a plan begins nothing on any of some days, and sees nothing of
// other projects.
func (c *scene) nothingToDo(order []int) {
	c.Helper()
	var out, errs bytes.Buffer
	cmd := c.each(order, "plan", "--detailed-exitcode")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		c.Errorf("plan: %v\n%s%s", err, &out, &errs)
		return
	}
	d := json.NewDecoder(&out)
	for _, day := range order {
		var p struct {
			Jobs    []struct{ Action string }
			Orphans []broker.Run
		}
		if err := d.Decode(&p); err != nil {
			c.Fatal(err)
		}
		if len(p.Jobs) != 1 || p.Jobs[0].Action != "nothing" || len(p.Orphans) > 0 {
			c.Errorf("day %d: the plan is %+v", day, p)
		}
	}
}
