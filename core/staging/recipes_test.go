package staging_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pq "github.com/parquet-go/parquet-go"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// stage stages and gives all lines, piece by piece.
func stage(t *testing.T, r staging.Recipe, shards job.Shards) (*staging.Staged, []string) {
	t.Helper()
	mem := newStore(t)
	p := plan(t, r, shards)
	s, err := staging.Stage(t.Context(), mem.open, memPlace, p, staging.Options{})
	if err != nil {
		t.Fatal(err)
	}
	objects := mem.objects(t, memPlace)
	var lines []string
	for _, piece := range s.Pieces {
		lines = append(lines, strings.Split(strings.TrimSuffix(objects[p.Records()+piece.Name], "\n"), "\n")...)
	}
	return s, lines
}

func TestWhatIsWritten(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 16<<20)
	jsonl := shard(t, filepath.Join(dir, "a.jsonl"), []byte("\xef\xbb\xbf{ \"id\": 1.50 }\n\n{}\r\n{\"id\":2,\n{\"_cb\":1,\"id\":3}\n"+long+"\n{\"id\":\"e\"}"))
	csv := shard(t, filepath.Join(dir, "a.csv.gz"), []byte("id,n,\"s,\"\n1,\"\",\n007,2.5,\"a\"\"\"\n1,2\n\"x\n"))
	csvRecipe := staging.Recipe{Format: job.CSV, CSV: &job.Dialect{Header: true, Delimiter: ","}, Columns: []string{"id", "n", "s,"}, Key: []string{"id"}}
	for name, c := range map[string]struct {
		r     staging.Recipe
		shard job.Shard
		want  []string
	}{
		"jsonl": {staging.Recipe{Format: job.JSONL, Write: job.JSONL}, jsonl, []string{
			`{ "id": 1.50 }`, `{}`, `{"_cb_error":{"code":"malformed","message":"invalid JSON at byte 8: expected a field name"}}`, `{"id":3}`,
			`{"_cb_error":{"code":"too_long","message":"the record has more than 16777216 bytes"}}`, `{"id":"e"}`,
		}},
		"jsonl with identity and key": {staging.Recipe{Format: job.JSONL, Write: job.JSONL, Identity: true, Key: []string{"id"}}, jsonl, []string{
			`{"_cb":"0:0", "id": 1.50 }`, `{"_cb":"0:1"}`, `{"_cb":"0:2","_cb_error":{"code":"malformed","message":"invalid JSON at byte 8: expected a field name"},"id":2}`,
			`{"_cb":"0:3","id":3}`, `{"_cb":"0:4","_cb_error":{"code":"too_long","message":"the record has more than 16777216 bytes"}}`, `{"_cb":"0:5","id":"e"}`,
		}},
		"sealed jsonl": {staging.Recipe{Format: job.JSONL, Write: job.JSONL, Identity: true, Sealed: true}, jsonl, []string{
			`{"_cb":"0:0","_cb_record":"{ \"id\": 1.50 }"}`, `{"_cb":"0:1","_cb_record":"{}"}`,
			`{"_cb":"0:2","_cb_record":"{\"_cb_error\":{\"code\":\"malformed\",\"message\":\"invalid JSON at byte 8: expected a field name\"}}"}`,
			`{"_cb":"0:3","_cb_record":"{\"id\":3}"}`,
			`{"_cb":"0:4","_cb_record":"{\"_cb_error\":{\"code\":\"too_long\",\"message\":\"the record has more than 16777216 bytes\"}}"}`,
			`{"_cb":"0:5","_cb_record":"{\"id\":\"e\"}"}`,
		}},
		"csv to jsonl": {with(csvRecipe, job.JSONL, nil), csv, []string{
			`{"id":"1","n":"","s,":null}`, `{"id":"007","n":"2.5","s,":"a\""}`,
			`{"_cb_error":{"code":"field_count","message":"the row has 2 cells, the header 3"},"id":"1"}`,
			`{"_cb_error":{"code":"malformed","message":"cell 1: the quote is not closed"}}`,
		}},
		"csv to some of jsonl": {with(csvRecipe, job.JSONL, []string{"n", "gone"}), csv, []string{
			`{"n":""}`, `{"n":"2.5"}`,
			`{"_cb_error":{"code":"field_count","message":"the row has 2 cells, the header 3"},"id":"1"}`,
			`{"_cb_error":{"code":"malformed","message":"cell 1: the quote is not closed"}}`,
		}},
		"csv": {with(csvRecipe, job.CSV, nil), csv, []string{
			`1,"",`, `007,2.5,"a"""`, `_cb_error,field_count,"the row has 2 cells, the header 3",1`, `_cb_error,malformed,cell 1: the quote is not closed,`,
		}},
		"jsonl to csv": {staging.Recipe{Format: job.JSONL, Write: job.CSV, Fields: []string{"id", "x"}}, shard(t, filepath.Join(dir, "b.jsonl"), []byte("{\"id\":1.50,\"x\":[1, 2]}\n{\"x\":\"a, b\",\"id\":null}\n")), []string{
			`1.50,"[1,2]"`, `,"a, b"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, got := stage(t, c.r, job.Shards{c.shard})
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			failed := int64(0)
			for _, line := range c.want {
				if strings.Contains(line, "_cb_error") {
					failed++
				}
			}
			if s.Shards[0].Failed != failed || s.Shards[0].Digest != c.shard.Digest {
				t.Errorf("%+v", s.Shards[0])
			}
		})
	}
}

func with(r staging.Recipe, write job.Format, fields []string) staging.Recipe {
	r.Write, r.Fields = write, fields
	return r
}

func TestLinesThatCSVCannotHold(t *testing.T) {
	dir := t.TempDir()
	r := staging.Recipe{Format: job.CSV, CSV: &job.Dialect{Delimiter: ","}, Columns: []string{"c0", "c1"}, Write: job.CSV}
	for name, body := range map[string]string{"a line break": "1,\"a\nb\"\n", "nothing": ",x\n"} {
		if name == "nothing" {
			r.Fields = []string{"c0"}
		}
		mem := newStore(t)
		p := plan(t, r, job.Shards{shard(t, filepath.Join(dir, name+".csv"), []byte(body))})
		if _, err := staging.Stage(t.Context(), mem.open, memPlace, p, staging.Options{}); !errors.Is(err, staging.ErrNotCSV) || !strings.Contains(err.Error(), "shard 0, row 0") {
			t.Errorf("%s: %v", name, err)
		}
		if got := mem.objects(t, memPlace); len(got) > 0 {
			t.Errorf("%s: left %v", name, got)
		}
		r.Fields = nil
	}
}

func TestHeaders(t *testing.T) {
	dir := t.TempDir()
	empty := shard(t, filepath.Join(dir, "0.csv"), nil)
	a := shard(t, filepath.Join(dir, "a.csv.zst"), []byte("x,y\n1,2\n"))
	b := shard(t, filepath.Join(dir, "b.csv"), []byte("y,x\n1,2\n"))
	d := job.Dialect{Header: true, Delimiter: ","}
	columns, err := staging.Columns(t.Context(), storage.OpenLocal, job.Shards{empty, a, b}, d)
	if err != nil || !cmp.Equal(columns, []string{"x", "y"}) {
		t.Fatal(columns, err)
	}
	if none, err := staging.Columns(t.Context(), storage.OpenLocal, job.Shards{empty}, d); err != nil || none != nil {
		t.Error(none, err)
	}
	if numbered, err := staging.Columns(t.Context(), storage.OpenLocal, job.Shards{a}, job.Dialect{Delimiter: ","}); err != nil || !cmp.Equal(numbered, []string{"c0", "c1"}) {
		t.Error(numbered, err)
	}
	mem := newStore(t)
	p := plan(t, staging.Recipe{Format: job.CSV, CSV: &d, Columns: columns, Write: job.JSONL}, job.Shards{empty, a, b})
	_, err = staging.Stage(t.Context(), mem.open, memPlace, p, staging.Options{})
	if provider.CodeOf(err) != provider.DataError || !strings.Contains(err.Error(), "b.csv") {
		t.Errorf("%v", err)
	}
}

// How an object is compressed, its name says, whatever the query of its URI.
func TestCompressionBesideAQuery(t *testing.T) {
	mem := newStore(t)
	in := shard(t, filepath.Join(mem.dir, "in", "a.csv.zst"), []byte("x,y\n1,2\n"))
	in.URI = memPlace + "in/a.csv.zst?region=x"
	open := func(ctx context.Context, uri string) (*storage.Bucket, string, error) {
		uri, _ = storage.CutQuery(uri)
		return mem.open(ctx, uri)
	}
	d := job.Dialect{Header: true, Delimiter: ","}
	columns, err := staging.Columns(t.Context(), open, job.Shards{in}, d)
	if err != nil || !cmp.Equal(columns, []string{"x", "y"}) {
		t.Fatal(columns, err)
	}
	p := plan(t, staging.Recipe{Format: job.CSV, CSV: &d, Columns: columns, Write: job.JSONL}, job.Shards{in})
	if _, err := staging.Stage(t.Context(), open, memPlace, p, staging.Options{}); err != nil {
		t.Fatal(err)
	}
	for key, body := range mem.objects(t, memPlace+p.Records()) {
		if body != `{"x":"1","y":"2"}`+"\n" {
			t.Errorf("%s holds %q", key, body)
		}
	}
}

// typedRow is a row of Parquet with what text could lose.
type typedRow struct {
	ID  int64     `parquet:"id"`
	U   uint64    `parquet:"u"`
	F   float32   `parquet:"f"`
	D   *float64  `parquet:"d,optional"`
	S   string    `parquet:"s"`
	B   bool      `parquet:"b"`
	V   []float32 `parquet:"v,list"`
	W   []int64   `parquet:"w,list"`
	L   [][]int32 `parquet:"l,list" parquet-element:",list"`
	Day int32     `parquet:"day,date"`
	Dec int64     `parquet:"dec,decimal(2:18)"`
	G   struct {
		X float32 `parquet:"x"`
	} `parquet:"g"`
}

// Records of Parquet have, once staged, the values that the columns hold.
func TestParquet(t *testing.T) {
	half := 0.5
	var rows []typedRow
	for i := range 2500 {
		r := typedRow{ID: math.MaxInt64 - int64(i), U: math.MaxUint64 - uint64(i), F: 0.1 * float32(i), S: fmt.Sprintf("ä\"%d", i), B: i%2 == 0, Day: int32(i), Dec: int64(i) * 7}
		if i%3 == 0 {
			r.D, r.V, r.W, r.L = &half, []float32{0.1, float32(i)}, []int64{math.MinInt64}, [][]int32{{1}, {}}
		}
		if i == 7 {
			r.F = float32(math.NaN())
		}
		r.G.X = 1 / float32(i+1)
		rows = append(rows, r)
	}
	var b bytes.Buffer
	w := pq.NewGenericWriter[typedRow](&b)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	fields := []string{"id", "u", "f", "d", "s", "b", "v", "w", "l", "day", "dec", "g.x", "none"}
	types := map[string]string{}
	for _, n := range fields {
		if typ := f.Type(n); typ != "" {
			types[n] = typ
		} else if elem := f.Elem(n); elem != "" {
			types[n] = "[]" + elem
		}
	}
	var want []row
	in, err := f.NewReader(fields, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	for {
		var batch parquet.Rows
		if err := in.Next(&batch, 100); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for i := range batch.Len() {
			values := make([]record.Value, len(fields))
			fail := batch.Values(i, values)
			want = append(want, row{0, batch.First + int64(i), show(fields, values, fail)})
		}
	}
	dir := t.TempDir()
	local := filepath.Join(dir, "a.parquet")
	save(t, local, b.Bytes())
	save(t, filepath.Join(dir, "mem", "in", "a.parquet"), b.Bytes())
	mem := store{filepath.Join(dir, "mem")}
	for _, uri := range []string{storage.FileURI(local), memPlace + "in/a.parquet"} {
		for _, chosen := range [][]string{nil, fields} {
			r := staging.Recipe{Format: job.Parquet, Write: job.JSONL, Identity: true, Fields: chosen, PieceBytes: 10_000}
			p := plan(t, r, job.Shards{{URI: uri, Size: int64(b.Len()), Digest: digest.Of(b.Bytes())}})
			s, err := staging.Stage(t.Context(), mem.open, memPlace+"st/", p, staging.Options{})
			if err != nil {
				t.Fatal(err)
			}
			m := mapped(r)
			m.Types = types
			got := asStaged(t, mem.objects(t, memPlace+"st/"), p, s, m, fields)
			if d := cmp.Diff(want, got, cmp.AllowUnexported(row{})); d != "" {
				t.Errorf("%s: %s", uri, d)
			}
			if len(s.Pieces) < 10 {
				t.Errorf("%d pieces", len(s.Pieces))
			}
		}
	}
	// Damaged, cut short, empty.
	for name, body := range map[string][]byte{"short": b.Bytes()[:b.Len()-3], "text": []byte("id\n1\n")} {
		save(t, local, body)
		p := plan(t, staging.Recipe{Format: job.Parquet, Write: job.JSONL}, job.Shards{{URI: storage.FileURI(local), Size: int64(len(body))}})
		if _, err := staging.Stage(t.Context(), mem.open, memPlace+"no/", p, staging.Options{}); !errors.Is(err, parquet.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s, lines := stage(t, staging.Recipe{Format: job.Parquet, Write: job.JSONL}, job.Shards{shard(t, local, nil)}); len(s.Shards) != 1 || len(s.Pieces) != 0 || len(lines) != 0 {
		t.Errorf("of nothing: %+v", s)
	}
}

func TestReservedColumnOfParquet(t *testing.T) {
	type r struct {
		C int64 `parquet:"_cb"`
		A int64 `parquet:"a"`
	}
	var b bytes.Buffer
	w := pq.NewGenericWriter[r](&b)
	if _, err := w.Write([]r{{1, 2}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	shards := job.Shards{shard(t, filepath.Join(t.TempDir(), "a.parquet"), b.Bytes())}
	mem := newStore(t)
	p := plan(t, staging.Recipe{Format: job.Parquet, Write: job.JSONL}, shards)
	if _, err := staging.Stage(t.Context(), mem.open, memPlace, p, staging.Options{}); !errors.Is(err, mapping.ErrReserved) {
		t.Errorf("%v", err)
	}
	if _, lines := stage(t, staging.Recipe{Format: job.Parquet, Write: job.JSONL, Fields: []string{"a"}}, shards); !cmp.Equal(lines, []string{`{"a":2}`}) {
		t.Errorf("%v", lines)
	}
}

// Only some shards, some rows, the first records.
func TestChosenRecords(t *testing.T) {
	dir := t.TempDir()
	var shards job.Shards
	for i, n := range []int{3, 0, 5, 2} {
		body := ""
		for k := range n {
			body += fmt.Sprintf("{\"s\":%d,\"r\":%d}\n\n", i, k)
		}
		shards = append(shards, shard(t, filepath.Join(dir, fmt.Sprintf("%d.jsonl", i)), []byte(body)))
	}
	for name, c := range map[string]struct {
		r    staging.Recipe
		want string
	}{
		"all":                     {staging.Recipe{}, "0:0 0:1 0:2 2:0 2:1 2:2 2:3 2:4 3:0 3:1"},
		"shards":                  {staging.Recipe{Take: []int{1, 3}}, "3:0 3:1"},
		"the first":               {staging.Recipe{Limit: 5}, "0:0 0:1 0:2 2:0 2:1"},
		"the first of a shard":    {staging.Recipe{Limit: 2}, "0:0 0:1"},
		"more than there are":     {staging.Recipe{Limit: 99}, "0:0 0:1 0:2 2:0 2:1 2:2 2:3 2:4 3:0 3:1"},
		"the first, of shards":    {staging.Recipe{Limit: 5, Take: []int{2, 3}}, "2:0 2:1"},
		"none of the first":       {staging.Recipe{Limit: 3, Take: []int{3}}, ""},
		"rows":                    {staging.Recipe{Rows: []staging.Rows{{0, [][2]int64{{1, 1}}}, {2, [][2]int64{{0, 0}, {2, 3}}}}}, "0:1 2:0 2:2 2:3"},
		"rows that are not there": {staging.Recipe{Rows: []staging.Rows{{3, [][2]int64{{1, 9}}}}}, "3:1"},
		"rows of taken shards":    {staging.Recipe{Take: []int{0}, Rows: []staging.Rows{{0, [][2]int64{{2, 2}}}, {2, [][2]int64{{0, 0}}}}}, "0:2"},
	} {
		for _, size := range []int64{1, 70, 1000} {
			c.r.Format, c.r.Write, c.r.Identity, c.r.PieceBytes = job.JSONL, job.JSONL, true, size
			s, lines := stage(t, c.r, shards)
			var got, counted []string
			for _, l := range lines {
				if l != "" {
					got = append(got, strings.Split(l, `"`)[3])
				}
			}
			for _, p := range s.Pieces {
				for i := range p.Records {
					counted = append(counted, fmt.Sprintf("%d:%d", p.Shard, p.Row(i)))
				}
			}
			if strings.Join(got, " ") != c.want || strings.Join(counted, " ") != c.want {
				t.Errorf("%s, %d: %v, counted %v", name, size, got, counted)
			}
			body, err := s.Encode()
			if err != nil {
				t.Fatal(err)
			}
			back, err := staging.Decode(body)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			back.URI = s.URI
			if d := cmp.Diff(s, back); d != "" {
				t.Error(d)
			}
		}
	}
}

