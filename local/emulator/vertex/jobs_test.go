package vertex

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/crossbatch/crossbatch/local/emulator/vertex/predict"
)

// rows are lines {"k":"r-N","v":N}.
func rows(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "{\"k\":\"r-%d\",\"v\":%d}\n", i, i)
	}
	return out.String()
}

func TestLife(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("in/a", rows(150))
	w.put("in/b", rows(50))
	j := w.succeeds(aJob(keyed, named("a b/c")))
	results, stats := w.results(j)
	want := map[string]int{}
	for i := range 200 {
		want[fmt.Sprintf(`{"key": "r-%d", "prediction": {"saw":{"v":%d}}}`, i%150, i%150)]++
	}
	got := map[string]int{}
	for _, r := range results {
		got[r]++
	}
	if diff := cmp.Diff(want, got); diff != "" || len(stats) > 0 {
		t.Errorf("(-want +got)\n%s%q", diff, stats)
	}
	if slices.IsSortedFunc(results, func(a, b string) int { return len(a) - len(b) }) {
		t.Error("the results are in order, which the service does not promise")
	}
	folder := j.GetOutputInfo().GetGcsOutputDirectory()
	if !regexp.MustCompile(`^gs://some-bucket/out/prediction-a_b_c-\d{4}_\d\d_\d\dT\d\d_\d\d_\d\d_\d{3}Z$`).MatchString(folder) {
		t.Errorf("the folder is %s", folder)
	}
	var names []string
	for name := range w.objects(bucket, strings.TrimPrefix(folder, "gs://"+bucket+"/")+"/") {
		names = append(names, regexp.MustCompile(`\d{5}`).ReplaceAllString(name, "N"))
	}
	slices.Sort(names)
	if names = slices.Compact(names); !slices.Equal(names, []string{"prediction.errors_stats-N-of-N", "prediction.results-N-of-N"}) {
		t.Errorf("the files are %q", names)
	}
	if s := j.GetCompletionStats(); s.GetSuccessfulCount() != 200 || s.GetFailedCount() != 0 || s.GetIncompleteCount() != 0 || j.GetResourcesConsumed().GetReplicaHours() <= 0 {
		t.Errorf("%v %v", s, j.GetResourcesConsumed())
	}
}

// TestGivenBack holds that a job shows what it was made with, but what is for input
// only, and nothing that only the service may say.
func TestGivenBack(t *testing.T) {
	w := newWorld(t, Options{Queueing: time.Hour})
	parameters, err := structpb.NewValue(map[string]any{"a": 1})
	if err != nil {
		t.Fatal(err)
	}
	spec := aJob(keyed, batches(7), func(j *aiplatformpb.BatchPredictionJob) {
		j.Labels = map[string]string{"team": "größe_1", "empty": ""}
		j.EncryptionSpec = &aiplatformpb.EncryptionSpec{KmsKeyName: "projects/p/locations/" + region + "/keyRings/r/cryptoKeys/k"}
		j.ServiceAccount, j.DisableContainerLogging, j.ModelParameters = "a@p.iam.gserviceaccount.com", true, parameters
		j.UnmanagedContainerModel.ArtifactUri = "gs://some-bucket/model"
		j.UnmanagedContainerModel.ContainerSpec.DeploymentTimeout = durationpb.New(time.Hour)
		j.State, j.Name = succeeded, "no"
	})
	out := w.create(spec)
	want := proto.CloneOf(spec)
	want.UnmanagedContainerModel.ContainerSpec, want.State = nil, pending
	want.Name, want.CreateTime, want.UpdateTime = out.GetName(), out.GetCreateTime(), out.GetCreateTime()
	if diff := cmp.Diff(want, out, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !regexp.MustCompile(`^` + number + `/batchPredictionJobs/\d{19}$`).MatchString(out.GetName()) {
		t.Errorf("it is called %s", out.GetName())
	}
	if diff := cmp.Diff(out, w.get(out.GetName()), protocmp.Transform()); diff != "" {
		t.Errorf("(-created +got)\n%s", diff)
	}
	w.get(strings.Replace(out.GetName(), "123456789012", "emulated-project", 1))
}

func TestStates(t *testing.T) {
	for _, first := range []aiplatformpb.JobState{pending, queued} {
		clock := clockwork.NewFakeClockAt(time.Date(2026, 1, 2, 3, 4, 5, 678_912_345, time.UTC))
		w := newWorld(t, Options{Clock: clock, Queueing: time.Minute, Predict: predict.Options{AtLeast: time.Hour}, Uncertain: Uncertain{CreatedQueued: first == queued}})
		w.put("in/a", rows(3))
		j := w.create(aJob())
		if j.GetState() != first || j.GetStartTime() != nil || !j.GetCreateTime().AsTime().Equal(time.Date(2026, 1, 2, 3, 4, 5, 678_912_000, time.UTC)) {
			t.Errorf("created: %v", j)
		}
		if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Minute)
		w.until(func() bool { return w.get(j.GetName()).GetState() == running })
		w.until(func() bool { return len(w.objects(bucket, "out/")) > 0 })
		clock.Advance(30 * time.Minute)
		out := w.get(j.GetName())
		if out.GetOutputInfo() != nil || out.GetCompletionStats() != nil || out.GetEndTime() != nil || out.GetResourcesConsumed().GetReplicaHours() != 0.5 {
			t.Errorf("running: %v", out)
		}
		clock.Advance(30 * time.Minute)
		out = w.ends(j.GetName())
		if out.GetState() != succeeded || out.GetEndTime().AsTime().Sub(out.GetStartTime().AsTime()) != time.Hour || out.GetStartTime().AsTime().Sub(out.GetCreateTime().AsTime()) != time.Minute || out.GetResourcesConsumed().GetReplicaHours() != 1 {
			t.Errorf("over: %v", out)
		}
		if !strings.HasSuffix(out.GetOutputInfo().GetGcsOutputDirectory(), "/prediction-j-2026_01_01T19_04_05_678Z") {
			t.Errorf("the folder is %s, and does not tell Pacific time", out.GetOutputInfo().GetGcsOutputDirectory())
		}
		w.refused(w.stop(j.GetName()), codes.FailedPrecondition, "JOB_STATE_SUCCEEDED")
	}
}

