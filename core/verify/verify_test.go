package verify_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/verify"
)

const verifyRun = "0123abcd4567"

// result is a published result that a test can damage before it is written.
type result struct {
	m     *record.Manifest
	files map[string]string
	raw   string // instead of the manifest, when set
}

var (
	part0   = record.PartName(0, 2, verifyRun, "jsonl", "none")
	part1   = record.PartName(1, 2, verifyRun, "jsonl", "none")
	failed0 = record.FailedName(0, 2, verifyRun)
)

// whole is a result of two shards: one with a failed and a skipped record, and
// one without records.
func whole() *result {
	r := &result{m: &record.Manifest{FormatVersion: record.ManifestVersion, State: record.Partial, Format: "jsonl"}, files: map[string]string{
		part0:   `{"key":"0:0","prediction":{"y":1}}` + "\n" + `{"key":"0:2","prediction":{"y":2}}` + "\n",
		part1:   "",
		failed0: `{"key":"0:1","shard":0,"row":1,"code":"malformed","message":"m"}` + "\n",
	}}
	r.m.Run = verifyRun
	r.m.Totals = record.Counts{In: 4, OK: 2, Failed: 1, Skipped: 1}
	r.m.Shards = []record.Shard{
		{URI: "a", Counts: r.m.Totals, Part: record.File{Name: part0}, FailedPart: &record.File{Name: failed0}},
		{URI: "b", Part: record.File{Name: part1}},
	}
	r.sign()
	return r
}

// sign brings sizes and digests in line with the files, as damage does that was
// there before the manifest was written.
func (r *result) sign() {
	for i := range r.m.Shards {
		for _, f := range []*record.File{&r.m.Shards[i].Part, r.m.Shards[i].FailedPart} {
			if f != nil {
				f.Size, f.Digest = int64(len(r.files[f.Name])), digest.Of([]byte(r.files[f.Name]))
			}
		}
	}
}

