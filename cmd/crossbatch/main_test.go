package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/local/onnx"
)

var update = flag.Bool("update", false, "rewrite the golden texts of the scripts")

// quickRace keeps a process with the race detector on from sleeping a second
// before it ends.
const quickRace = "atexit_sleep_ms=0"

// TestMain lets the test binary stand in for crossbatch, in scripts and in the
// tests that need a process of their own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"crossbatch":         main,
		"crossbatch-small":   small,
		"crossbatch-killed":  killed,
		"crossbatch-dies":    dying,
		"crossbatch-walked":  walked,
		"crossbatch-several": several,
	})
}

func TestScripts(t *testing.T) {
	lib, nowhere := library(t), t.TempDir()
	emptyCache := func(name string) string {
		if name == onnx.CacheVariable {
			return nowhere
		}
		return ""
	}
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv(onnx.PathVariable, lib)
			e.Setenv("GORACE", quickRace)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"model": modelCommand, "rows": rowsCommand, "exits": exitsCommand, "same": sameCommand, "repeat": repeatCommand, "holds": holdsCommand, "awaits": awaitsCommand, "runid": runidCommand, "masked": maskedCommand,
		},
		// bare: nothing but the cache and the variable leads to ONNX Runtime.
		Condition: func(name string) (bool, error) {
			if name != "bare" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			_, err := onnx.Finder{Getenv: emptyCache}.Find(t.Context())
			return errors.Is(err, onnx.ErrNoLibrary), nil
		},
	})
}

// library is ONNX Runtime, which these tests cannot do without.
func library(t *testing.T) string {
	t.Helper()
	lib, err := onnx.Finder{}.Find(t.Context())
	if err != nil {
		t.Fatalf("run `make runtime` first: %v", err)
	}
	return lib.Path
}

// models are the models of the scripts, by the name of their file.
var models = map[string]func() *modeltest.Graph{
	// y = 100 x0 + 10 x1 + x2
	"sum": func() *modeltest.Graph {
		return modeltest.New().Input("x", model.Float32, "N", 3).Output("y", model.Float32, "N", 1).
			Floats("w", []int64{3, 1}, []float32{100, 10, 1}).
			Node("MatMul", []string{"x", "w"}, []string{"y"})
	},
	// y = 2 x
	"double": func() *modeltest.Graph {
		return modeltest.New().Input("x", model.Float32, "N", 1).Output("y", model.Float32, "N", 1).
			Floats("w", []int64{1, 1}, []float32{2}).
			Node("MatMul", []string{"x", "w"}, []string{"y"})
	},
	// y = x, a vector
	"triple": func() *modeltest.Graph {
		return modeltest.New().Input("x", model.Float32, "N", 3).Output("y", model.Float32, "N", 3).
			Node("Identity", []string{"x"}, []string{"y"})
	},
	// y = table[i]; an index that is not there fails inside the model.
	"gather": func() *modeltest.Graph {
		return modeltest.New().Input("i", model.Int64, "N").Output("y", model.Float32, "N").
			Floats("table", []int64{3}, []float32{10, 20, 30}).
			Node("Gather", []string{"table", "i"}, []string{"y"})
	},
	"echo": func() *modeltest.Graph {
		return modeltest.New().Input("s", model.String, "N", 1).Output("y", model.String, "N", 1).
			Node("Identity", []string{"s"}, []string{"y"})
	},
	"zipmap": func() *modeltest.Graph {
		scores := model.Value{Name: "scores", Kind: model.Sequence, Of: &model.Value{
			Kind: model.Map, Key: model.String, Of: &model.Value{Kind: model.Tensor, Elem: model.Float32},
		}}
		return modeltest.New().Opset("ai.onnx.ml", 1).Input("p", model.Float32, "N", 2).OutputValue(scores).
			Node("ZipMap", []string{"p"}, []string{"scores"}, modeltest.Domain("ai.onnx.ml"), modeltest.Strings("classlabels_strings", "no", "yes"))
	},
	// y = 0 after products that take their time.
	"slow": func() *modeltest.Graph {
		const n = 1500
		eye := make([]float32, n*n)
		for i := range n {
			eye[i*n+i] = 1
		}
		g := modeltest.New().Input("x", model.Float32, "N", 1).Output("y", model.Float32, "N", 1).
			Floats("col", []int64{n, 1}, make([]float32, n)).
			Floats("row", []int64{1, n}, make([]float32, n)).Floats("eye", []int64{n, n}, eye).
			Node("Add", []string{"x", "row"}, []string{"h0"})
		return g.Node("MatMul", []string{"h0", "eye"}, []string{"h1"}).Node("MatMul", []string{"h1", "col"}, []string{"y"})
	},
}