// TestFailedRows runs a job in which one batch of two is refused, and one in which
// both are.
func TestFailedRows(t *testing.T) {
	for u, want := range map[Uncertain][2]aiplatformpb.JobState{
		{}:                        {succeeded, succeeded},
		{PartlyIsPartially: true}: {partly, partly},
		{NothingIsFailed: true}:   {succeeded, failed},
		{NothingIsFailed: true, PartlyIsPartially: true}: {partly, failed},
	} {
		w := newWorld(t, Options{Uncertain: u})
		w.model.answer = func(r *http.Request, body string) (int, string) {
			if strings.Contains(body, `"v":2`) {
				return http.StatusInternalServerError, "it's \"broken\"\n"
			}
			return saw(r, body)
		}
		w.put("in/a", rows(3))
		w.put("in/b", `{"v":2}`)
		for n, change := range [][]tweak{{batches(2)}, {from("gs://some-bucket/in/b")}} {
			j := w.ends(w.create(aJob(change...)).GetName())
			if j.GetState() != want[n] || (j.GetError() != nil) != (want[n] == failed) || (j.GetEndTime() == nil) != (want[n] == partly) || (j.GetOutputInfo() == nil) != (want[n] == failed) {
				t.Errorf("%+v, %d: %v, want %s", u, n, j, want[n])
			}
			s := j.GetCompletionStats()
			if s.GetFailedCount() != int64(2-n) || s.GetSuccessfulCount() != int64(2-2*n) {
				t.Errorf("%d: %v", n, s)
			}
			if n == 0 {
				_, stats := w.results(j)
				form := regexp.MustCompile(`^\('Post request fails\. Cannot get predictions\. Error: Exceeded retries: Non-OK result 500 \(it\\'s "broken"\) from server, retry=3, elapsed=\d+\.\d\ds\.', 2\)$`)
				if len(stats) != 1 || !form.MatchString(stats[0]) {
					t.Errorf("the errors are %q", stats)
				}
			}
		}
	}
}

// stoppable makes a world with a job of two batches, of which the first is done and
// the second never is.
func stoppable(t *testing.T, o Options) (*world, *aiplatformpb.BatchPredictionJob) {
	w := newWorld(t, o)
	w.put("in/a", rows(4))
	asked := make(chan struct{}, 1)
	w.model.answer = func(r *http.Request, body string) (int, string) {
		if strings.Contains(body, `"v":3`) {
			asked <- struct{}{}
			<-r.Context().Done()
		}
		return saw(r, body)
	}
	j := w.create(aJob(batches(2)))
	<-asked
	return w, j
}

