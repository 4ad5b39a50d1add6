package sagemaker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
	emulator "github.com/crossbatch/crossbatch/local/emulator/sagemaker"
)

// counter counts the calls of each operation.
type counter struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *counter) disturb(_ context.Context, call emulator.Call) (none emulator.Disturbance) {
	if !call.After {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls[call.Operation]++
	}
	return none
}

// since forgets what was counted and returns it.
func (c *counter) since() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.calls
	c.calls = map[string]int{}
	return out
}

// fleet is runs whose native jobs were all started, as the broker finds them.
type fleet struct {
	w      *world
	b      *broker.Broker
	ledger *ledger.Ledger
	keys   []ledger.Key
}

// newFleet puts runs into a ledger, and their jobs into the service, without what
// submitting them would stage and look at. The first run is written by the ledger
// itself; the others are copies of its events under other names, since a thousand
// histories that are safe on a disk take a minute. Their model is one that the
// service keeps already.
func newFleet(t testing.TB, w *world, runs int) *fleet {
	t.Helper()
	dir := t.TempDir()
	bucket, err := storage.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), bucket, "", ledger.Options{Clock: clockwork.NewRealClock()})
	if err != nil {
		t.Fatal(err)
	}
	be := w.backend(w.config())
	b := broker.New(broker.Options{
		Ledger: l, Open: w.open, Clock: clockwork.NewRealClock(), Jitter: func() float64 { return 0 }, Version: "test",
		Backend: func(context.Context, ledger.Block) (provider.Backend, error) { return eager{be}, nil },
	})
	t.Cleanup(func() {
		_ = b.Close()
		_ = bucket.Close()
	})
	f := &fleet{w: w, b: b, ledger: l}
	first := fleetSpec(t, l, 0)
	f.keys = append(f.keys, f.begin(t, be, first))
	history := filepath.Join(dir, filepath.FromSlash(string(f.keys[0])))
	for i := 1; i < runs; i++ {
		s := fleetSpec(t, l, i)
		key := ledger.KeyOf(s.Job.Identity(), testDigest, 0)
		if _, err := be.Send(t.Context(), startOf(t, be, s)); err != nil {
			t.Fatal(err)
		}
		other := strings.NewReplacer(first.Run, s.Run, fleetName(0), fleetName(i))
		events, err := os.ReadDir(history)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(dir, filepath.FromSlash(string(key)))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if strings.HasSuffix(e.Name(), ".lock") { // which only writers look at
				continue
			}
			text, err := os.ReadFile(filepath.Join(history, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, e.Name()), []byte(other.Replace(string(text))), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		f.keys = append(f.keys, key)
	}
	return f
}

func fleetName(i int) string { return fmt.Sprintf("n%04d", i) }

// fleetSpec is the first attempt of a run of the fleet.
func fleetSpec(t testing.TB, l *ledger.Ledger, i int) provider.Spec {
	s := inPlace(t)
	s.Ledger, s.Job.Address, s.Job.Output.Destination = l.ID(), "job."+fleetName(i), "s3://lake/out/"+fleetName(i)+"/"
	s.Job.Model = job.Model{Name: "churn", Registered: map[string]string{Kind: "kept"}}
	s.Run = job.RunID(l.ID(), s.Job.Identity(), testDigest, 0)
	return s
}

func startOf(t testing.TB, be *Backend, s provider.Spec) provider.Request {
	t.Helper()
	tr, err := be.Translate(s)
	if err != nil {
		t.Fatal(err)
	}
	return tr.Requests[len(tr.Requests)-1]
}

// begin makes a run and its native job.
func (f *fleet) begin(t testing.TB, be *Backend, s provider.Spec) ledger.Key {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	config, err := json.Marshal(f.w.config())
	must(err)
	c, err := be.connect(t.Context())
	must(err)
	_, err = c.jobs.CreateModel(t.Context(), &sdk.CreateModelInput{
		ModelName: aws.String("kept"), ExecutionRoleArn: aws.String(testRole), PrimaryContainer: &types.ContainerDefinition{Image: aws.String(testImage)},
	})
	must(err)
	n, err := be.Send(t.Context(), startOf(t, be, s))
	must(err)
	digest, err := f.ledger.PutShards(t.Context(), s.Input.Shards)
	must(err)
	key, _, err := f.ledger.Begin(t.Context(), s.Job.Identity(), ledger.IntentBody{
		Job: s.Job, Provider: ledger.Block{Kind: Kind, Alias: "emulated", Config: config}, Fingerprint: testDigest, Model: s.Model,
		Format: s.Input.Format, Input: digest, Staging: "s3://lake/staging/runs/" + s.Run + "/", Scoring: ledger.Scoring{Made: s.Made},
	}, s.Run)
	must(err)
	for i, e := range []ledger.Event{
		{Kind: ledger.Staged, Staged: &ledger.StagedBody{Mapping: s.Staged.MappingURI}},
		{Kind: ledger.Started, Attempt: 1, Request: jobID, Native: &n},
	} {
		e.Seq, e.Run = i+2, s.Run
		_, err := f.ledger.Append(t.Context(), key, e)
		must(err)
	}
	return key
}

// look is one round over all runs.
func (f *fleet) look(t testing.TB) map[ledger.Key]broker.Run {
	t.Helper()
	runs, err := f.b.Watch(t.Context(), f.keys, broker.WatchOptions{Once: true})
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// A look at a thousand runs costs the pages of one list: no job is asked for by
// itself.
func TestAThousandRunsCostPages(t *testing.T) {
	c := &counter{calls: map[string]int{}}
	w := newWorld(t, emulator.Options{Queueing: 24 * time.Hour, Disturb: c.disturb})
	f := newFleet(t, w, 1000)
	c.since()
	live, err := f.b.Live(t.Context())
	if err != nil || len(live) != 1000 {
		t.Fatalf("%d runs live, %v", len(live), err)
	}
	runs := f.look(t)
	if diff := cmp.Diff(map[string]int{"ListTransformJobs": 1000 / page}, c.since()); diff != "" {
		t.Errorf("a look at 1,000 runs costs (-want +got)\n%s", diff)
	}
	states := map[broker.State]int{}
	for _, r := range runs {
		states[r.State]++
	}
	if want := (map[broker.State]int{broker.Running: 1000}); !maps.Equal(states, want) {
		t.Errorf("they are %v, want %v", states, want)
	}
}
