package staging_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"gocloud.dev/blob/fileblob"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		if err := stageUntil(context.Background(), dir, os.Getenv(crashOutEnv), os.Getenv(crashPointEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// store is an object store that lies in a folder, under mem://bucket/; other URIs
// are what they are.
type store struct{ dir string }

func newStore(t testing.TB) store { return store{t.TempDir()} }

const memPlace = "mem://bucket/"

// open is an Opener.
func (s store) open(ctx context.Context, uri string) (*storage.Bucket, string, error) {
	key, ok := strings.CutPrefix(uri, memPlace)
	if !ok {
		return storage.OpenLocal(ctx, uri)
	}
	b, err := fileblob.OpenBucket(s.dir, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, "", err
	}
	return storage.New(b, "mem://bucket"), key, nil
}

// objects are all of the store, or below a folder, by their keys.
func (s store) objects(t testing.TB, place string) map[string]string {
	t.Helper()
	b, prefix, err := s.open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	out := map[string]string{}
	for o, err := range b.Objects(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		body, err := b.Read(t.Context(), o.Key)
		if err != nil {
			t.Fatal(err)
		}
		out[o.Key[len(prefix):]] = string(body)
	}
	return out
}

// shard saves an object of an input.
func shard(t testing.TB, path string, body []byte) job.Shard {
	t.Helper()
	compression, _ := compress.Of(path)
	var b bytes.Buffer
	w, err := compress.NewWriter(&b, compression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	save(t, path, b.Bytes())
	return job.Shard{URI: storage.FileURI(path), Size: int64(b.Len()), Digest: digest.Of(b.Bytes())}
}

func save(t testing.TB, path string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
}

func plan(t testing.TB, r staging.Recipe, shards job.Shards) staging.Plan {
	t.Helper()
	p, err := staging.NewPlan(r, shards)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// row is a record with its values as text, or why it has none.
type row struct {
	shard  int
	row    int64
	values string
}

func show(fields []string, values []record.Value, fail *record.Failure) string {
	if fail != nil {
		out := fail.Error()
		for i, v := range values {
			if v.Kind != record.Missing {
				out += fmt.Sprintf(" %s=%s", fields[i], value(v))
			}
		}
		return out
	}
	out := ""
	for i, v := range values {
		out += fmt.Sprintf("%s=%s ", fields[i], value(v))
	}
	return out
}

func value(v record.Value) string {
	if v.Kind == record.Missing {
		return "missing"
	}
	return fmt.Sprintf("%d/%d %s", v.Kind, v.Elem, record.AppendJSON(nil, v))
}

// atSource reads records where they lie, as the local engine does. told is what the
// shard's path says.
func atSource(t testing.TB, body []byte, shardNumber int, r staging.Recipe, fields []string, told map[string]record.Value) []row {
	t.Helper()
	format, delimiter := record.JSONL, byte(0)
	if r.Format == job.CSV {
		format, delimiter = record.CSV, r.CSV.Delimiter[0]
	}
	s := record.NewSplitter(bytes.NewReader(body), format, delimiter, record.DefaultLimits())
	var d record.Decoder = record.NewJSONDecoder(fields)
	if r.Format == job.CSV {
		if r.CSV.Header {
			if _, err := s.ReadHeader(); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if d, err = record.NewCSVDecoder(r.Columns, delimiter, fields); err != nil {
			t.Fatal(err)
		}
	}
	var out []row
	var b record.Block
	for {
		err := s.Next(&b)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Records {
			values := make([]record.Value, len(fields))
			fail := record.Text{Block: &b, Decoder: d}.Values(i, values)
			for k, f := range fields {
				if v, ok := told[f]; ok && r.Partitions {
					values[k] = v
				}
			}
			if fail != nil {
				onlyKey(values, fields, r)
			}
			out = append(out, row{shardNumber, b.First + int64(i), show(fields, values, fail)})
		}
	}
}

// onlyKey leaves of a failed record what a failure tells: the key. A row of CSV
// cannot say whether one was null or missing; either is no key.
func onlyKey(values []record.Value, fields []string, r staging.Recipe) {
	for i, f := range fields {
		if !slices.Contains(r.Key, f) || r.Write == job.CSV && values[i].Kind == record.Null {
			values[i] = record.Value{}
		}
	}
}

// asStaged reads staged pieces as a scorer does, and wants each line to be where
// the commit says that it is.
func asStaged(t testing.TB, objects map[string]string, p staging.Plan, s *staging.Staged, m mapping.Mapping, fields []string) []row {
	t.Helper()
	d, err := m.NewDecoder(fields, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []row
	for _, piece := range s.Pieces {
		body, ok := objects[p.Records()+piece.Name]
		if !ok || int64(len(body)) != piece.Size || digest.Of([]byte(body)) != piece.Digest {
			t.Fatalf("piece %s is not what the commit says", piece.Name)
		}
		lines := strings.SplitAfter(body, "\n")
		lines = lines[:len(lines)-1]
		if int64(len(lines)) != piece.Records {
			t.Fatalf("piece %s has %d lines, %d records", piece.Name, len(lines), piece.Records)
		}
		if piece.Records > 1 && piece.Size > p.Recipe.PieceBytes {
			t.Fatalf("piece %s has %d bytes", piece.Name, piece.Size)
		}
		for i, line := range lines {
			values := make([]record.Value, len(fields))
			fail := d.Decode([]byte(line), values)
			if fail != nil {
				onlyKey(values, fields, p.Recipe)
			}
			at := row{piece.Shard, piece.Row(int64(i)), show(fields, values, fail)}
			if p.Recipe.Write == job.JSONL && !json.Valid([]byte(line)) {
				t.Fatalf("no JSON: %q", line)
			}
			if want := fmt.Sprintf(`{"_cb":"%d:%d"`, at.shard, at.row); strings.HasPrefix(line, want) != p.Recipe.Identity {
				t.Fatalf("line %d of %s is %q, the commit says %d:%d", i, piece.Name, line, at.shard, at.row)
			}
			out = append(out, at)
		}
	}
	return out
}

// sha is a hex SHA-256.
func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// mapped is the mapping of staged input, as far as reading goes.
func mapped(r staging.Recipe) mapping.Mapping {
	m := mapping.Mapping{
		FormatVersion: mapping.FormatVersion, Model: strings.Repeat("0", 64), Format: r.Write, Origin: r.Format,
		Staged: true, Sealed: r.Sealed, Key: r.Key, Output: job.JSONL,
	}
	if r.Write == job.CSV {
		m.CSV, m.Columns = &job.Dialect{Delimiter: ","}, r.Fields
		if len(r.Fields) == 0 {
			m.Columns = r.Columns
		}
	}
	return m
}
