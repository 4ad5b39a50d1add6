package vertex

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/api/iterator"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/logs"
)

const logPage = 1000

// logFilter is what the entries of a job's containers have in common. Which of the
// resources they are of, the documents do not say.
const logFilter = `(resource.type="aiplatform.googleapis.com/BatchPredictionJob" OR resource.type="ml_job" OR resource.type="aiplatform.googleapis.com/Endpoint") AND %q`

// Logs yields the lines of the jobs' containers, one job after the other.
func (b *Backend) Logs(ctx context.Context, natives []provider.Native, o provider.LogOptions) iter.Seq2[provider.LogLine, error] {
	return logs.Read(ctx, b.deps.Clock, natives, o, func(n provider.Native) logs.Log { return &jobLog{backend: b, job: n} })
}

// jobLog is the log of one job.
type jobLog struct {
	backend *Backend
	job     provider.Native
	made    time.Time // before it there is nothing
}

// Over says whether the job is over.
func (l *jobLog) Over(ctx context.Context) (bool, error) {
	c, err := l.backend.connect(ctx)
	if err == nil {
		err = l.backend.known(l.job)
	}
	if err != nil {
		return false, err
	}
	j, err := l.backend.get(ctx, c, l.job)
	if err != nil {
		return false, err
	}
	l.made = at(j.GetCreateTime())
	return observation(l.job, j).State.Terminal(), nil
}

// Entries yields those that name the job.
func (l *jobLog) Entries(ctx context.Context, since time.Time) iter.Seq2[logs.Entry, error] {
	return func(yield func(logs.Entry, error) bool) {
		c, err := l.backend.connect(ctx)
		if err != nil {
			yield(logs.Entry{}, err)
			return
		}
		if since.IsZero() {
			since = l.made
		}
		id := l.job.ID[strings.LastIndexByte(l.job.ID, '/')+1:]
		in := &loggingpb.ListLogEntriesRequest{
			ResourceNames: []string{"projects/" + l.backend.config.Project}, OrderBy: "timestamp asc", PageSize: logPage,
			Filter: fmt.Sprintf(logFilter, id) + fmt.Sprintf(" AND timestamp>=%q", since.UTC().Format(time.RFC3339Nano)),
		}
		for e, err := range entries(ctx, c, in) {
			err = l.backend.failedIn(ctx, "reading the log of "+l.job.Name, err)
			if !yield(logs.Entry{ID: e.GetInsertId(), Time: e.GetTimestamp().AsTime(), Text: textOf(e)}, err) {
				return
			}
		}
	}
}

// textOf is what an entry says. Containers that write JSON have their message in it.
func textOf(e *loggingpb.LogEntry) string {
	if fields := e.GetJsonPayload().GetFields(); fields != nil {
		if m := fields["message"].GetStringValue(); m != "" {
			return m
		}
		return e.GetJsonPayload().String()
	}
	return e.GetTextPayload()
}

// entries reads the pages of a query.
func entries(ctx context.Context, c *clients, in *loggingpb.ListLogEntriesRequest) iter.Seq2[*loggingpb.LogEntry, error] {
	return func(yield func(*loggingpb.LogEntry, error) bool) {
		for {
			var got []*loggingpb.LogEntry
			within, cancel := context.WithTimeout(ctx, answerTimeout)
			next, err := iterator.NewPager(c.logs.ListLogEntries(within, in), logPage, in.GetPageToken()).NextPage(&got)
			cancel()
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range got {
				if !yield(e, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			in.PageToken = next
		}
	}
}
