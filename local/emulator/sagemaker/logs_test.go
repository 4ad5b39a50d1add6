package sagemaker

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/jonboulle/clockwork"
)

var group = aws.String(logGroup)

// filter gives the messages of all pages.
func (w *world) filter(in cloudwatchlogs.FilterLogEventsInput) string {
	w.Helper()
	in.LogGroupName = group
	var out []string
	ids := map[string]bool{}
	for pages := cloudwatchlogs.NewFilterLogEventsPaginator(w.logs, &in); pages.HasMorePages(); {
		page, err := pages.NextPage(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		for _, e := range page.Events {
			out = append(out, *e.Message)
			if ids[*e.EventId] {
				w.Errorf("event %s comes twice", *e.EventId)
			}
			ids[*e.EventId] = true
		}
	}
	return strings.Join(out, " ")
}

func TestLogs(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.UnixMilli(1_000_000))
	w := newWorld(t, Options{Clock: clock})
	_, err := w.logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group})
	w.refused(err, "ResourceNotFoundException", "The specified log group does not exist.")
	for n, stream := range []string{"j-1/i-0-1", "j-10/i-0-1", "j-1/i-0-1/data-log", "j-1/i-0-1"} {
		w.server.logs.add(region, stream, fmt.Sprint("line-", n))
		clock.Advance(time.Second)
	}
	ms := func(n int64) *int64 { return aws.Int64(1_000_000 + n) }
	for _, c := range []struct {
		name string
		in   cloudwatchlogs.FilterLogEventsInput
		want string
	}{
		{"all", cloudwatchlogs.FilterLogEventsInput{}, "line-0 line-1 line-2 line-3"},
		{"pages of one", cloudwatchlogs.FilterLogEventsInput{Limit: aws.Int32(1)}, "line-0 line-1 line-2 line-3"},
		{"a job", cloudwatchlogs.FilterLogEventsInput{LogStreamNamePrefix: aws.String("j-1/")}, "line-0 line-2 line-3"},
		{"two jobs", cloudwatchlogs.FilterLogEventsInput{LogStreamNamePrefix: aws.String("j-1")}, "line-0 line-1 line-2 line-3"},
		{"named", cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"j-10/i-0-1", "no"}}, "line-1"},
		{"from", cloudwatchlogs.FilterLogEventsInput{StartTime: ms(1000)}, "line-1 line-2 line-3"},
		{"to", cloudwatchlogs.FilterLogEventsInput{EndTime: ms(1000)}, "line-0 line-1"},
		{"pattern", cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`"e-2" line`)}, "line-2"},
		{"no such", cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`nothing`)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := w.filter(c.in); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	for _, in := range []cloudwatchlogs.FilterLogEventsInput{
		{LogGroupName: group, NextToken: aws.String("x")}, {LogGroupName: group, FilterPattern: aws.String("{ $.a = 1 }")}, {LogGroupName: group, FilterPattern: aws.String(`"open`)},
		{LogGroupName: group, LogGroupIdentifier: group}, {}, {LogGroupName: group, LogStreamNames: []string{"a"}, LogStreamNamePrefix: aws.String("a")},
	} {
		_, err := w.logs.FilterLogEvents(t.Context(), &in)
		w.refused(err, "InvalidParameterException", "")
	}
	_, err = w.logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/other")})
	w.refused(err, "ResourceNotFoundException", "log group")
	_, err = w.logsClient("eu-west-1").FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group})
	w.refused(err, "ResourceNotFoundException", "log group")
	out, err := w.logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupIdentifier: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:" + logGroup)})
	if err != nil || len(out.Events) != 4 || *out.Events[0].Timestamp != 1_000_000 || *out.Events[0].LogStreamName != "j-1/i-0-1" {
		t.Errorf("%+v %v", out, err)
	}
}

