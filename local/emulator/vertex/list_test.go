package vertex

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func labelled(pairs ...string) tweak {
	return func(j *aiplatformpb.BatchPredictionJob) {
		j.Labels = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			j.Labels[pairs[i]] = pairs[i+1]
		}
	}
}

func TestFilters(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC))
	w := newWorld(t, Options{Clock: clock, Queueing: time.Hour})
	w.create(aJob(named("my_job_a"), labelled("team", "red", "attempt", "1f-2")))
	clock.Advance(time.Minute)
	b := w.create(aJob(named("my_job_b"), labelled("team", "blue")))
	clock.Advance(time.Minute)
	w.create(aJob(named("other")))
	if err := w.stop(b.GetName()); err != nil {
		t.Fatal(err)
	}
	w.ends(b.GetName())
	for filter, want := range map[string]string{
		"":                                           "other my_job_b my_job_a",
		`display_name="my_job_a"`:                    "my_job_a",
		`display_name!="my_job_a"`:                   "other my_job_b",
		`display_name:"my_job_*"`:                    "my_job_b my_job_a",
		`display_name:"*_a"`:                         "my_job_a",
		`display_name:"job"`:                         "my_job_b my_job_a",
		`NOT display_name="other"`:                   "my_job_b my_job_a",
		`model_display_name="x"`:                     "",
		`model_display_name!="x"`:                    "other my_job_b my_job_a",
		`state="JOB_STATE_CANCELLED"`:                "my_job_b",
		`state!=JOB_STATE_CANCELLED`:                 "other my_job_a",
		`create_time>"2026-05-01T10:00:00Z"`:         "other my_job_b",
		`create_time>="2026-05-01T12:01:00+02:00"`:   "other my_job_b",
		`create_time<="2026-05-01T10:01:00Z"`:        "my_job_b my_job_a",
		`create_time<2026-05-01T10:01:00Z`:           "my_job_a",
		`create_time="2026-05-01T10:01:00.000Z"`:     "my_job_b",
		`create_time!="2026-05-01T10:01:00Z"`:        "other my_job_a",
		`labels.team=red`:                            "my_job_a",
		`labels.team!=red`:                           "other my_job_b",
		`labels.team:*`:                              "my_job_b my_job_a",
		`labels:team`:                                "my_job_b my_job_a",
		`labels.attempt="1f-2"`:                      "my_job_a",
		`labels.attempt=1f-2 AND labels.team="blue"`: "",
		`(labels.team=red OR labels.team=blue) AND state="JOB_STATE_PENDING"`:        "my_job_a",
		`state!="JOB_STATE_CANCELLED" OR display_name="my_job_b"`:                    "other my_job_b my_job_a",
		`labels.team=red AND create_time>"2026-05-01T09:00:00Z" -display_name="my*"`: "my_job_a",
	} {
		if got := w.list(filter); got != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	for filter, says := range map[string]string{
		`update_time>"2026-05-01T10:00:00Z"`: `the field "update_time"`,
		`create_time>"yesterday"`:            "not in RFC 3339",
		`create_time:"2026"`:                 "with the operator :",
		`state=SUCCEEDED`:                    `no state "SUCCEEDED"`,
		`state>"JOB_STATE_PENDING"`:          "with the operator >",
		`labels.team:red`:                    "labels.KEY:*",
		`labels=red`:                         "labels.KEY=VALUE",
		`other`:                              "no comparison",
		`display_name=`:                      "no value at byte 13",
		`(state="JOB_STATE_PENDING"`:         "no closing parenthesis",
	} {
		_, err := w.ListBatchPredictionJobs(t.Context(), &aiplatformpb.ListBatchPredictionJobsRequest{Parent: parent, Filter: filter}).Next()
		w.refused(err, codes.InvalidArgument, says)
	}
	for other, code := range map[string]codes.Code{"projects/p/locations/us-central1": codes.PermissionDenied, "projects/emulated-project": codes.InvalidArgument} {
		_, err := w.ListBatchPredictionJobs(t.Context(), &aiplatformpb.ListBatchPredictionJobsRequest{Parent: other}).Next()
		w.refused(err, code, "")
	}
	elsewhere := w.ListBatchPredictionJobs(t.Context(), &aiplatformpb.ListBatchPredictionJobsRequest{Parent: "projects/123456789012/locations/europe-west4"})
	if _, err := elsewhere.Next(); !errors.Is(err, iterator.Done) {
		t.Errorf("another location: %v", err)
	}
}

func TestPages(t *testing.T) {
	w := newWorld(t, Options{Queueing: time.Hour})
	var want []string
	for i := range 7 {
		want = append([]string{fmt.Sprint("j-", i)}, want...)
		w.create(aJob(named(fmt.Sprint("j-", i))))
	}
	next := func(size int32, token, filter string) ([]string, string) {
		t.Helper()
		it := w.ListBatchPredictionJobs(t.Context(), &aiplatformpb.ListBatchPredictionJobsRequest{Parent: parent, Filter: filter})
		jobs, token, err := it.InternalFetch(int(size), token)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, j := range jobs {
			names = append(names, j.GetDisplayName())
		}
		return names, token
	}
	first, token := next(3, "", "")
	w.create(aJob(named("newer"))) // comes ahead of what was seen
	second, token := next(3, token, "")
	third, last := next(3, token, "")
	if got := append(append(first, second...), third...); strings.Join(got, " ") != strings.Join(want, " ") || last != "" {
		t.Errorf("pages of %q, then %q", got, last)
	}
	for _, in := range []*aiplatformpb.ListBatchPredictionJobsRequest{
		{Parent: parent, PageToken: token, Filter: `display_name="x"`}, {Parent: parent, PageToken: "nonsense"}, {Parent: parent, PageToken: "e30"}, {Parent: parent, PageSize: -1},
	} {
		_, err := w.ListBatchPredictionJobs(t.Context(), in).Next()
		w.refused(err, codes.InvalidArgument, "page")
	}
}

func TestReadMask(t *testing.T) {
	w := newWorld(t, Options{Queueing: time.Hour})
	made := w.create(aJob(labelled("a", "b")))
	for _, c := range []struct {
		paths []string
		want  *aiplatformpb.BatchPredictionJob
	}{
		{nil, made},
		{[]string{"*"}, made},
		{[]string{"name", "state", "error", "labels"}, &aiplatformpb.BatchPredictionJob{Name: made.GetName(), State: pending, Labels: made.GetLabels()}},
		{[]string{"input_config.instances_format"}, &aiplatformpb.BatchPredictionJob{InputConfig: &aiplatformpb.BatchPredictionJob_InputConfig{InstancesFormat: "jsonl"}}},
	} {
		got, err := w.ListBatchPredictionJobs(t.Context(), &aiplatformpb.ListBatchPredictionJobsRequest{Parent: parent, ReadMask: &fieldmaskpb.FieldMask{Paths: c.paths}}).Next()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%q (-want +got)\n%s", c.paths, diff)
		}
	}
	_, err := w.ListBatchPredictionJobs(t.Context(), &aiplatformpb.ListBatchPredictionJobsRequest{Parent: parent, ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"nonsense"}}}).Next()
	w.refused(err, codes.InvalidArgument, "nonsense")
}