func TestRecipesThatAreRefused(t *testing.T) {
	shards := job.Shards{{URI: "file:///a", Size: 1}}
	csv := &job.Dialect{Delimiter: ","}
	for name, r := range map[string]staging.Recipe{
		"no format":               {Write: job.JSONL},
		"parquet out":             {Format: job.JSONL, Write: job.Parquet},
		"a seal in csv":           {Format: job.CSV, CSV: csv, Columns: []string{"a"}, Write: job.CSV, Sealed: true},
		"identity in csv":         {Format: job.CSV, CSV: csv, Columns: []string{"a"}, Write: job.CSV, Identity: true},
		"partitions in csv":       {Format: job.CSV, CSV: csv, Columns: []string{"a"}, Write: job.CSV, Partitions: true},
		"csv without its dialect": {Format: job.CSV, Write: job.JSONL},
		"a long delimiter":        {Format: job.CSV, Write: job.JSONL, CSV: &job.Dialect{Delimiter: "::"}},
		"columns of jsonl":        {Format: job.JSONL, Write: job.JSONL, Columns: []string{"a"}},
		"fields of copied jsonl":  {Format: job.JSONL, Write: job.JSONL, Fields: []string{"a"}},
		"cells of nothing":        {Format: job.Parquet, Write: job.CSV},
		"a field twice":           {Format: job.Parquet, Write: job.JSONL, Fields: []string{"a", "a"}},
		"a column twice":          {Format: job.CSV, CSV: csv, Write: job.JSONL, Columns: []string{"a", "a"}},
		"a reserved field":        {Format: job.Parquet, Write: job.JSONL, Fields: []string{"_cb"}},
		"a reserved key":          {Format: job.JSONL, Write: job.JSONL, Key: []string{"_cb_error"}},
		"shards out of order":     {Format: job.JSONL, Write: job.JSONL, Take: []int{0, 0}},
		"no such shard":           {Format: job.JSONL, Write: job.JSONL, Take: []int{1}},
		"rows of no such shard":   {Format: job.JSONL, Write: job.JSONL, Rows: []staging.Rows{{1, [][2]int64{{0, 0}}}}},
		"rows backwards":          {Format: job.JSONL, Write: job.JSONL, Rows: []staging.Rows{{0, [][2]int64{{2, 1}}}}},
		"no rows":                 {Format: job.JSONL, Write: job.JSONL, Rows: []staging.Rows{{0, nil}}},
		"rows and a limit":        {Format: job.JSONL, Write: job.JSONL, Limit: 1, Rows: []staging.Rows{{0, [][2]int64{{0, 1}}}}},
		"less than nothing":       {Format: job.JSONL, Write: job.JSONL, Limit: -1},
		"pieces of nothing":       {Format: job.JSONL, Write: job.JSONL, PieceBytes: -1},
	} {
		if _, err := staging.NewPlan(r, shards); !errors.Is(err, staging.ErrRecipe) {
			t.Errorf("%s: %v", name, err)
		}
	}
	one := plan(t, staging.Recipe{Format: job.JSONL, Write: job.JSONL}, shards)
	for name, other := range map[string]staging.Plan{
		"recipe":     plan(t, staging.Recipe{Format: job.JSONL, Write: job.JSONL, Identity: true}, shards),
		"piece size": plan(t, staging.Recipe{Format: job.JSONL, Write: job.JSONL, PieceBytes: 1}, shards),
		"input":      plan(t, staging.Recipe{Format: job.JSONL, Write: job.JSONL}, job.Shards{{URI: "file:///b", Size: 1}}),
	} {
		if one.Digest == other.Digest || one.Prefix() == other.Prefix() {
			t.Errorf("another %s has the same name", name)
		}
	}
}

