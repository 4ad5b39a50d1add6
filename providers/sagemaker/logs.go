package sagemaker

import (
	"context"
	"encoding/json"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/logs"
)

// Where the logs of transform jobs lie, a stream for each container as JOB/INSTANCE
// and one as JOB/INSTANCE/data-log, in which the service tells of files.
// https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
const (
	logGroup = "/aws/sagemaker/TransformJobs"
	dataLog  = "/data-log"
)

const logPage = 10_000

// Logs yields the lines of the jobs' streams, one job after the other.
func (b *Backend) Logs(ctx context.Context, natives []provider.Native, o provider.LogOptions) iter.Seq2[provider.LogLine, error] {
	return logs.Read(ctx, b.deps.Clock, natives, o, func(n provider.Native) logs.Log { return &streams{backend: b, job: n} })
}

// streams are the log of one job.
type streams struct {
	backend *Backend
	job     provider.Native
}

// Over says whether the job is over.
func (s *streams) Over(ctx context.Context) (bool, error) {
	c, err := s.backend.connect(ctx)
	if err == nil {
		err = known(s.job, jobKind)
	}
	if err != nil {
		return false, err
	}
	o, err := s.backend.describe(ctx, c, s.job)
	return o.State.Terminal(), err
}

// Entries yields the events of all streams.
func (s *streams) Entries(ctx context.Context, since time.Time) iter.Seq2[logs.Entry, error] {
	return func(yield func(logs.Entry, error) bool) {
		c, err := s.backend.connect(ctx)
		if err != nil {
			yield(logs.Entry{}, err)
			return
		}
		in := &cloudwatchlogs.FilterLogEventsInput{LogStreamNamePrefix: aws.String(s.job.Name + "/"), StartTime: aws.Int64(max(since.UnixMilli(), 0))}
		for e, err := range events(ctx, c, in) {
			err = s.backend.failed("reading the log of "+s.job.Name, err)
			found := logs.Entry{ID: aws.ToString(e.EventId), Time: time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC(), Text: aws.ToString(e.Message)}
			if !yield(found, err) {
				return
			}
		}
	}
}

// events reads the pages of a query. A group or stream that does not exist yet is
// empty: it is made with the first line.
func events(ctx context.Context, c *clients, in *cloudwatchlogs.FilterLogEventsInput) iter.Seq2[types.FilteredLogEvent, error] {
	return func(yield func(types.FilteredLogEvent, error) bool) {
		in.LogGroupName, in.Limit = aws.String(logGroup), aws.Int32(logPage)
		for {
			out, err := c.logs.FilterLogEvents(ctx, in)
			if codeOf(err) == provider.NotFound {
				return
			}
			if err != nil {
				yield(types.FilteredLogEvent{}, err)
				return
			}
			for _, e := range out.Events {
				if !yield(e, nil) {
					return
				}
			}
			if aws.ToString(out.NextToken) == "" {
				return
			}
			in.NextToken = out.NextToken
		}
	}
}

// cause is why a job failed, as its log tells it.
type cause struct {
	code provider.Code // OK: it is not told
	text string
}

// Bounds of what is read and told of a cause.
const (
	causeStreams = 50 // of a job: two an instance
	causeEvents  = 1000
	causeText    = 600
)

// cause reads the service's own lines about files, or else the last line of a
// container.
func (b *Backend) cause(ctx context.Context, c *clients, name string) (cause, error) {
	streams, err := c.logs.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupName: aws.String(logGroup), LogStreamNamePrefix: aws.String(name + "/"), Limit: aws.Int32(causeStreams),
	})
	if codeOf(err) == provider.NotFound {
		return cause{}, nil
	}
	if err != nil {
		return cause{}, err
	}
	var told, containers []string
	for _, s := range streams.LogStreams {
		if stream := aws.ToString(s.LogStreamName); strings.HasSuffix(stream, dataLog) {
			told = append(told, stream)
		} else {
			containers = append(containers, stream)
		}
	}
	if len(told) > 0 {
		var lines []string
		for e, err := range events(ctx, c, &cloudwatchlogs.FilterLogEventsInput{LogStreamNames: told}) {
			if err != nil {
				return cause{}, err
			}
			if lines = append(lines, aws.ToString(e.Message)); len(lines) == causeEvents {
				break
			}
		}
		found, ofFile := readCause(lines)
		if ofFile {
			return found, nil
		}
		words, err := b.lastWords(ctx, c, containers)
		if found.text == "" || err != nil {
			return words, err
		}
		if words.text != "" {
			found.text += "; " + words.text
		}
		if words.code != provider.OK {
			found.code = words.code
		}
		return found, nil
	}
	return b.lastWords(ctx, c, containers)
}