func (r *result) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := []byte(r.raw)
	if r.raw == "" {
		var err error
		if text, err = r.m.Encode(); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{record.ManifestName: string(text)}
	for name, content := range r.files {
		files[name] = content
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestVerifyWhole(t *testing.T) {
	long := whole()
	long.files[part0] = strings.Repeat(`{"key":"0:0","prediction":{"y":1}}`+"\n", 10_000) // many blocks
	long.m.Totals = record.Counts{In: 10_002, OK: 10_000, Failed: 1, Skipped: 1}
	long.m.Shards[0].Counts = long.m.Totals
	long.sign()

	table := whole()
	table.m.Format = "csv"
	table.files[part0] = "key,prediction.y\n\"a\nb\",1\nc,\n"
	table.files[part1] = "key,prediction.y\n"
	table.sign()

	rows := whole()
	rows.m.Format = "parquet"
	rows.files[part0], rows.files[part1] = rowsOf(t, 2), rowsOf(t, 0)
	rows.sign()

	beside := whole() // what other runs and people left is not this result's fault
	beside.files[record.PartName(0, 2, "ffffffff", "jsonl", "none")] = "old"
	beside.files["notes."+verifyRun[:8]+".txt"] = "mine"

	for name, r := range map[string]*result{"jsonl": whole(), "long": long, "csv": table, "parquet": rows, "beside": beside, "empty": {m: &record.Manifest{FormatVersion: 1}}} {
		m, findings, err := verify.Result(t.Context(), os.DirFS(r.write(t)))
		if err != nil || len(findings) > 0 {
			t.Errorf("%s: %v, %v", name, findings, err)
		}
		if m == nil || m.Run != r.m.Run {
			t.Errorf("%s: manifest %v", name, m)
		}
	}
}

// rowsOf is a part of so many rows.
func rowsOf(t *testing.T, n int) string {
	t.Helper()
	e, err := parquet.NewEncoder(record.Columns{Outputs: []record.Output{{Name: "y", Type: "int64"}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := e.Append([]byte(`{"key":"0:0","prediction":{"y":1}}`)); err != nil {
			t.Fatal(err)
		}
	}
	body, meta, err := e.Flush(parquet.Head())
	if err != nil {
		t.Fatal(err)
	}
	var metas [][]byte
	if meta != nil {
		metas = append(metas, meta)
	}
	tail, err := e.Tail(metas)
	if err != nil {
		t.Fatal(err)
	}
	return string(append(body, tail...))
}

func TestVerifyDamage(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(r *result)
		object string // of the only finding
		want   string // in its message
	}{
		{"part is missing", func(r *result) { delete(r.files, part0) }, part0, "missing"},
		{"empty part is missing", func(r *result) { delete(r.files, part1) }, part1, "missing"},
		{"failed file is missing", func(r *result) { delete(r.files, failed0) }, failed0, "missing"},
		{"changed byte", func(r *result) { r.files[part0] = strings.Replace(r.files[part0], ":1}", ":7}", 1) }, part0, "digest"},
		{"changed failed file", func(r *result) { r.files[failed0] = strings.Replace(r.files[failed0], "m\"", "n\"", 1) }, failed0, "digest"},
		{"cut in a record", func(r *result) { r.files[part0] = r.files[part0][:40] }, part0, "40 bytes"},
		{"cut between records", func(r *result) { r.files[part0] = r.files[part0][:35] }, part0, "35 bytes"},
		{"cut to nothing", func(r *result) { r.files[part0] = "" }, part0, "0 bytes"},
		{"last newline lost", func(r *result) { r.files[part0] = strings.TrimSuffix(r.files[part0], "\n") }, part0, "bytes"},
		{"bytes added", func(r *result) { r.files[part1] = "\n" }, part1, "1 bytes"},
		{"parts swapped", func(r *result) { r.files[part0], r.files[failed0] = r.files[failed0], r.files[part0] }, "", ""},
		{"record lost before signing", func(r *result) { r.files[part0] = r.files[part0][:35]; r.sign() }, part0, "1 records"},
		{"record twice before signing", func(r *result) { r.files[part0] += r.files[part0]; r.sign() }, part0, "4 records"},
		{"failure lost before signing", func(r *result) { r.files[failed0] = ""; r.sign() }, failed0, "0 records"},
		{"part of no records has one", func(r *result) { r.files[part1] = "{}\n"; r.sign() }, part1, "1 records"},
		{"no failed file named", func(r *result) { r.m.Shards[0].FailedPart = nil; delete(r.files, failed0) }, record.ManifestName, "no object"},
		{"unbalanced shard", func(r *result) { r.m.Shards[0].In++; r.m.Totals.In++ }, record.ManifestName, "shard 0"},
		{"skipped left out", func(r *result) { r.m.Shards[0].Skipped, r.m.Totals.Skipped = 0, 0 }, record.ManifestName, "shard 0"},
		{"negative count", func(r *result) {
			r.m.Shards[1].Failed, r.m.Shards[1].Skipped = -1, 1
			r.m.Totals.Failed, r.m.Totals.Skipped = 0, 2
		}, record.ManifestName, "below zero"},
		{"totals", func(r *result) { r.m.Totals.In++; r.m.Totals.OK++ }, record.ManifestName, "totals"},
		{"shard dropped", func(r *result) {
			r.m.Shards = r.m.Shards[:1]
			delete(r.files, part1)
			r.m.Totals.In, r.m.Totals.OK = 5, 3
		}, record.ManifestName, "totals"},
		{"two shards, one part", func(r *result) {
			r.m.Shards[1].Part = r.m.Shards[0].Part
			r.m.Shards[1].Counts = record.Counts{In: 2, OK: 2}
			r.m.Totals.Add(r.m.Shards[1].Counts)
			delete(r.files, part1)
		}, part0, "two shards"},
		{"extra part", func(r *result) { r.files[record.PartName(2, 2, verifyRun, "jsonl", "none")] = "" }, record.PartName(2, 2, verifyRun, "jsonl", "none"), "does not name"},
		{"extra failed file", func(r *result) { r.files[record.FailedName(1, 2, verifyRun)] = "" }, record.FailedName(1, 2, verifyRun), "does not name"},
		{"part outside", func(r *result) { r.m.Shards[1].Part.Name = "../x"; delete(r.files, part1) }, "../x", "cannot be read"},
		{"Parquet of fewer rows", func(r *result) {
			r.m.Format = "parquet"
			r.files[part0], r.files[part1] = rowsOf(t, 1), rowsOf(t, 0)
			r.sign()
		}, part0, "1 records, the manifest says 2"},
		{"a part that is no Parquet", func(r *result) {
			r.m.Format = "parquet"
			r.files[part1] = rowsOf(t, 0)
			r.sign()
		}, part0, "cannot be read"},
		{"CSV without a header", func(r *result) {
			r.m.Format = "csv"
			r.files[part0], r.files[part1] = "a,1\nb,2\n", "key,prediction.y\n"
			r.sign()
		}, part0, "1 records, the manifest says 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := whole()
			tt.damage(r)
			m, findings, err := verify.Result(t.Context(), os.DirFS(r.write(t)))
			if err != nil || m == nil {
				t.Fatalf("%v, %v", m, err)
			}
			if tt.object == "" {
				if len(findings) != 2 {
					t.Errorf("%v, want two findings", findings)
				}
				return
			}
			if len(findings) != 1 || findings[0].Object != tt.object || !strings.Contains(findings[0].Message, tt.want) {
				t.Errorf("%q, want only %s: ...%s...", findings, tt.object, tt.want)
			}
		})
	}
}

// Every single changed, lost or added byte of a result's objects is found.
func TestVerifyEveryByte(t *testing.T) {
	for _, name := range []string{part0, failed0} {
		content, dir := whole().files[name], whole().write(t)
		for i := range content {
			for change, damaged := range map[string]string{
				"flipped": content[:i] + string([]byte{content[i] ^ 1}) + content[i+1:],
				"lost":    content[:i] + content[i+1:],
				"doubled": content[:i] + content[i:i+1] + content[i:],
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(damaged), 0o600); err != nil {
					t.Fatal(err)
				}
				_, findings, err := verify.Result(t.Context(), os.DirFS(dir))
				if err != nil || !slices.ContainsFunc(findings, func(f verify.Finding) bool { return f.Object == name }) {
					t.Fatalf("%s: byte %d %s: %v, %v", name, i, change, findings, err)
				}
			}
		}
	}
}

// An unreadable object is a finding: the check was made, and it failed.
func TestVerifyUnreadable(t *testing.T) {
	r := whole()
	delete(r.files, part1)
	dir := r.write(t)
	if err := os.Mkdir(filepath.Join(dir, part1), 0o700); err != nil { // opens, but cannot be read
		t.Fatal(err)
	}
	_, findings, err := verify.Result(t.Context(), os.DirFS(dir))
	if err != nil || len(findings) != 1 || findings[0].Object != part1 || !strings.Contains(findings[0].Message, "cannot be read") {
		t.Errorf("%v, %v", findings, err)
	}
}

func TestVerifyNoCheck(t *testing.T) {
	if m, _, err := verify.Result(t.Context(), os.DirFS(t.TempDir())); !errors.Is(err, fs.ErrNotExist) || m != nil {
		t.Errorf("no manifest: %v, %v", m, err)
	}
	for _, raw := range []string{"{", `{"format_version":99}`} {
		r := whole()
		r.raw = raw
		if m, _, err := verify.Result(t.Context(), os.DirFS(r.write(t))); !errors.Is(err, record.ErrManifest) || m != nil {
			t.Errorf("%s: %v, %v", raw, m, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, findings, err := verify.Result(ctx, os.DirFS(whole().write(t))); !errors.Is(err, context.Canceled) || len(findings) > 0 {
		t.Errorf("cancelled: %v, %v", findings, err)
	}
}
