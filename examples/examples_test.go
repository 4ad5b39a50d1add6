// Package examples proves that each example gives the predictions that
// scikit-learn or numpy made for it, from its job file and from flags alike.
package examples

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/verify"
)

// predictions are the published predictions by key, in JSON.
type predictions map[string]map[string]any

type tolerance struct {
	RTol  float64  `json:"rtol"`
	ATol  float64  `json:"atol"`
	Exact []string `json:"exact"`
}

// example says how the folder is scored by score, whose results carry every
// output, and what its job file publishes of them.
type example struct {
	name      string
	results   []string // folders that submit writes
	flags     [][]string
	published func(map[string]any) map[string]any
	failed    []string // keys that must fail, as JSON
}

func TestExamples(t *testing.T) {
	features, binary := forecastFeatures(t), build(t)
	for _, ex := range []example{
		{
			name:    "propensity",
			results: []string{"out/scores"},
			flags: [][]string{{"--model", "model/propensity.onnx", "--input", "data", "--key", "customer", "--null", "nan", "--failed-records", "1",
				"--tensor", "features=tenure_months,monthly_charges,total_charges,contract_months,partner,dependents,phone_service,paperless_billing,dsl,fiber,multiple_lines,online_security,online_backup,device_protection,tech_support,streaming_tv,streaming_movies,electronic_check,automatic_payment"}},
			published: func(p map[string]any) map[string]any {
				return map[string]any{"score": p["probabilities"].([]any)[1]}
			},
			failed: []string{`"4359"`},
		},
		{
			name:      "recommendations",
			results:   []string{"out/routes"},
			flags:     [][]string{{"--model", "model/recommendations.onnx", "--input", "data", "--key", "user"}},
			published: func(p map[string]any) map[string]any { return p },
		},
		{
			name:      "forecast",
			results:   []string{"out/downtown", "out/neighborhoods"},
			flags:     [][]string{append([]string{"--input", "data/downtown"}, features...), append([]string{"--input", "data/neighborhoods"}, features...)},
			published: func(p map[string]any) map[string]any { return p },
		},
	} {
		t.Run(ex.name, func(t *testing.T) { ex.test(t, binary) })
	}
}

func (ex example) test(t *testing.T, binary string) {
	dir := filepath.Join(t.TempDir(), ex.name)
	if err := os.CopyFS(dir, os.DirFS(ex.name)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	command(t, dir, binary, "submit", ".", "--wait", "--json")
	submitted, failed := predictions{}, map[string]bool{}
	for _, r := range ex.results {
		read(t, filepath.Join(dir, r), submitted, failed)
	}
	scored := predictions{}
	for i, flags := range ex.flags {
		out := filepath.Join(dir, "out", fmt.Sprintf("direct-%d", i))
		command(t, dir, binary, append([]string{"score", "--output", out, "--json"}, flags...)...)
		read(t, out, scored, failed)
	}
	for _, k := range ex.failed {
		if !failed[k] {
			t.Errorf("record %s must fail and did not", k)
		}
		delete(failed, k)
	}
	if len(failed) > 0 {
		t.Errorf("these records must not fail: %v", failed)
	}
	if len(scored) != len(submitted) {
		t.Errorf("score has %d predictions, submit %d", len(scored), len(submitted))
	}
	for key, p := range scored {
		want, got := asJSON(t, ex.published(p)), asJSON(t, submitted[key])
		if want != got {
			t.Fatalf("record %s: score says %s, submit %s", key, want, got)
		}
	}
	ex.compare(t, scored)
}

// compare holds the predictions against expected.jsonl.
func (ex example) compare(t *testing.T, got predictions) {
	var tol tolerance
	b, err := os.ReadFile(filepath.Join(ex.name, "tolerance.json"))
	if err == nil {
		err = json.Unmarshal(b, &tol)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(ex.name, "expected.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var want struct {
			Key        json.RawMessage
			Prediction map[string]any
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		for name, v := range want.Prediction {
			exact := false
			for _, e := range tol.Exact {
				exact = exact || e == name
			}
			p, ok := got[string(want.Key)]
			if !ok {
				t.Fatalf("record %s has no prediction", want.Key)
			}
			if !close(v, p[name], tol, exact) {
				t.Fatalf("record %s, %s: got %v, expected %v", want.Key, name, p[name], v)
			}
		}
	}
	if n < 200 {
		t.Errorf("only %d predictions were compared", n)
	}
}

func close(want, got any, tol tolerance, exact bool) bool {
	switch want := want.(type) {
	case float64:
		g, ok := got.(float64)
		if exact {
			return ok && g == want
		}
		return ok && math.Abs(g-want) <= tol.ATol+tol.RTol*math.Abs(want)
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			return false
		}
		for i := range want {
			if !close(want[i], g[i], tol, exact) {
				return false
			}
		}
		return true
	}
	return false
}

// read adds a published result, JSONL or CSV, to p and its failed keys to failed.
func read(t *testing.T, dir string, p predictions, failed map[string]bool) {
	t.Helper()
	m, findings, err := verify.Result(t.Context(), os.DirFS(dir))
	if err != nil || len(findings) > 0 {
		t.Fatalf("%s: %v %v", dir, err, findings)
	}
	for _, s := range m.Shards {
		part, err := os.ReadFile(filepath.Join(dir, s.Part.Name))
		if err != nil {
			t.Fatal(err)
		}
		if m.Format == "csv" {
			readCSV(t, part, p)
		} else {
			readJSONL(t, part, func(key string, l map[string]json.RawMessage) {
				var v map[string]any
				if err := json.Unmarshal(l["prediction"], &v); err != nil {
					t.Fatal(err)
				}
				p[key] = v
			})
		}
		if s.FailedPart != nil {
			lines, err := os.ReadFile(filepath.Join(dir, s.FailedPart.Name))
			if err != nil {
				t.Fatal(err)
			}
			readJSONL(t, lines, func(key string, _ map[string]json.RawMessage) { failed[key] = true })
		}
	}
}

func readJSONL(t *testing.T, b []byte, add func(key string, line map[string]json.RawMessage)) {
	t.Helper()
	for line := range bytes.Lines(b) {
		var l map[string]json.RawMessage
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		add(string(l["key"]), l)
	}
}

// readCSV gathers the numbered columns of keys and predictions again.
func readCSV(t *testing.T, b []byte, p predictions) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		var key []string
		v := map[string]any{}
		for i, cell := range row {
			name, ok := strings.CutPrefix(rows[0][i], "prediction.")
			if !ok {
				key = append(key, cell)
				continue
			}
			var n any
			if err := json.Unmarshal([]byte(cell), &n); err != nil {
				t.Fatal(err)
			}
			base := name[:strings.LastIndexByte(name, '_')]
			list, _ := v[base].([]any)
			v[base] = append(list, n)
		}
		p[asJSON(t, key)] = v
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// forecastFeatures are the flags that feed the forecast model.
func forecastFeatures(t *testing.T) []string {
	var f struct{ History, Holidays []string }
	b, err := os.ReadFile("forecast/features.json")
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--model", "model/forecast.onnx", "--key", "station,date",
		"--tensor", "history=" + strings.Join(f.History, ","), "--tensor", "holidays=" + strings.Join(f.Holidays, ","), "--tensor", "weekday=weekday"}
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "crossbatch")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/crossbatch").CombinedOutput(); err != nil {
		t.Fatalf("building crossbatch: %v\n%s", err, out)
	}
	return binary
}

func command(t *testing.T, dir, binary string, args ...string) {
	t.Helper()
	c := exec.Command(binary, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("crossbatch %s: %v\n%s", args[0], err, out)
	}
}