func TestPartitions(t *testing.T) {
	for uri, want := range map[string]string{
		"s3://b/dt=2026-11-30/r=a%252Fb/x=1.csv?region=eu": `dt="2026-11-30" r="a/b" `,
		"gs://b/a.jsonl":                        "",
		"file:///data/k%3Dx=%C3%A4/=y/z=/1.csv": `k="x=ä" z="" `,
		"/data/n=__HIVE_DEFAULT_PARTITION__/a":  "n=null ",
		"s3://k=v/a":                            "",
	} {
		got := ""
		found := staging.Partitions(uri)
		for _, k := range slices.Sorted(maps.Keys(found)) {
			got += k + "=" + string(record.AppendJSON(nil, found[k])) + " "
		}
		if got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
}

func TestEntries(t *testing.T) {
	s := &staging.Staged{URI: "s3://b/st/records/", Pieces: []staging.Piece{
		{Name: "a", Shard: 0, Records: 2}, {Name: "b", Shard: 0, First: 2, Records: 3, Rows: [][2]int64{{2, 3}, {9, 9}}}, {Name: "c", Shard: 2, Records: 9},
	}}
	all := s.Entries(nil)
	if len(all) != 3 || !reflect.DeepEqual(all[1], provider.Entry{URI: "s3://b/st/records/b", Shard: 0, First: 2, Records: 3, Last: true, Rows: [][2]int64{{2, 3}, {9, 9}}}) || all[0].End() != 2 || all[1].End() != 10 {
		t.Errorf("%+v", all)
	}
	if left := s.Entries([]int{1, 2}); len(left) != 1 || left[0].Shard != 2 {
		t.Errorf("%+v", left)
	}
	if none := s.Entries([]int{}); none != nil {
		t.Errorf("%+v", none)
	}
	shards := job.Shards{{URI: "s3://b/0"}, {URI: "s3://b/1"}, {URI: "s3://b/2"}}
	if in := staging.InPlace(shards, []int{0, 2}); len(in) != 2 || !reflect.DeepEqual(in[1], provider.Entry{URI: "s3://b/2", Shard: 2, Last: true}) {
		t.Errorf("%+v", in)
	}
	seen := 0
	for p := range 4 {
		for _, e := range staging.Part(staging.InPlace(shards, nil), p, 4) {
			if e.Shard%4 != p {
				t.Errorf("part %d takes %+v", p, e)
			}
			seen++
		}
	}
	if seen != 3 {
		t.Errorf("%d of 3 entries are in a part", seen)
	}
}
