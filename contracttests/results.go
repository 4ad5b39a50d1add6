package contracttests

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// results: what is published.
var results = []Invariant{
	{"success_accounts_for_every_record", accounts},
	{"bad_records_stand_alone", badRecords},
	{"awkward_names_round_trip", awkward},
	{compressedHolds, compressed},
	{"published_results_equal_the_goldens", goldens},
}

func accounts(t T, h Harness) {
	p := newPlace(t, h)
	s, want := plain("count", 1, 700, 0, 1, 3)
	d := p.desired(s)
	r, out := p.succeed(d)
	if r.Counts != (record.Counts{In: 704, OK: 704}) || r.Counts != out.manifest.Totals {
		t.Errorf("the run counts %+v, the manifest %+v, want 704 ok", r.Counts, out.manifest.Totals)
	}
	for i, s := range out.manifest.Shards {
		if s.URI != d.Shards[i].URI || s.Digest != d.Shards[i].Digest {
			t.Errorf("shard %d is %s with digest %s, want %s with %s", i, s.URI, s.Digest, d.Shards[i].URI, d.Shards[i].Digest)
		}
	}
	p.equal(out, want)
	if out.manifest.Run != r.ID || out.manifest.Fingerprint != r.Fingerprint {
		t.Errorf("the manifest is of run %s", out.manifest.Run)
	}
}

// failure is a line of failed-*, without its words.
type failure struct {
	Key   json.RawMessage `json:"key"`
	Shard int             `json:"shard"`
	Row   int64           `json:"row"`
	Code  string          `json:"code"`
}

func (p *place) failures(text string) []string {
	p.t.Helper()
	var out []string
	for line := range strings.Lines(text) {
		var f failure
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			p.t.Fatalf("failed record %q: %v", line, err)
		}
		out = append(out, fmt.Sprintf("%s shard %d row %d %s", f.Key, f.Shard, f.Row, f.Code))
	}
	return out
}

// badRecords: each costs itself, not its neighbours.
func badRecords(t T, h Harness) {
	p := newPlace(t, h)
	s, want := plain("bad", 2, 5, 4)
	lines := strings.SplitAfter(s.files[1].body, "\n")
	s.files[1].body = lines[0] + `{"id":"x1","name":"n","a":"no","b":1,"c":1}` + "\n" + lines[1] + "no record\n" + lines[2] + `{"id":"x3","name":"n","a":1,"b":1}` + "\n" + lines[3]
	s.tune = func(j *job.Job) { j.Limits.FailedRecords = &job.Tolerance{Count: 3} }
	d := p.desired(s)
	r, out := p.succeed(d)
	if r.Counts != (record.Counts{In: 12, OK: 9, Failed: 3}) {
		t.Errorf("the run counts %+v, want 9 of 12 ok", r.Counts)
	}
	p.equal(out, want)
	got := p.failures(out.failed(1))
	for i, want := range []string{`"x1" shard 1 row 1 wrong_type`, `null shard 1 row 3 malformed`, `"x3" shard 1 row 5 missing_field`} {
		if i >= len(got) || got[i] != want {
			t.Errorf("failed records %q, want %s at %d", got, want, i)
		}
	}
	if out.failed(0) != "" {
		t.Errorf("shard 0 names failed records: %s", out.failed(0))
	}

	s.name, s.dir = "worse", "worse"
	s.tune = func(j *job.Job) { j.Limits.FailedRecords = &job.Tolerance{Count: 2} }
	d = p.desired(s)
	b := p.broker(nil)
	p.ended(p.finish(b, p.submit(b, d).Key), broker.Failed)
	p.empty(d.Job.Output.Destination)
}

func awkward(t T, h Harness) {
	p := newPlace(t, h)
	names := []string{"plain", "with space", `qu"ote`, "ünï-日本", "tab\tnew\nline", "comma,semi;", "'single'", `back\slash`, "#%?&+=", strings.Repeat("long", 500), "", " lead and trail "}
	s := scenario{name: `odd["ä b/c"]`, dir: "odd names/ä +%20#", in: job.JSONL, out: job.JSONL}
	var in, want strings.Builder
	for i, n := range names {
		r := row{key: n, name: n, a: i, b: 1, c: 2}
		in.WriteString(r.line())
		want.WriteString(r.want())
	}
	s.files = []sheet{{name: "a b#%+ü.jsonl", body: in.String()}}
	_, out := p.succeed(p.desired(s))
	p.equal(out, []string{want.String()})
}

const compressedHolds = "compressed_in_and_out"