func TestCancel(t *testing.T) {
	for _, u := range []Uncertain{{}, {CancelledWithoutError: true, CancelOverIsOK: true, OutputInfoEarly: true}} {
		w, j := stoppable(t, Options{Uncertain: u})
		if out := w.get(j.GetName()); (out.GetOutputInfo() != nil) != u.OutputInfoEarly || out.GetState() != running {
			t.Errorf("running: %v", out)
		}
		if err := w.stop(j.GetName()); err != nil {
			t.Fatal(err)
		}
		out := w.ends(j.GetName())
		if out.GetState() != cancelled || out.GetEndTime() == nil || (out.GetError().GetCode() == 1) == u.CancelledWithoutError || (out.GetOutputInfo() != nil) != u.OutputInfoEarly {
			t.Errorf("it is %v", out)
		}
		if s := out.GetCompletionStats(); s.GetSuccessfulCount() != 2 || s.GetIncompleteCount() != -1 {
			t.Errorf("%v", s)
		}
		if results, _ := w.results(out); len(results) != 2 {
			t.Errorf("what was done is not kept: %q", results)
		}
		err := w.stop(j.GetName())
		if u.CancelOverIsOK && err != nil || !u.CancelOverIsOK && err == nil {
			t.Errorf("cancelled again: %v", err)
		}
	}
}

func TestCancelTakesTime(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w, j := stoppable(t, Options{Clock: clock, Stopping: time.Minute})
	for range 2 { // a second one changes nothing
		if err := w.stop(j.GetName()); err != nil {
			t.Fatal(err)
		}
	}
	w.until(func() bool { return w.model.alive() == 0 })
	if state := w.get(j.GetName()).GetState(); state != stopping {
		t.Errorf("it is %s", state)
	}
	clock.Advance(59 * time.Second)
	if state := w.get(j.GetName()).GetState(); state != stopping {
		t.Errorf("it is %s ahead of time", state)
	}
	w.until(func() bool {
		clock.Advance(time.Second)
		return over(w.get(j.GetName()).GetState())
	})
	if state := w.get(j.GetName()).GetState(); state != cancelled {
		t.Errorf("it is %s", state)
	}
}

func TestCancelComesLate(t *testing.T) {
	w := newWorld(t, Options{Uncertain: Uncertain{CancelComesLate: true}})
	asked, answer := make(chan struct{}), make(chan struct{})
	w.model.answer = func(r *http.Request, body string) (int, string) {
		close(asked)
		<-answer
		return saw(r, body)
	}
	w.put("in/a", rows(1))
	j := w.create(aJob())
	<-asked
	if err := w.stop(j.GetName()); err != nil {
		t.Fatal(err)
	}
	if state := w.get(j.GetName()).GetState(); state != stopping {
		t.Errorf("it is %s", state)
	}
	close(answer)
	if state := w.ends(j.GetName()).GetState(); state != succeeded {
		t.Errorf("it is %s", state)
	}
}

func TestCancelBeforeItRuns(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w := newWorld(t, Options{Clock: clock, Queueing: time.Hour})
	j := w.create(aJob())
	if err := w.stop(j.GetName()); err != nil {
		t.Fatal(err)
	}
	if out := w.ends(j.GetName()); out.GetState() != cancelled || out.GetStartTime() != nil {
		t.Errorf("it is %v", out)
	}
}

func TestExpire(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w, j := stoppable(t, Options{Clock: clock, ExpireAfter: time.Hour})
	clock.Advance(time.Hour)
	out := w.ends(j.GetName())
	if out.GetState() != expired || out.GetError() != nil || out.GetEndTime() != nil {
		t.Errorf("it is %v", out)
	}
	if results, _ := w.results(out); len(results) != 2 {
		t.Errorf("what was done is not kept: %q", results)
	}
}

func TestStatsWhileRunning(t *testing.T) {
	w, j := stoppable(t, Options{Uncertain: Uncertain{StatsWhileRunning: true}})
	w.until(func() bool { return w.get(j.GetName()).GetCompletionStats().GetSuccessfulCount() == 2 })
	if s := w.get(j.GetName()).GetCompletionStats(); s.GetIncompleteCount() != -1 {
		t.Errorf("%v", s)
	}
}

