package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// stagings stages an input that lies in the store in another folder of it, several
// times at once, then once more behind a stop, and clears it away.
func stagings(t *testing.T, s *stand) {
	b, ctx := s.bucket(t), t.Context()
	var shards job.Shards
	want := ""
	for i := range 3 {
		key, body := fmt.Sprintf("in/k=ä %d/a.jsonl", i), ""
		for row := range 40 {
			body += fmt.Sprintf("{\"id\":%d}\n", row)
			want += fmt.Sprintf("{\"_cb\":\"%d:%d\",\"_cb_path\":{\"k\":\"ä %[1]d\"},\"id\":%[2]d}\n", i, row)
		}
		must(t, b.Write(ctx, key, strings.NewReader(body), storage.WriteOptions{}))
		is, err := b.Stat(ctx, key)
		must(t, err)
		shards = append(shards, job.Shard{URI: b.URI(key), Size: is.Size, Version: is.Version})
	}
	if s.folder() { // whose versions are no marks of a listing
		for i := range shards {
			shards[i].Version = ""
		}
	}
	place := storage.Join(s.uri, "st/")
	plan, err := staging.NewPlan(staging.Recipe{Format: job.JSONL, Write: job.JSONL, Identity: true, Partitions: true, PieceBytes: 500}, shards)
	must(t, err)
	stopped, stop := context.WithCancel(ctx)
	_, err = staging.Stage(stopped, s.open.Open, place, plan, staging.Options{Step: func(at string) {
		if strings.HasPrefix(at, "after pieces/000001-000001") {
			stop()
		}
	}})
	stop()
	if err == nil {
		t.Fatal("it did not stop")
	}
	if _, err := staging.Open(ctx, s.open.Open, place, plan); !errors.Is(err, staging.ErrNotStaged) {
		t.Fatalf("a commit behind a stop: %v", err)
	}
	var g errgroup.Group
	for range 3 {
		g.Go(func() error {
			_, err := staging.Stage(ctx, s.open.Open, place, plan, staging.Options{})
			return err
		})
	}
	must(t, g.Wait())
	staged, err := staging.Open(ctx, s.open.Open, place, plan)
	must(t, err)
	f, got := storage.NewFolders(s.open.Open), ""
	defer func() { must(t, f.Close()) }()
	for _, e := range staged.Entries(nil) { // what a provider is told leads to the pieces
		b, key, err := f.Object(ctx, e.URI)
		must(t, err)
		body, err := b.Read(ctx, key)
		must(t, err)
		got += string(body)
	}
	if got != want || staged.Records() != 120 {
		t.Errorf("%d records: %s", staged.Records(), got)
	}

	groups, err := staging.Survey(ctx, s.open.Open, place)
	must(t, err)
	if len(groups) != 1 || groups[0].Kind != staging.InputGroup || groups[0].Of != shards.Digest() || groups[0].Name != plan.Digest {
		t.Fatalf("%+v", groups)
	}
	must(t, staging.Remove(ctx, s.open.Open, groups[0]))
	for o, err := range b.Objects(ctx, "st/") {
		must(t, err)
		t.Errorf("%s is left", o.Key)
	}

	// An object that is replaced, by one of the same size, is not what was listed.
	must(t, b.Write(ctx, "in/k=ä 1/a.jsonl", io.LimitReader(strings.NewReader(strings.Repeat("{\"no\":9}\n", 99)), shards[1].Size), storage.WriteOptions{}))
	if _, err := staging.Stage(ctx, s.open.Open, place, plan, staging.Options{}); !s.folder() && !errors.Is(err, storage.ErrChanged) {
		t.Errorf("%v", err)
	}
}