// modelCommand writes models: model NAME [FILE].
func modelCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 || models[args[0]] == nil {
		ts.Fatalf("usage: model NAME [FILE]")
	}
	file := args[0] + ".onnx"
	if len(args) == 2 {
		file = args[1]
	}
	ts.Check(os.WriteFile(ts.MkAbs(file), models[args[0]]().Bytes(), 0o644))
}

// rowsCommand writes N records {"id":i,"x":[i,1,2]} for the model sum: rows N FILE.
func rowsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: rows N FILE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), rows(n), 0o644))
}

// repeatCommand writes a line N times: repeat N LINE FILE.
func repeatCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat N LINE FILE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.Repeat(args[1]+"\n", n)), 0o644))
}

func rows(n int) []byte {
	var b []byte
	for i := range n {
		b = fmt.Appendf(b, "{\"id\":%d,\"x\":[%d,1,2]}\n", i, i%1000)
	}
	return b
}

// exitsCommand runs a command and compares its exit code: exits CODE COMMAND...
func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var e *exec.ExitError
	if errors.As(err, &e) {
		code = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%s: exit code %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// sameCommand compares what all files that match two globs hold: same GLOB GLOB.
func sameCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: same GLOB GLOB")
	}
	a, b := content(ts, args[0]), content(ts, args[1])
	if a != b {
		ts.Fatalf("%s and %s differ:\n%s\n%s", args[0], args[1], a, b)
	}
}

// holdsCommand looks for a text in the files that match a glob: holds GLOB TEXT.
func holdsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] holds GLOB TEXT")
	}
	if strings.Contains(content(ts, args[0]), args[1]) == neg {
		ts.Fatalf("%s: %q: %t", args[0], args[1], neg)
	}
}

// awaitsCommand waits until a file is there: awaits FILE.
func awaitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: awaits FILE")
	}
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("%s was never written", args[0])
		}
	}
}

// runidCommand compares the runs that two JSON answers are about: runid A B.
func runidCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: runid A B")
	}
	id := regexp.MustCompile(`"run": "([0-9a-f]{20})"`)
	ids := func(file string) []string {
		found := id.FindAllString(ts.ReadFile(file), -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	a, b := ids(args[0]), ids(args[1])
	if len(a) == 0 || !slices.Equal(a, b) {
		ts.Fatalf("the runs are %q and %q", a, b)
	}
}

// maskedCommand writes a file again without what differs from one machine, one ledger
// and one moment to the next: masked FILE TO. Of an id its length stays.
func maskedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: masked FILE TO")
	}
	text := strings.ReplaceAll(ts.ReadFile(args[0]), ts.Getenv("WORK"), "$WORK")
	id := regexp.MustCompile(`\b[0-9a-f]{64}\b|\b[0-9a-f]{20}\b|\brun [0-9a-f]{8}\b`)
	text = id.ReplaceAllStringFunc(text, func(s string) string {
		word, digits := "", s
		if strings.HasPrefix(s, "run ") {
			word, digits = s[:4], s[4:]
		}
		return fmt.Sprintf("%s<%d>", word, len(digits))
	})
	for what, by := range map[string]string{`\b[0-9]+[smhd] ago\b`: "<ago>", `"20[0-9T:.-]+Z"`: `"<time>"`, `("seconds": )[0-9.e-]+`: "${1}<n>"} {
		text = regexp.MustCompile(what).ReplaceAllString(text, by)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}

func content(ts *testscript.TestScript, glob string) string {
	found, err := filepath.Glob(ts.MkAbs(glob))
	ts.Check(err)
	if len(found) == 0 {
		ts.Fatalf("nothing matches %s", glob)
	}
	var all strings.Builder
	for _, f := range found {
		b, err := os.ReadFile(f)
		ts.Check(err)
		all.Write(b)
	}
	return all.String()
}
