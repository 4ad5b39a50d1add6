package engine

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/record"
)

// specimen is one model of the corpus, with records and what must come of them.
type specimen struct {
	name    string
	graph   *modeltest.Graph
	tensors []job.Tensor
	sel     []job.Selection
	key     []string
	records int    // a call; 0: as the model allows
	places  bool   // a record's answer depends on its place in the call
	files   string // external data beside the model: name=content
	in      string // records, a line each
	// want has a line for each record: what stands between the braces of its
	// prediction, or "! code: message" where it fails.
	want string
	// refused is the error before the run, in place of want.
	refused string
}

// runCorpus scores each specimen as the command does.
func runCorpus(t *testing.T, cases []specimen) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.check(t) })
	}
}

func (c specimen) check(t *testing.T) {
	dir := t.TempDir()
	if name, body, ok := strings.Cut(c.files, "="); ok {
		write(t, filepath.Join(dir, name), body)
	}
	in := filepath.Join(dir, "in.jsonl")
	write(t, in, outdent(c.in))
	j := sumJob(t, t.TempDir())
	j.Model = job.Model{Name: "m", Artifact: c.graph.Save(t, dir, "m.onnx")}
	j.Input.Source, j.Input.Tensors, j.Input.Key = []string{in}, c.tensors, c.key
	j.Output.Select, j.Batching.Records = c.sel, c.records
	c.run(t, j, dir)
	if c.refused == "" && c.records == 0 && !c.places { // no record's answer may depend on the others
		j.Batching.Records = 1
		c.run(t, j, dir)
	}
}

func (c specimen) run(t *testing.T, j job.Job, dir string) {
	t.Helper()
	r, err := Prepare(t.Context(), task(t, j), options(t))
	if c.refused != "" || err != nil {
		if err == nil {
			_ = r.Close()
		}
		if got := strings.ReplaceAll(errorText(err), dir+"/", ""); got != c.refused {
			t.Errorf("refused: %s\nwant:    %s", got, c.refused)
		}
		return
	}
	defer func() { _ = r.Close() }()
	folder := t.TempDir()
	if _, err := r.Execute(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	ok, failed := c.wanted()
	for _, p := range finished(t, folder) {
		if diff := cmp.Diff(ok, readPart(t, folder, &p.Part.Shard.Part)); diff != "" {
			t.Errorf("published (-want +got): %s", diff)
		}
		if diff := cmp.Diff(failed, readPart(t, folder, p.Part.Shard.FailedPart)); diff != "" {
			t.Errorf("failed (-want +got): %s", diff)
		}
	}
}

// wanted are the lines of the part and of the failed records.
func (c specimen) wanted() (ok, failed string) {
	for i, line := range strings.Split(strings.TrimSuffix(outdent(c.want), "\n"), "\n") {
		if message, bad := strings.CutPrefix(line, "! "); bad {
			code, text, _ := strings.Cut(message, ": ")
			line := record.ErrorLine{Key: []byte(`"0:` + strconv.Itoa(i) + `"`), Code: record.AppendString(nil, code), Message: record.AppendString(nil, text)}
			failed += string(record.AppendFailed(nil, line, 0, int64(i)))
			continue
		}
		if !strings.HasPrefix(line, `{"key":`) { // a specimen with a key says the whole line
			line = `{"key":"0:` + strconv.Itoa(i) + `","prediction":{` + line + "}}"
		}
		ok += line + "\n"
	}
	return ok, failed
}

func readPart(t *testing.T, folder string, f *record.File) string {
	t.Helper()
	if f == nil {
		return ""
	}
	b, err := os.ReadFile(filepath.Join(folder, filepath.Base(f.Name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// outdent takes the indentation off a text of lines.
func outdent(s string) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(s), "\n") {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// list makes names of one text: "a b" is a and b, "-" one that is left out.
func list(text string) []string {
	names := strings.Fields(text)
	for i, n := range names {
		if n == "-" {
			names[i] = ""
		}
	}
	return names
}
