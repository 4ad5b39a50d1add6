package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// report is what a run of the benchmark says.
type report struct {
	Command string   `json:"command"`
	Machine machine  `json:"machine"`
	Results []result `json:"results"`
	Ratios  []ratio  `json:"ratios"`
	Notes   []string `json:"notes,omitempty"`
}

func (r *report) writeJSON(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// remarks stand under every table.
func remarks() []string {
	return []string{
		"Every figure is a median; the subjects ran in turns, with the input in the page cache. a2, b, b1, c and d are whole processes, from start to exit. b computes the input's digest each time.",
		"a1 runs on rows in memory for a second, a session with one thread for each core, batches of 256, through the Go binding that crossbatch uses.",
		"a2 is crossbatch with a model of the same inputs and outputs that answers elements of its input, so it includes a call that is nearly free.",
		"The ceiling of a1 and a2 is 1/(1/a1 + 1/a2): all cores first do the one, then the other.",
		"Those of b, b1, c and d that ran gave a line for every row, and on the first 1,000 the same keys in the same order and predictions within 1e-5.",
	}
}

// markdown prints the tables.
func (r *report) markdown(w io.Writer) error {
	var t bytes.Buffer
	m := r.Machine
	fmt.Fprintf(&t, "`%s`\n\n%s, %d cores, %.0f GiB, %s, %s, ", r.Command, m.CPU, m.Cores, m.Memory, m.OS, m.Go)
	if m.Node != "" {
		fmt.Fprintf(&t, "Node %s, ", m.Node)
	}
	fmt.Fprintf(&t, "ONNX Runtime %s, %s\n\n", m.ONNXRuntime, m.Crossbatch)
	t.WriteString("| model, input | | what | rows/s | MB/s | seconds | cores used | peak MiB |\n|---|---|---|--:|--:|--:|--:|--:|\n")
	last := ""
	for _, res := range r.Results {
		name := res.Scenario
		if name == last {
			name = ""
		}
		last = res.Scenario
		t.WriteString(res.line(name))
	}
	t.WriteString("\n| model, input | ratio | measured | goal | |\n|---|---|--:|--:|---|\n")
	last = ""
	for _, x := range r.Ratios {
		name := x.Scenario
		if name == last {
			name = ""
		}
		last = x.Scenario
		t.WriteString(x.line(name))
	}
	t.WriteByte('\n')
	for _, note := range append(remarks(), r.Notes...) {
		fmt.Fprintf(&t, "- %s\n", strings.Join(strings.Fields(note), " "))
	}
	_, err := w.Write(t.Bytes())
	return err
}

func (r result) line(name string) string {
	mb, memory := "", ""
	if r.Bytes > 0 {
		mb = fmt.Sprintf("%.0f", float64(r.Bytes)/1e6/r.Median.Seconds)
	}
	if r.Median.Memory > 0 {
		memory = fmt.Sprintf("%.0f", mebibytes(r.Median.Memory))
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %.2f | %.2f | %s |\n",
		name, r.Subject, r.Subject.title(), thousands(r.Median.speed()), mb, r.Median.Seconds, r.Median.CPU/r.Median.Seconds, memory)
}

func (r ratio) line(name string) string {
	number := func(v float64) string {
		if r.Unit == "MiB" {
			return fmt.Sprintf("%.0f MiB", v)
		}
		return fmt.Sprintf("%.2f", v)
	}
	goal, verdict := "", ""
	if r.Goal > 0 {
		goal, verdict = "≥ "+number(r.Goal), "missed"
		if r.Most {
			goal = "< " + number(r.Goal)
		}
		if r.met() {
			verdict = "met"
		}
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", name, r.What, number(r.Value), goal, verdict)
}

// thousands writes a whole number with commas.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", math.Abs(v))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
