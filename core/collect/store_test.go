package collect_test

import (
	"context"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gocloud.dev/blob/fileblob"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// openStore opens s3:// URIs as an object store that lies in a folder, and
// others as what they are.
func openStore(dir string) storage.Opener {
	return func(ctx context.Context, uri string) (*storage.Bucket, string, error) {
		prefix, ok := strings.CutPrefix(uri, "s3://bucket/")
		if !ok {
			return storage.OpenLocal(ctx, uri)
		}
		b, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true, CreateDir: true, Metadata: fileblob.MetadataDontWrite})
		if err != nil {
			return nil, "", err
		}
		return storage.New(b, "s3://bucket"), prefix, nil
	}
}

func TestObjectStore(t *testing.T) {
	b := newBench(t.TempDir())
	store := filepath.Join(b.dir, "store")
	open := openStore(store)
	dest := "s3://bucket/a/b/"
	out := filepath.Join(store, "a", "b")
	b.src.Job.Output.Destination = dest
	b.input("{}\n{}\n")
	b.input("{}\n{}\n")
	b.part(0, "a1", ok("a"), "{}\n")
	b.lines(1, 0, ok("c")+failure("d"))
	publish := func() {
		t.Helper()
		old := []string{}
		bucket, prefix, err := open(t.Context(), dest)
		must(err)
		defer func() { must(bucket.Close()) }()
		if m, err := collect.Free(t.Context(), bucket, prefix, b.src.Job, b.src.Run); err != nil {
			t.Fatal(err)
		} else if m != nil {
			old = m.Files()
		}
		m, _, err := collect.Parts(t.Context(), open, b.src, collect.Options{})
		if err != nil {
			t.Fatal(err)
		}
		must(collect.Commit(t.Context(), open, m, dest))
		must(collect.Clean(t.Context(), open, dest, old, m))
		verified(t, out)
		if got := folder(t, out); len(got) != 5 {
			t.Errorf("%v", got)
		}
	}
	publish()
	b.src.Run = runB
	publish()
	want := folder(t, out)

	// Runs that fail leave nothing beside it.
	b.src.Run = runA
	b.src.Job.Limits.FailedRecords = &job.Tolerance{}
	if m, v, err := collect.Parts(t.Context(), open, b.src, collect.Options{}); err != nil || m != nil || v.State != record.Failed {
		t.Fatalf("%v, %+v, %v", m, v, err)
	}
	if got := folder(t, out); !reflect.DeepEqual(got, want) {
		t.Errorf("left: %v", got)
	}
}

func TestStagedInAnObjectStore(t *testing.T) {
	b := newBench(t.TempDir())
	b.input("{}\n{}\n")
	b.input("{}\n")
	p := b.part(0, "a1", ok("a"), "{}\n")
	l := b.lines(1, 0, ok("c"))
	b.src.Shards[0].URI = "s3://bucket/in/00"
	p.Folder = "s3://bucket/staged/a1/"
	l.URI = "s3://bucket/staged/lines-1"
	open := openStore(b.dir)
	m, v, err := collect.Parts(t.Context(), open, b.src, collect.Options{})
	if err != nil || v.State != record.Partial {
		t.Fatal(v, err)
	}
	must(collect.Commit(t.Context(), open, m, b.src.Job.Output.Destination))
	verified(t, b.out())

	b.src.Pieces = b.src.Pieces[1:] // the first shard is counted in the store
	if _, v, err = collect.Parts(t.Context(), open, b.src, collect.Options{}); err != nil || v.Counts != (record.Counts{In: 3, OK: 1, Skipped: 2}) {
		t.Fatal(v, err)
	}
}

// An error in the middle, such as a cancelled context, can be withdrawn.
func TestCancelledInTheMiddle(t *testing.T) {
	b := newBench(t.TempDir())
	for i := range 20 {
		b.input("{}\n")
		b.lines(i, 0, ok("a"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m, _, err := collect.Parts(ctx, storage.OpenLocal, b.src, collect.Options{Progress: func(int64, int64) { cancel() }})
	if err == nil || m != nil {
		t.Fatal("it did not end")
	}
	if err := collect.Withdraw(t.Context(), storage.OpenLocal, b.src.Job.Output.Destination, runA); err != nil || folder(t, b.out()) != nil {
		t.Errorf("left: %v, %v", folder(t, b.out()), err)
	}
	b.publish(t)
}