func TestQuota(t *testing.T) {
	for refuses := range map[bool]bool{false: true, true: true} {
		w, j := stoppable(t, Options{Quotas: map[string]int{"n1-standard-4": 2}, Uncertain: Uncertain{QuotaRefusesCreate: refuses}})
		two := aJob(func(j *aiplatformpb.BatchPredictionJob) { j.DedicatedResources.StartingReplicaCount = 2 })
		const says = "Quota exhausted. Please reach out to"
		if refuses {
			_, err := w.try(two)
			w.refused(err, codes.ResourceExhausted, says)
		} else {
			w.fails(two, codes.ResourceExhausted, says)
		}
		other := aJob(from("gs://some-bucket/in/none"), func(j *aiplatformpb.BatchPredictionJob) {
			j.DedicatedResources.MachineSpec.MachineType, j.DedicatedResources.StartingReplicaCount = "n1-standard-8", 2
		})
		w.fails(other, codes.InvalidArgument, "No input could be read")
		if err := w.stop(j.GetName()); err != nil {
			t.Fatal(err)
		}
		w.ends(j.GetName())
		w.model.answer = nil
		w.succeeds(two)
	}
}

func TestDelete(t *testing.T) {
	w, j := stoppable(t, Options{})
	remove := func() error {
		_, err := w.DeleteBatchPredictionJob(t.Context(), &aiplatformpb.DeleteBatchPredictionJobRequest{Name: j.GetName()})
		return err
	}
	w.refused(remove(), codes.FailedPrecondition, "only jobs that are over")
	if err := w.stop(j.GetName()); err != nil {
		t.Fatal(err)
	}
	w.ends(j.GetName())
	op, err := w.DeleteBatchPredictionJob(t.Context(), &aiplatformpb.DeleteBatchPredictionJobRequest{Name: j.GetName()})
	if err != nil {
		t.Fatal(err)
	}
	if err := op.Poll(t.Context()); err != nil || !op.Done() {
		t.Errorf("it is not deleted: %v", err)
	}
	w.refused(remove(), codes.NotFound, "not found")
	if got := w.list(""); got != "" {
		t.Errorf("there is %s", got)
	}
	operations := w.LROClient
	if o, err := operations.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: op.Name()}); err != nil || !o.GetDone() {
		t.Errorf("%v %v", o, err)
	}
	if o, err := operations.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: op.Name()}); err != nil || !o.GetDone() {
		t.Errorf("%v %v", o, err)
	}
	if o, err := operations.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: parent}).Next(); err != nil || o.GetName() != op.Name() {
		t.Errorf("%v %v", o, err)
	}
	if err := operations.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: op.Name()}); err != nil {
		t.Error(err)
	}
	if err := operations.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: op.Name()}); err != nil {
		t.Error(err)
	}
	_, err = operations.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: op.Name()})
	w.refused(err, codes.NotFound, "not found")
}

// TestAllTogether lets many jobs share two replicas.
func TestAllTogether(t *testing.T) {
	w := newWorld(t, Options{Predict: predict.Options{Replicas: 2}})
	w.put("in/a", rows(10))
	var names []string
	for range 12 {
		names = append(names, w.create(aJob(batches(3), func(j *aiplatformpb.BatchPredictionJob) { j.DedicatedResources.StartingReplicaCount = 3 })).GetName())
	}
	for _, name := range names {
		if j := w.ends(name); j.GetState() != succeeded || j.GetCompletionStats().GetSuccessfulCount() != 10 {
			t.Errorf("%v", j)
		}
	}
}

func TestUnknown(t *testing.T) {
	w := newWorld(t, Options{})
	for name, code := range map[string]codes.Code{
		parent + "/batchPredictionJobs/1":                                    codes.NotFound,
		"projects/other/locations/us-central1/batchPredictionJobs/1":         codes.PermissionDenied,
		"projects/emulated-project/locations/global/batchPredictionJobs/1":   codes.InvalidArgument,
		"projects/emulated-project/locations/us-central1/customJobs/1":       codes.InvalidArgument,
		"batchPredictionJobs/1":                                              codes.InvalidArgument,
		"projects/emulated-project/locations/us-east1/batchPredictionJobs/1": codes.NotFound,
	} {
		_, err := w.GetBatchPredictionJob(t.Context(), &aiplatformpb.GetBatchPredictionJobRequest{Name: name})
		w.refused(err, code, "")
		w.refused(w.stop(name), code, "")
		_, err = w.DeleteBatchPredictionJob(t.Context(), &aiplatformpb.DeleteBatchPredictionJobRequest{Name: name})
		w.refused(err, code, "")
	}
	_, err := w.CreateCustomJob(t.Context(), &aiplatformpb.CreateCustomJobRequest{Parent: parent})
	w.refused(err, codes.Unimplemented, "")
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
}
