package vertex

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/jonboulle/clockwork"
	"google.golang.org/grpc/codes"
)

func TestLogs(t *testing.T) {
	for _, u := range []Uncertain{{}, {LogResource: "ml_job", LogLabel: "id"}} {
		clock := clockwork.NewFakeClockAt(time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC))
		w := newWorld(t, Options{Clock: clock, Uncertain: u})
		w.put("in/a", rows(1))
		w.model.say = "starting\nready at [::]:8080"
		first := w.succeeds(aJob())
		clock.Advance(time.Minute)
		w.model.say = "Other words\n"
		second := w.succeeds(aJob())
		w.model.say = "silent\n"
		w.succeeds(aJob(func(j *aiplatformpb.BatchPredictionJob) { j.DisableContainerLogging = true }))
		id := func(j *aiplatformpb.BatchPredictionJob) string {
			return j.GetName()[strings.LastIndexByte(j.GetName(), '/')+1:]
		}
		kind, label := or(u.LogResource, "aiplatform.googleapis.com/BatchPredictionJob"), or(u.LogLabel, "job_id")
		for filter, want := range map[string]string{
			"":                             "starting|ready at [::]:8080|Other words",
			`resource.type="` + kind + `"`: "starting|ready at [::]:8080|Other words",
			`resource.type="none"`:         "",
			`(resource.type="aiplatform.googleapis.com/BatchPredictionJob" OR resource.type="ml_job") AND "` + id(first) + `"`: "starting|ready at [::]:8080",
			`resource.labels.` + label + `="` + id(second) + `"`:                                                               "Other words",
			`resource.labels.location=us-central1 AND NOT "` + id(first) + `"`:                                                 "Other words",
			`timestamp>"2026-05-01T10:00:00Z"`:                                                                                 "Other words",
			`timestamp>="2026-05-01T10:00:00Z" timestamp<"2026-05-01T10:01:00Z"`:                                               "starting|ready at [::]:8080",
			`textPayload:"READY"`:             "ready at [::]:8080",
			`textPayload="other words"`:       "Other words",
			`textPayload!="other words"`:      "starting|ready at [::]:8080",
			`"words" OR starting`:             "starting|Other words",
			`logName:"emulated-project"`:      "starting|ready at [::]:8080|Other words",
			`severity=DEFAULT`:                "starting|ready at [::]:8080|Other words",
			`labels.x="y"`:                    "",
			`insertId="0000000000000000"`:     "starting",
			`timestamp!=2026-05-01T10:00:00Z`: "Other words",
		} {
			if got := strings.Join(w.lines(filter, ""), "|"); got != want {
				t.Errorf("%s: %q, want %q", filter, got, want)
			}
		}
		if got := strings.Join(w.lines("", "timestamp desc"), "|"); got != "Other words|ready at [::]:8080|starting" {
			t.Errorf("backwards: %q", got)
		}
	}
}

func TestLogPages(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("in/a", rows(1))
	var say []string
	for i := range 120 {
		say = append(say, fmt.Sprint("line ", i))
	}
	w.model.say = strings.Join(say, "\n") + "\n"
	w.succeeds(aJob())
	for _, order := range []string{"", "timestamp desc"} {
		var got []string
		pages := 0
		for token := ""; ; pages++ {
			it := w.logs.ListLogEntries(t.Context(), &loggingpb.ListLogEntriesRequest{ResourceNames: []string{"projects/123456789012"}, OrderBy: order, Filter: `textPayload:"line"`})
			entries, next, err := it.InternalFetch(pages*50, token)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				got = append(got, e.GetTextPayload())
			}
			if token = next; token == "" {
				break
			}
		}
		if order != "" {
			for i, j := 0, len(got)-1; i < j; i, j = i+1, j-1 {
				got[i], got[j] = got[j], got[i]
			}
		}
		if strings.Join(got, " ") != strings.Join(say, " ") || pages != 2 {
			t.Errorf("%q: %d lines on %d pages", order, len(got), pages)
		}
	}
}

// TestLongLog holds that what is kept of a log is bounded, and says so.
func TestLongLog(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("in/a", rows(1))
	w.model.say = strings.Repeat(strings.Repeat("x", 99_999)+"\n", 50) + "the last one\n"
	w.succeeds(aJob())
	first := w.lines("", "")[0]
	if first != "(9 earlier lines are not kept by the emulator)" {
		t.Errorf("the first line is %.100s", first)
	}
	if got := w.lines("", "timestamp desc")[0]; got != "the last one" {
		t.Errorf("the last line is %.100s", got)
	}
}

func TestLogsRefused(t *testing.T) {
	w := newWorld(t, Options{})
	for _, c := range []struct {
		in   *loggingpb.ListLogEntriesRequest
		code codes.Code
		says string
	}{
		{&loggingpb.ListLogEntriesRequest{}, codes.InvalidArgument, "At least one resource name"},
		{&loggingpb.ListLogEntriesRequest{ResourceNames: []string{"folders/1"}}, codes.InvalidArgument, "projects/PROJECT"},
		{&loggingpb.ListLogEntriesRequest{ResourceNames: []string{"projects/other"}}, codes.PermissionDenied, "emulated-project only"},
		{&loggingpb.ListLogEntriesRequest{Filter: `a="`}, codes.InvalidArgument, "not closed"},
		{&loggingpb.ListLogEntriesRequest{Filter: `jsonPayload.x=1`}, codes.InvalidArgument, "not emulated"},
		{&loggingpb.ListLogEntriesRequest{Filter: `textPayload=~"x"`}, codes.InvalidArgument, "not emulated"},
		{&loggingpb.ListLogEntriesRequest{Filter: `timestamp>now`}, codes.InvalidArgument, "RFC 3339"},
		{&loggingpb.ListLogEntriesRequest{Filter: `timestamp:2026`}, codes.InvalidArgument, ""},
		{&loggingpb.ListLogEntriesRequest{OrderBy: "severity"}, codes.InvalidArgument, "order"},
		{&loggingpb.ListLogEntriesRequest{PageToken: "x"}, codes.InvalidArgument, "page token"},
		{&loggingpb.ListLogEntriesRequest{PageSize: -1}, codes.InvalidArgument, "negative"},
	} {
		if c.in.ResourceNames == nil && c.says != "At least one resource name" {
			c.in.ResourceNames = []string{"projects/emulated-project"}
		}
		_, err := w.logs.ListLogEntries(t.Context(), c.in).Next()
		w.refused(err, c.code, c.says)
	}
}