func TestDescribeLogStreams(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.UnixMilli(1_000_000))
	w := newWorld(t, Options{Clock: clock})
	for _, stream := range []string{"c", "a", "b", "c"} {
		w.server.logs.add(region, stream, "line")
		clock.Advance(time.Second)
	}
	for _, c := range []struct {
		in   cloudwatchlogs.DescribeLogStreamsInput
		want string
	}{
		{cloudwatchlogs.DescribeLogStreamsInput{}, "a b c"},
		{cloudwatchlogs.DescribeLogStreamsInput{Limit: aws.Int32(1)}, "a b c"},
		{cloudwatchlogs.DescribeLogStreamsInput{Descending: aws.Bool(true)}, "c b a"},
		{cloudwatchlogs.DescribeLogStreamsInput{OrderBy: types.OrderByLastEventTime, Limit: aws.Int32(2)}, "a b c"},
		{cloudwatchlogs.DescribeLogStreamsInput{LogStreamNamePrefix: aws.String("b")}, "b"},
	} {
		c.in.LogGroupName = group
		var got []string
		for pages := cloudwatchlogs.NewDescribeLogStreamsPaginator(w.logs, &c.in); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page.LogStreams {
				got = append(got, *s.LogStreamName)
				if *s.LogStreamName == "c" && (*s.FirstEventTimestamp != 1_000_000 || *s.LastEventTimestamp != 1_003_000) {
					t.Errorf("c has events from %d to %d", *s.FirstEventTimestamp, *s.LastEventTimestamp)
				}
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	_, err := w.logs.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: group, OrderBy: types.OrderByLastEventTime, LogStreamNamePrefix: aws.String("a")})
	w.refused(err, "InvalidParameterException", "Cannot order by LastEventTime")
}

func TestGetLogEvents(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.UnixMilli(1_000_000))
	w := newWorld(t, Options{Clock: clock})
	add := func(n int) {
		w.server.logs.add(region, "s", fmt.Sprint(n))
		clock.Advance(time.Second)
	}
	for n := range 5 {
		add(n)
	}
	get := func(in cloudwatchlogs.GetLogEventsInput) (string, *cloudwatchlogs.GetLogEventsOutput) {
		in.LogGroupName, in.LogStreamName = group, aws.String("s")
		out, err := w.logs.GetLogEvents(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range out.Events {
			got = append(got, *e.Message)
		}
		return strings.Join(got, ""), out
	}
	if got, _ := get(cloudwatchlogs.GetLogEventsInput{}); got != "01234" {
		t.Errorf("all are %q", got)
	}
	if got, _ := get(cloudwatchlogs.GetLogEventsInput{StartTime: aws.Int64(1_001_000), EndTime: aws.Int64(1_003_000)}); got != "12" {
		t.Errorf("those in between are %q", got)
	}
	got, out := get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(2)})
	if got != "34" {
		t.Errorf("the last two are %q", got)
	}
	if got, _ := get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(2), NextToken: out.NextBackwardToken}); got != "12" {
		t.Errorf("ahead of them are %q", got)
	}
	var all []string
	in := cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(2), StartFromHead: aws.Bool(true)}
	for {
		got, out := get(in)
		all = append(all, got)
		if in.NextToken != nil && *in.NextToken == *out.NextForwardToken {
			break
		}
		in.NextToken = out.NextForwardToken
	}
	if !slices.Equal(all, []string{"01", "23", "4", ""}) {
		t.Errorf("from the head: %q", all)
	}
	add(5)
	if got, _ := get(in); got != "5" {
		t.Errorf("what came later is %q", got)
	}
	_, err := w.logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: aws.String("no")})
	w.refused(err, "ResourceNotFoundException", "The specified log stream does not exist.")
	_, err = w.logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: aws.String("s"), NextToken: aws.String("x/y")})
	w.refused(err, "InvalidParameterException", "nextToken")
}

func TestLongLogs(t *testing.T) {
	w := newWorld(t, Options{})
	line := strings.Repeat("x", 1<<18)
	for range 40 { // 10 MiB
		w.server.logs.add(region, "s", line)
	}
	w.server.logs.add(region, "s", "last")
	s := w.server.logs.streams[place{region, "s"}]
	if s.size > maxStream {
		t.Errorf("%d bytes are kept", s.size)
	}
	first, err := w.logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: aws.String("s"), StartFromHead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^\(\d\d earlier lines are not kept by the emulator\)$`).MatchString(*first.Events[0].Message) {
		t.Errorf("the first line is %.80q %v", *first.Events[0].Message, err)
	}
	if all := w.filter(cloudwatchlogs.FilterLogEventsInput{}); !strings.HasSuffix(all, " last") || strings.Count(all, line) != len(s.events)-1 {
		t.Errorf("%d long lines, want %d", strings.Count(all, line), len(s.events)-1)
	}
}

func TestStreams(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.put("in/a", "1\n")
	w.model.say = "container line\n"
	w.completes(aJob("j"))
	got := w.streams("j/")
	if len(got) != 2 || !regexp.MustCompile(`^j/i-[0-9a-f]{17}-\d{10}$`).MatchString(got[0]) || got[1] != got[0]+"/data-log" {
		t.Errorf("streams %q", got)
	}
}
