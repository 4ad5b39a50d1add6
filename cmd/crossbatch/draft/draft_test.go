package draft

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// graph has one float input of a width, and a string input when named.
func graph(width any, text string) *modeltest.Graph {
	g := modeltest.New().Input("features", model.Float32, "N", width).Output("y", model.Float32, "N", width).
		Node("Identity", []string{"features"}, []string{"y"})
	if text != "" {
		g.Input(text, model.String, "N", 1)
	}
	return g
}

func TestDraft(t *testing.T) {
	for _, tc := range []struct {
		name, file, data string
		model            *modeltest.Graph
	}{
		{"csv", "in.csv", "customer_id,age,city,tenure,score\n7,41,Rome,3,0.5\n8,,Oslo,1,\n", graph(3, "")},
		{"csv-text", "in.csv", "uuid,age,town\na-1,41,Rome\n", graph(1, "city")},
		{"csv-too-many", "in.csv", "a,b,c\n1,2,3\n", graph(2, "")},
		{"csv-open-width", "in.csv", "a,b,c\n1,2,3\n", graph("F", "")},
		{"jsonl-list", "in.jsonl", "{\"id\":\"k\",\"embedding\":[1,2,3]}\n", graph(3, "")},
		{"jsonl-own-names", "in.jsonl", "{\"features\":[1,2],\"city\":\"Rome\"}\n", graph(2, "city")},
		{"jsonl-nothing-fits", "in.jsonl", "{\"name\":\"Rome\"}\n", graph(2, "")},
		{"csv-distinct", "in.csv", "customer,a,b\n0007,1,2\n0008,1,2\n0009,3,4\n", graph(2, "")},
		{"csv-fractions", "in.csv", "a,b\n0.5,2\n0.6,2\n1,4\n", graph(2, "")},
		{"jsonl-repeats", "in.jsonl", "{\"city\":\"Rome\",\"a\":1,\"b\":2}\n{\"city\":\"Oslo\",\"a\":1,\"b\":2}\n{\"city\":\"Rome\",\"a\":1,\"b\":2}\n", graph(2, "")},
		{"no-records", "in.csv", "id,a,b\n", graph(2, "")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			input := filepath.Join(dir, tc.file)
			if err := os.WriteFile(input, []byte(tc.data), 0o644); err != nil {
				t.Fatal(err)
			}
			pkg, err := model.Open(t.Context(), tc.model.Save(t, dir, "m.onnx"))
			if err != nil {
				t.Fatal(err)
			}
			peek, err := engine.PeekAt(t.Context(), storage.OpenLocal, Input(input), 100)
			if err != nil {
				t.Fatal(err)
			}
			d := New(Params{Name: "m", Model: "m.onnx", Input: tc.file, Graph: pkg.Graph, Peek: peek})

			path := filepath.Join(dir, "m"+jobfile.Suffix)
			if err := os.WriteFile(path, d.Text, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, diags := jobfile.Load(path, jobfile.Options{Version: "0.1.0"}); len(diags) > 0 {
				t.Errorf("the draft is not valid: %v\n%s", diags, d.Text)
			}
			text := string(d.Text)
			for _, n := range d.Notes {
				text += "# note: " + n + "\n"
			}
			golden(t, tc.name, text)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -update rewrites it\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"churn": "churn", "Churn Model-v2": "churn_model_v2", "2024_x": "x", "__a__": "a", "ß": "score", "": "score",
	} {
		if got := Name(in); got != want {
			t.Errorf("Name(%q) = %q, want %q", in, got, want)
		}
	}
}
