package sagemaker

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// Reading logs, as CloudWatch Logs does:
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/
const (
	maxEvents     = 10_000
	maxEventBytes = 1 << 20 // of an answer
	streamPage    = 50
)

type logsInput struct {
	LogGroupName, LogGroupIdentifier   string
	LogStreamName, LogStreamNamePrefix string
	LogStreamNames                     []string
	StartTime, EndTime                 *int64
	FilterPattern, NextToken, OrderBy  string
	Limit                              int
	Descending, StartFromHead          bool
}

func badParameter(format string, args ...any) *fault {
	return refusal("InvalidParameterException", format, args...)
}

func noLogResource(kind string) *fault {
	return refusal("ResourceNotFoundException", "The specified log %s does not exist.", kind)
}

// find gives the streams of the group that a request is about, by name. The group
// is made with its first stream.
func (s *Server) find(c *call) (logsInput, []*stream, error) {
	var in logsInput
	if err := c.into(&in); err != nil {
		return in, nil, err
	}
	group := in.LogGroupName
	if group == "" {
		group = in.LogGroupIdentifier
		if rest, ok := strings.CutPrefix(group, "arn:"); ok {
			_, group, _ = strings.Cut(rest, ":log-group:")
		}
	}
	switch {
	case in.LogGroupName != "" && in.LogGroupIdentifier != "":
		return in, nil, badParameter("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	case group == "":
		return in, nil, badParameter("A log group must be named.")
	}
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	var out []*stream
	for at, st := range s.logs.streams {
		if at.region == c.region {
			copied := *st
			out = append(out, &copied)
		}
	}
	if group != logGroup || len(out) == 0 {
		return in, nil, noLogResource("group")
	}
	slices.SortFunc(out, func(a, b *stream) int { return strings.Compare(a.name, b.name) })
	return in, out, nil
}

type logStream struct {
	Arn                 string `json:"arn"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp int64  `json:"firstEventTimestamp"`
	LastEventTimestamp  int64  `json:"lastEventTimestamp"`
	LastIngestionTime   int64  `json:"lastIngestionTime"`
	LogStreamName       string `json:"logStreamName"`
	StoredBytes         int64  `json:"storedBytes"`
	UploadSequenceToken string `json:"uploadSequenceToken"`
}

func (s *Server) describeLogStreams(c *call) (any, error) {
	in, streams, err := s.find(c)
	if err != nil {
		return nil, err
	}
	byTime := in.OrderBy == "LastEventTime"
	if byTime && in.LogStreamNamePrefix != "" {
		return nil, badParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	all := []logStream{}
	for _, st := range streams {
		if !strings.HasPrefix(st.name, in.LogStreamNamePrefix) {
			continue
		}
		last := st.events[len(st.events)-1].at
		all = append(all, logStream{
			Arn:          fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:log-stream:%s", c.region, s.o.Account, logGroup, st.name),
			CreationTime: st.created, FirstEventTimestamp: st.kept()[0].at, LastEventTimestamp: last, LastIngestionTime: last, LogStreamName: st.name,
			UploadSequenceToken: strconv.Itoa(st.gone + len(st.events)),
		})
	}
	slices.SortFunc(all, func(a, b logStream) int {
		n := strings.Compare(a.LogStreamName, b.LogStreamName)
		if byTime {
			n = cmp.Or(cmp.Compare(a.LastEventTimestamp, b.LastEventTimestamp), n)
		}
		if in.Descending {
			n = -n
		}
		return n
	})
	start, err := offset(in.NextToken, len(all))
	if err != nil {
		return nil, err
	}
	size := in.Limit
	if size == 0 {
		size = streamPage
	}
	end := min(start+size, len(all))
	out := map[string]any{"logStreams": all[start:end]}
	if end < len(all) {
		out["nextToken"] = strconv.Itoa(end)
	}
	return out, nil
}

// offset is where a token goes on.
func offset(token string, most int) (int, error) {
	if token == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(token)
	if err != nil || n < 0 {
		return 0, badParameter("The specified nextToken is invalid.")
	}
	return min(n, most), nil
}

type outputEvent struct {
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
}

// getLogEvents gives a page of one stream: the last one, unless StartFromHead. Tokens
// go on in both directions; at an end the same one comes back.
func (s *Server) getLogEvents(c *call) (any, error) {
	in, streams, err := s.find(c)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(streams, func(st *stream) bool { return st.name == in.LogStreamName })
	if i < 0 {
		return nil, noLogResource("stream")
	}
	events := within(streams[i].kept(), in.StartTime, in.EndTime)
	size := in.Limit
	if size == 0 {
		size = maxEvents
	}
	start, end := max(0, len(events)-size), len(events)
	if in.StartFromHead {
		start, end = 0, min(size, len(events))
	}
	if in.NextToken != "" {
		way, number, _ := strings.Cut(in.NextToken, "/")
		n, err := strconv.Atoi(number)
		if err != nil || way != "f" && way != "b" {
			return nil, badParameter("The specified nextToken is invalid.")
		}
		at, _ := slices.BinarySearchFunc(events, n, func(e event, n int) int { return cmp.Compare(e.number, n) })
		if start, end = at, min(at+size, len(events)); way == "b" {
			start, end = max(0, at-size), at
		}
	}
	var out []outputEvent
	bytes := 0
	for k, e := range events[start:end] {
		if bytes += len(e.message); bytes > maxEventBytes && k > 0 {
			end = start + k
			break
		}
		out = append(out, outputEvent{e.at, e.message, e.at})
	}
	numberAt := func(k int) int {
		switch {
		case k < len(events):
			return events[k].number
		case k > 0:
			return events[k-1].number + 1
		}
		return streams[i].gone + len(streams[i].events)
	}
	return map[string]any{
		"events": append([]outputEvent{}, out...), "nextForwardToken": fmt.Sprint("f/", numberAt(end)), "nextBackwardToken": fmt.Sprint("b/", numberAt(start)),
	}, nil
}

type filteredEvent struct {
	EventID       string `json:"eventId"`
	IngestionTime int64  `json:"ingestionTime"`
	LogStreamName string `json:"logStreamName"`
	Message       string `json:"message"`
	Timestamp     int64  `json:"timestamp"`
	number        int
}

func (e filteredEvent) compare(other filteredEvent) int {
	return cmp.Or(cmp.Compare(e.Timestamp, other.Timestamp), strings.Compare(e.LogStreamName, other.LogStreamName), cmp.Compare(e.number, other.number))
}

func (s *Server) filterLogEvents(c *call) (any, error) {
	in, streams, err := s.find(c)
	if err != nil {
		return nil, err
	}
	if in.LogStreamNamePrefix != "" && in.LogStreamNames != nil {
		return nil, badParameter("logStreamNamePrefix and logStreamNames are mutually exclusive parameters.")
	}
	terms, err := readPattern(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	if in.EndTime != nil {
		in.EndTime = new(*in.EndTime + 1) // here the end belongs to it
	}
	var all []filteredEvent
	for _, st := range streams {
		if !strings.HasPrefix(st.name, in.LogStreamNamePrefix) || in.LogStreamNames != nil && !slices.Contains(in.LogStreamNames, st.name) {
			continue
		}
		for _, e := range within(st.kept(), in.StartTime, in.EndTime) {
			if terms.match(e.message) {
				all = append(all, filteredEvent{eventID(st.name, e), e.at, st.name, e.message, e.at, e.number})
			}
		}
	}
	slices.SortFunc(all, filteredEvent.compare)
	if in.NextToken != "" {
		last, err := readEventToken(in.NextToken)
		if err != nil {
			return nil, err
		}
		start, _ := slices.BinarySearchFunc(all, last, func(e, last filteredEvent) int { return e.compare(last)*2 - 1 })
		all = all[start:]
	}
	size := in.Limit
	if size == 0 {
		size = maxEvents
	}
	end, bytes := 0, 0
	for end < min(size, len(all)) {
		if bytes += len(all[end].Message); bytes > maxEventBytes && end > 0 {
			break
		}
		end++
	}
	out := map[string]any{"events": append([]filteredEvent{}, all[:end]...), "searchedLogStreams": []any{}}
	if end < len(all) {
		out["nextToken"] = eventToken(all[end-1])
	}
	return out, nil
}

func eventID(stream string, e event) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(stream))
	return fmt.Sprintf("%016d%020d%020d", e.at, h.Sum64(), e.number)
}

// eventToken is the place of the last event of a page.
func eventToken(e filteredEvent) string {
	return fmt.Sprintf("%d/%d/%s", e.Timestamp, e.number, e.LogStreamName)
}

func readEventToken(token string) (filteredEvent, error) {
	parts := strings.SplitN(token, "/", 3)
	if len(parts) == 3 {
		at, err1 := strconv.ParseInt(parts[0], 10, 64)
		number, err2 := strconv.Atoi(parts[1])
		if err1 == nil && err2 == nil {
			return filteredEvent{Timestamp: at, number: number, LogStreamName: parts[2]}, nil
		}
	}
	return filteredEvent{}, badParameter("The specified nextToken is invalid.")
}

// terms are those that a message must hold, all of them.
type terms []string

// readPattern reads the plainest of filter patterns: terms, in quotes where they
// have more than letters, digits and underscores.
func readPattern(pattern string) (terms, error) {
	var out terms
	for rest := strings.TrimSpace(pattern); rest != ""; rest = strings.TrimSpace(rest) {
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			term, after, ok := strings.Cut(quoted, `"`)
			if !ok {
				return nil, badParameter("Invalid filter pattern: a quote is not closed.")
			}
			out, rest = append(out, term), after
			continue
		}
		term, after, _ := strings.Cut(rest, " ")
		if strings.ContainsAny(term, `{}[]?-%"$=<>*`) {
			return nil, badParameter("Filter patterns other than terms are not emulated here.")
		}
		out, rest = append(out, term), after
	}
	return out, nil
}

func (t terms) match(message string) bool {
	return !slices.ContainsFunc(t, func(term string) bool { return !strings.Contains(message, term) })
}