// lastWords is the last line that a container wrote.
func (b *Backend) lastWords(ctx context.Context, c *clients, streams []string) (cause, error) {
	for _, stream := range streams {
		out, err := c.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: aws.String(logGroup), LogStreamName: aws.String(stream), StartFromHead: aws.Bool(false), Limit: aws.Int32(10),
		})
		if err != nil {
			return cause{}, err
		}
		for _, e := range slices.Backward(out.Events) {
			if text := strings.TrimSpace(aws.ToString(e.Message)); text != "" {
				return cause{text: "the container's log ends with: " + cut(text), code: namedCode(text)}, nil
			}
		}
	}
	return cause{}, nil
}

// ourCode finds the code that the scorer names where it gives up.
var ourCode = regexp.MustCompile(`(?:^|[\s"])(?:code[=:]\s*"?)([a-z_]+)\b`)

func namedCode(text string) provider.Code {
	var code provider.Code
	if m := ourCode.FindStringSubmatch(text); m == nil || code.UnmarshalText([]byte(m[1])) != nil {
		return provider.OK
	}
	return code
}

const serviceMark = "[sagemaker logs]: "

// fileLine takes a line apart that is about a file: BUCKET/KEY: TEXT.
var fileLine = regexp.MustCompile(`^([^\s/:]+/.*?): ?(.*)$`)

// readCause reads lines like
//
//	2021-03-14T23:56:26.474:[sagemaker logs]: BUCKET/KEY: Bad HTTP status received from algorithm: 500
//	2021-03-14T23:56:26.474:[sagemaker logs]: BUCKET/KEY: Message:
//	2021-03-14T23:56:26.474:[sagemaker logs]: BUCKET/KEY: <what it answered>
//
// and tells of the first file, and of how many more there are. ofFile is false for
// lines of none: what failed is the container, or the job.
func readCause(lines []string) (out cause, ofFile bool) {
	var files []string
	texts := map[string][]string{}
	var general []string
	for _, line := range lines {
		_, rest, ok := strings.Cut(strings.TrimRight(line, "\r\n"), serviceMark)
		if !ok || strings.HasPrefix(rest, "MaxConcurrentTransforms=") {
			continue
		}
		m := fileLine.FindStringSubmatch(rest)
		if m == nil {
			general = append(general, rest)
			continue
		}
		if _, known := texts[m[1]]; !known {
			files = append(files, m[1])
		}
		if text := strings.TrimSpace(m[2]); text != "" && text != "Message:" {
			texts[m[1]] = append(texts[m[1]], text)
		} else if texts[m[1]] == nil {
			texts[m[1]] = []string{}
		}
	}
	if len(files) == 0 {
		text := strings.Join(general, " ")
		return cause{text: cut(text), code: textCode(text)}, false
	}
	said := texts[files[0]]
	for i, text := range said {
		if code, message, ok := refusal(text); ok {
			out.code, said[i] = code, message
		}
	}
	out.text = cut(files[0] + ": " + strings.Join(said, " "))
	if out.code == provider.OK {
		out.code = textCode(out.text)
	}
	if more := len(files) - 1; more > 0 {
		out.text += " (and " + strconv.Itoa(more) + " more files)"
	}
	return out, true
}

// refusal is an answer of our scorer that refuses a request:
// {"error":{"code":C,"message":M}}.
func refusal(text string) (provider.Code, string, bool) {
	var body struct {
		Error struct {
			Code    provider.Code `json:"code"`
			Message string        `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil || body.Error.Code == provider.OK {
		return provider.OK, "", false
	}
	return body.Error.Code, body.Error.Code.String() + ": " + body.Error.Message, true
}

// textCode is the code of what the service says of a file. A container that is gone
// or broke may fare better elsewhere.
func textCode(text string) provider.Code {
	switch {
	case strings.Contains(text, "Unable to get response from algorithm"), strings.Contains(text, "received from algorithm: 5"):
		return provider.Internal
	case strings.Contains(text, "received from algorithm: 4"):
		return provider.DataError
	case strings.Contains(text, "ping health check"):
		return provider.ModelError
	case strings.Contains(text, "AccessDenied"):
		return provider.PermissionDenied
	}
	return provider.OK
}

func cut(text string) string {
	if len(text) <= causeText {
		return text
	}
	return strings.ToValidUTF8(text[:causeText], "") + " ..."
}
