package sagemaker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/jonboulle/clockwork"
)

// list gives the names of all pages.
func (w *world) list(in sdk.ListTransformJobsInput) string {
	w.Helper()
	var names []string
	for pages := sdk.NewListTransformJobsPaginator(w.Client, &in); pages.HasMorePages(); {
		page, err := pages.NextPage(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		for _, s := range page.TransformJobSummaries {
			names = append(names, *s.TransformJobName)
		}
	}
	return strings.Join(names, " ")
}

func TestListTransformJobs(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := clockwork.NewFakeClockAt(start)
	w := newWorld(t, Options{Clock: clock})
	w.createModel("m")
	w.put("in/a", "1\n")
	hour := func(n int) *time.Time { return aws.Time(start.Add(time.Duration(n) * time.Hour)) }
	// c at 0 h, a at 1 h, d at 2 h, b at 3 h; b fails.
	for _, name := range []string{"cb-c", "cb-a", "xx-d", "cb-b"} {
		in := aJob(name)
		if name == "cb-b" {
			in = aJob(name, from("absent/"))
		}
		w.create(in)
		w.ends(name)
		clock.Advance(time.Hour)
	}
	for _, c := range []struct {
		name string
		in   sdk.ListTransformJobsInput
		want string
	}{
		{"newest first", sdk.ListTransformJobsInput{}, "cb-b xx-d cb-a cb-c"},
		{"pages of one", sdk.ListTransformJobsInput{MaxResults: aws.Int32(1)}, "cb-b xx-d cb-a cb-c"},
		{"pages of three", sdk.ListTransformJobsInput{MaxResults: aws.Int32(3)}, "cb-b xx-d cb-a cb-c"},
		{"oldest first", sdk.ListTransformJobsInput{SortOrder: types.SortOrderAscending, SortBy: types.SortByCreationTime, MaxResults: aws.Int32(2)}, "cb-c cb-a xx-d cb-b"},
		{"by name", sdk.ListTransformJobsInput{SortBy: types.SortByName, SortOrder: types.SortOrderAscending, MaxResults: aws.Int32(1)}, "cb-a cb-b cb-c xx-d"},
		{"by name, down", sdk.ListTransformJobsInput{SortBy: types.SortByName}, "xx-d cb-c cb-b cb-a"},
		{"by status", sdk.ListTransformJobsInput{SortBy: types.SortByStatus, MaxResults: aws.Int32(2)}, "cb-b xx-d cb-c cb-a"},
		{"name", sdk.ListTransformJobsInput{NameContains: aws.String("b-")}, "cb-b cb-a cb-c"},
		{"status", sdk.ListTransformJobsInput{StatusEquals: types.TransformJobStatusFailed}, "cb-b"},
		{"no such status", sdk.ListTransformJobsInput{StatusEquals: types.TransformJobStatusStopped}, ""},
		{"created after", sdk.ListTransformJobsInput{CreationTimeAfter: hour(1)}, "cb-b xx-d"},
		{"created before", sdk.ListTransformJobsInput{CreationTimeBefore: hour(1)}, "cb-c"},
		{"modified after", sdk.ListTransformJobsInput{LastModifiedTimeAfter: hour(2)}, "cb-b"},
		{"modified between", sdk.ListTransformJobsInput{LastModifiedTimeAfter: hour(0), LastModifiedTimeBefore: hour(3)}, "xx-d cb-a"},
		{"all at once", sdk.ListTransformJobsInput{NameContains: aws.String("cb"), CreationTimeAfter: hour(0), StatusEquals: types.TransformJobStatusCompleted}, "cb-a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := w.list(c.in); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	out, err := w.ListTransformJobs(t.Context(), &sdk.ListTransformJobsInput{StatusEquals: types.TransformJobStatusFailed})
	if err != nil {
		t.Fatal(err)
	}
	s := out.TransformJobSummaries[0]
	if aws.ToString(s.FailureReason) == "" || s.TransformEndTime == nil || !s.LastModifiedTime.Equal(*hour(3)) || !s.CreationTime.Equal(*hour(3)) || !strings.HasSuffix(*s.TransformJobArn, "/cb-b") {
		t.Errorf("the summary is %+v", s)
	}
	if _, err := w.client("eu-west-1").ListTransformJobs(t.Context(), &sdk.ListTransformJobsInput{}); err != nil {
		t.Error(err)
	}
}

func TestTokens(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w := newWorld(t, Options{Clock: clock, Queueing: time.Hour})
	w.createModel("m")
	for n := range 15 {
		clock.Advance(time.Second)
		w.create(aJob(fmt.Sprintf("j-%02d", n)))
	}
	first, err := w.ListTransformJobs(t.Context(), &sdk.ListTransformJobsInput{})
	if err != nil || len(first.TransformJobSummaries) != 10 || first.NextToken == nil {
		t.Fatalf("%+v %v", first, err)
	}
	clock.Advance(time.Second)
	w.create(aJob("between")) // moves nothing of the second page
	second, err := w.ListTransformJobs(t.Context(), &sdk.ListTransformJobsInput{NextToken: first.NextToken, MaxResults: aws.Int32(100)})
	if err != nil || len(second.TransformJobSummaries) != 5 || *second.TransformJobSummaries[0].TransformJobName != "j-04" || second.NextToken != nil {
		t.Errorf("%+v %v", second, err)
	}
	for _, in := range []sdk.ListTransformJobsInput{
		{NextToken: aws.String("x")}, {NextToken: aws.String("")}, {NextToken: first.NextToken, NameContains: aws.String("j")}, {NextToken: first.NextToken, SortBy: types.SortByName},
	} {
		if _, err := w.ListTransformJobs(t.Context(), &in); *in.NextToken != "" {
			w.refused(err, "ValidationException", "Invalid pagination token")
		} else if err != nil {
			t.Error(err)
		}
	}
}

func TestListModels(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w := newWorld(t, Options{Clock: clock})
	for _, name := range []string{"b", "ab", "c"} {
		w.createModel(name)
		clock.Advance(time.Second)
	}
	for _, c := range []struct {
		in   sdk.ListModelsInput
		want []string
	}{
		{sdk.ListModelsInput{}, []string{"c", "ab", "b"}},
		{sdk.ListModelsInput{SortBy: types.ModelSortKeyName, SortOrder: types.OrderKeyAscending, MaxResults: aws.Int32(2)}, []string{"ab", "b", "c"}},
		{sdk.ListModelsInput{NameContains: aws.String("b")}, []string{"ab", "b"}},
	} {
		var got []string
		for pages := sdk.NewListModelsPaginator(w.Client, &c.in); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Models {
				got = append(got, *m.ModelName)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
