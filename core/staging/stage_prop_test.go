package staging_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/staging"
)

// jsonLines are lines of JSONL, sound and not.
var jsonLines = []string{
	`{"id":1,"x":[1,2],"s":"ä\u00e4"}`, `{ "id" : "007" }`, `{}`, `  {"id":12345678901234567890,"x":1e400}  `, `{"x":null,"id":null}`,
	`{"_cb":"9:9","id":2}`, `{"id":3,"_cb_error":{"code":"x"},"x":1}`, `{"\u005fcb":1,"x":{"_cb":4},"id":5}`, `{"_cb":1,"_cb_error":2}`,
	`{"id":4,"x":tru}`, `{"id":5`, `[1]`, `7`, "\xff", `{"id":6}}`, "", "   ", `{"a.b":1,"id":{"c":2}}`, `{"id":7,"x":"\u0000\ud800"}`,
}

// csvRows are rows of CSV under id,x,s, sound and not.
var csvRows = []string{
	"1,2,a", "007,\"\",", ",,", `"a ""b""",1.5," c "`, "1,2", "1,2,3,4", `5,a"b,c`, "\xff,1,2", "", `6,"x"y,z`, "Ä,1e3,=SUM()", `8,"_cb_error",_cb`,
}

// told is what folders say of fields.
var told = map[string]map[string]record.Value{
	"id=eu%20\"x":                      {"id": {Kind: record.String, Raw: []byte(`"eu \"x"`)}},
	"x=7/s=__HIVE_DEFAULT_PARTITION__": {"x": {Kind: record.String, Raw: []byte(`"7"`)}, "s": {Kind: record.Null}},
	"_cb=1/id=":                        {"id": {Kind: record.String, Raw: []byte(`""`)}},
}

func TestEveryRecordOnce(t *testing.T) {
	dir := t.TempDir()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		mem := newStore(t)
		r := staging.Recipe{
			Format:     rapid.SampledFrom([]job.Format{job.JSONL, job.CSV}).Draw(rt, "format"),
			Write:      rapid.SampledFrom([]job.Format{job.JSONL, job.CSV}).Draw(rt, "write"),
			PieceBytes: rapid.Int64Range(1, 400).Draw(rt, "piece bytes"),
		}
		fields := []string{"id", "x", "s"}
		if rapid.Bool().Draw(rt, "key") {
			r.Key = []string{"id"}
		}
		pool, head, tail := jsonLines, "", ""
		if r.Format == job.CSV {
			pool = csvRows
			r.CSV = &job.Dialect{Header: rapid.Bool().Draw(rt, "header"), Delimiter: rapid.SampledFrom([]string{",", ";"}).Draw(rt, "delimiter")}
			r.Columns = fields
			if r.Write == job.CSV && rapid.Bool().Draw(rt, "fields") || r.Write == job.JSONL && rapid.Bool().Draw(rt, "fields") {
				r.Fields = []string{"s", "id", "x"}
			}
			if r.CSV.Header {
				head = "id,x,s\n"
			}
		} else if r.Write == job.CSV {
			r.Fields = fields
		}
		if r.Write == job.JSONL {
			r.Identity = rapid.Bool().Draw(rt, "identity")
			r.Sealed = rapid.Bool().Draw(rt, "sealed")
			r.Partitions = rapid.Bool().Draw(rt, "partitions")
		}
		if rapid.Bool().Draw(rt, "no newline at the end") {
			tail = "x"
		}

		var shards job.Shards
		var want []row
		for i := range rapid.IntRange(0, 4).Draw(rt, "shards") {
			lines := rapid.SliceOfN(rapid.SampledFrom(pool), 0, 12).Draw(rt, "lines")
			end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "end")
			body := head + strings.Join(append(lines, ""), end)
			if tail != "" {
				body = strings.TrimSuffix(body, end)
			}
			if r.CSV != nil && r.CSV.Delimiter == ";" {
				body = strings.ReplaceAll(body, ",", ";")
			}
			folder := rapid.SampledFrom([]string{"plain", "id=eu%20\"x", "x=7/s=__HIVE_DEFAULT_PARTITION__", "_cb=1/id="}).Draw(rt, "folder")
			name := fmt.Sprintf("%s/%d-%d.%s%s", folder, round, i, r.Format, rapid.SampledFrom([]string{"", ".gz", ".zst"}).Draw(rt, "compression"))
			shards = append(shards, shard(t, filepath.Join(dir, name), []byte(body)))
			if r.Format == job.JSONL && r.Write == job.CSV {
				continue // the kinds of values become text
			}
			want = append(want, atSource(t, []byte(body), i, r, fields, told[folder])...)
		}
		p := plan(t, r, shards)
		s, err := staging.Stage(t.Context(), mem.open, memPlace+"st/", p, staging.Options{Parallel: rapid.IntRange(1, 3).Draw(rt, "parallel")})
		if err != nil {
			rt.Fatal(err)
		}
		got := asStaged(t, mem.objects(t, memPlace+"st/"), p, s, mapped(r), fields)
		if r.Format == job.JSONL && r.Write == job.CSV {
			if int64(len(got)) != s.Records() {
				rt.Fatalf("%d records, %d counted", len(got), s.Records())
			}
			return
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(row{})); d != "" {
			rt.Fatal(d)
		}
		if int64(len(want)) != s.Records() || len(s.Shards) != len(shards) {
			rt.Fatalf("%d records in %d shards, counted %d in %d", len(want), len(shards), s.Records(), len(s.Shards))
		}
		again, err := staging.Open(t.Context(), mem.open, memPlace+"st/", p)
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(s, again); d != "" {
			rt.Fatal(d)
		}
	})
}
