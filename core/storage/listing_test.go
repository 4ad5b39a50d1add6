package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// listed gives the names of an input below dir.
func listed(t *testing.T, dir string, sources ...string) (string, error) {
	t.Helper()
	var in job.Input
	for _, s := range sources {
		in.Source = append(in.Source, filepath.Join(dir, s))
	}
	got, err := ListInput(t.Context(), OpenLocal, in)
	var names []string
	for _, o := range got.Objects {
		rel, rerr := filepath.Rel(dir, o.Path)
		if rerr != nil {
			t.Fatal(rerr)
		}
		names = append(names, rel)
	}
	return strings.Join(names, "|"), err
}

func TestLinksInInput(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "real", "a.jsonl"), "1")
	write(t, filepath.Join(dir, "real", "b.jsonl"), "")
	for link, target := range map[string]string{"folder": "real", "mixed/file.jsonl": "../real/a.jsonl", "loop/self": "."} {
		p := filepath.Join(dir, link)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, p); err != nil {
			t.Skip(err)
		}
	}
	for source, want := range map[string]string{
		"folder":           "folder/a.jsonl|folder/b.jsonl",
		"folder/*.jsonl":   "folder/a.jsonl|folder/b.jsonl",
		"mixed":            "mixed/file.jsonl",
		"mixed/file.jsonl": "mixed/file.jsonl",
	} {
		if got, err := listed(t, dir, source); err != nil || got != want {
			t.Errorf("%s: %q, %v", source, got, err)
		}
	}
	// Neither followed, which may not end, nor passed over, which may lose data.
	if _, err := listed(t, dir, "loop"); err == nil || !strings.Contains(err.Error(), "self is a link to a folder") {
		t.Errorf("a link to a folder within a folder: %v", err)
	}
}

func TestInputOfOddNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b#c%41")
	for _, n := range []string{"a b.jsonl", "a#b.jsonl", `a"b.jsonl`, "é.jsonl", "a%20b.jsonl"} {
		write(t, filepath.Join(dir, n), n)
	}
	want := "a b.jsonl|a\"b.jsonl|a#b.jsonl|a%20b.jsonl|é.jsonl"
	for _, source := range []string{".", "*.jsonl", "**"} {
		if got, err := listed(t, dir, source); err != nil || got != want {
			t.Errorf("%s: %q, %v", source, got, err)
		}
	}
	in, err := ListInput(t.Context(), OpenLocal, job.Input{Source: []string{FileURI(filepath.Join(dir, "a b.jsonl")), dir + "/./a b.jsonl"}})
	if err != nil || len(in.Objects) != 1 || in.Objects[0].URI != FileURI(in.Objects[0].Path) || in.Objects[0].Size != 9 || in.Bytes() != 9 {
		t.Errorf("one file under two names: %+v, %v", in, err)
	}
}

func TestInputThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "gone", record.ManifestName), `{"format_version":1}`)
	m := &record.Manifest{FormatVersion: record.ManifestVersion, Format: "jsonl", Shards: []record.Shard{{Part: record.File{Name: "absent.jsonl"}}}}
	body, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "gone", record.ManifestName), string(body))
	for source, want := range map[string]string{"gone": "absent.jsonl", "absent": "no such file"} {
		if _, err := listed(t, dir, source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
	if _, err := ListInput(t.Context(), OpenLocal, job.Input{Source: []string{"s3://b/k"}}); err == nil || !strings.Contains(err.Error(), "only folders of this machine") {
		t.Errorf("an object store: %v", err)
	}
	if _, err := listed(t, dir, "none*"); !errors.Is(err, ErrNoInput) {
		t.Errorf("no match: %v", err)
	}
}

// A result's parts are of the format that its manifest says, whatever their names.
func TestFormatOfAResult(t *testing.T) {
	dir := t.TempDir()
	m := &record.Manifest{FormatVersion: record.ManifestVersion, Format: "csv", Shards: []record.Shard{{Part: record.File{Name: "part-0"}}}}
	body, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, record.ManifestName), string(body))
	write(t, filepath.Join(dir, "part-0"), "a\n1\n")
	in, err := ListInput(t.Context(), OpenLocal, job.Input{Source: []string{dir}})
	if err != nil || in.Format != job.CSV || len(in.Objects) != 1 {
		t.Errorf("%+v, %v", in, err)
	}
}