// compressed: the same records, packed on their way in and out, give the same
// predictions.
func compressed(t T, h Harness) {
	for i, in := range []string{compress.Gzip, compress.Zstd, compress.None} {
		out := []string{compress.Zstd, compress.Gzip, compress.Gzip}[i]
		p := newPlace(t, h)
		s, want := plain("packed", 4, 5, 0, 300)
		for k := range s.files {
			s.files[k].name += compress.Suffix(in)
			s.files[k].body = p.pack(s.files[k].body, in)
		}
		s.tune = func(j *job.Job) { j.Output.Compression = out }
		_, got := p.succeed(p.desired(s))
		if got.manifest.Compression != out {
			t.Errorf("the manifest says that the parts are %q, want %s", got.manifest.Compression, out)
		}
		for k, shard := range got.manifest.Shards {
			if c, _ := compress.Of(shard.Part.Name); c != out {
				t.Errorf("shard %d is called %s", k, shard.Part.Name)
			}
			got.bodies[shard.Part.Name] = p.unpack(got.part(k), out)
		}
		p.equal(got, want)
	}
}

func (p *place) pack(text, compression string) string {
	p.t.Helper()
	var b strings.Builder
	w, err := compress.NewWriter(&b, compression)
	p.must(err)
	_, err = io.WriteString(w, text)
	p.must(errors.Join(err, w.Close()))
	return b.String()
}

func (p *place) unpack(text, compression string) string {
	p.t.Helper()
	r, err := compress.NewReader(strings.NewReader(text), compression)
	p.must(err)
	b, err := io.ReadAll(r)
	p.must(errors.Join(err, r.Close()))
	return string(b)
}

//go:embed testdata/*.golden
var references embed.FS

// goldens compares whole results with those that the local backend wrote.
func goldens(t T, h Harness) {
	for _, s := range referenceJobs() {
		p := newPlace(t, h)
		b := p.broker(nil)
		d := p.desired(s)
		r := p.finish(b, p.submit(b, d).Key)
		p.ended(r, broker.Succeeded)
		text := p.reference(p.read(d.Job.Output.Destination))
		if h.Update != "" {
			p.must(os.WriteFile(filepath.Join(h.Update, s.name+".golden"), []byte(text), 0o644))
			continue
		}
		want, err := references.ReadFile("testdata/" + s.name + ".golden")
		p.must(err)
		p.same(0, s.name, text, string(want))
	}
}

// referenceJobs are those with a golden.
func referenceJobs() []scenario {
	lines, _ := plain("reference-jsonl", 30, 40, 0, 3)
	lines.files[2].body += "{\"id\":\"bad\",\"name\":\"b\",\"a\":[],\"b\":1,\"c\":1}\n"
	lines.tune = func(j *job.Job) { j.Limits.FailedRecords = &job.Tolerance{Percent: 10, IsPercent: true} }
	table := scenario{name: "reference-csv", in: job.CSV, out: job.CSV}
	for i, n := range []int{20, 4} {
		var b strings.Builder
		b.WriteString("id,name,a,b,c\r\n")
		for _, r := range rows(60+i, n) {
			fmt.Fprintf(&b, "%s,\"na,me \"\"%s\"\"\",%d,%d,%d\r\n", r.key, r.name, r.a, r.b, r.c)
		}
		table.files = append(table.files, sheet{name: fmt.Sprintf("t-%d.csv", i), body: b.String()})
	}
	mixed, _ := plain("reference-picked", 90, 12)
	mixed.out = job.CSV
	mixed.tune = func(j *job.Job) {
		j.Output.Select = []job.Selection{{Name: "first", Path: "y[0]"}, {Name: "both", Path: "y"}}
		j.Output.Keep = []job.Rename{{Name: "label", Field: "name"}}
		j.Input.Key = []string{"id", "a"}
	}
	return []scenario{lines, table, mixed}
}

// reference writes a result as text: each shard's counts, predictions and
// failures, without what depends on time, place and the words of messages.
func (p *place) reference(out published) string {
	p.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", out.manifest.State, out.manifest.Format)
	for _, c := range out.manifest.Columns {
		fmt.Fprintf(&b, "column %s\n", c.Name)
	}
	for i, s := range out.manifest.Shards {
		fmt.Fprintf(&b, "shard %d: %d in = %d ok + %d failed + %d skipped\n%s", i, s.In, s.OK, s.Failed, s.Skipped, out.part(i))
		for _, f := range p.failures(out.failed(i)) {
			fmt.Fprintf(&b, "failed %s\n", f)
		}
	}
	return b.String()
}
