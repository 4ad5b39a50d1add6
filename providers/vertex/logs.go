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
)

const (
	logPoll = 5 * time.Second
	logPage = 1000
	// logLate is how much later than others a line may arrive in a followed log.
	logLate = time.Minute
)

// logFilter is what the entries of a job's containers have in common. Which of the
// resources they are of, the documents do not say.
const logFilter = `(resource.type="aiplatform.googleapis.com/BatchPredictionJob" OR resource.type="ml_job" OR resource.type="aiplatform.googleapis.com/Endpoint") AND %q`

// Logs yields the lines of the jobs' containers, one job after the other.
func (b *Backend) Logs(ctx context.Context, natives []provider.Native, o provider.LogOptions) iter.Seq2[provider.LogLine, error] {
	return func(yield func(provider.LogLine, error) bool) {
		for _, n := range natives {
			if !b.log(ctx, n, o, yield) {
				return
			}
		}
	}
}

// log yields one job's lines; false when the consumer has seen enough or an error
// ended it.
func (b *Backend) log(ctx context.Context, n provider.Native, o provider.LogOptions, yield func(provider.LogLine, error) bool) bool {
	fail := func(err error) bool {
		yield(provider.LogLine{}, err)
		return false
	}
	t := tail{part: n.Part}
	for first := true; ; first = false {
		c, err := b.connect(ctx)
		if err == nil {
			err = b.known(n)
		}
		if err != nil {
			return fail(err)
		}
		// Looked at before the log is read, so that the last round reads to the end.
		j, err := b.get(ctx, c, n)
		if err != nil {
			return fail(err)
		}
		if first {
			t.start, t.id = at(j.GetCreateTime()), n.ID[strings.LastIndexByte(n.ID, '/')+1:]
		}
		keep := 0
		if first {
			keep = o.Tail
		}
		for line, err := range t.read(ctx, b, c, keep) {
			if err != nil {
				return fail(b.failedIn(ctx, "reading the log of "+n.Name, err))
			}
			if !yield(line, nil) {
				return false
			}
		}
		if !o.Follow || observation(n, j).State.Terminal() {
			return true
		}
		select {
		case <-ctx.Done():
			return fail(ctx.Err())
		case <-b.deps.Clock.After(logPoll):
		}
	}
}

// tail reads a log that grows.
type tail struct {
	id     string // of the job
	part   int
	start  time.Time // before it there is nothing
	latest time.Time
	seen   map[string]time.Time
}

// read yields the lines of entries that came since the last call, only the last keep
// of them unless keep is 0. The memory that it takes is that of logLate.
func (t *tail) read(ctx context.Context, b *Backend, c *clients, keep int) iter.Seq2[provider.LogLine, error] {
	return func(yield func(provider.LogLine, error) bool) {
		var held []provider.LogLine
		from := t.start
		if !t.latest.IsZero() {
			from = t.latest.Add(-logLate)
		}
		in := &loggingpb.ListLogEntriesRequest{
			ResourceNames: []string{"projects/" + b.config.Project}, OrderBy: "timestamp asc", PageSize: logPage,
			Filter: fmt.Sprintf(logFilter, t.id) + fmt.Sprintf(" AND timestamp>=%q", from.UTC().Format(time.RFC3339Nano)),
		}
		for e, err := range entries(ctx, c, in) {
			if err != nil {
				yield(provider.LogLine{}, err)
				return
			}
			if !t.fresh(e) {
				continue
			}
			for text := range strings.SplitSeq(strings.TrimRight(textOf(e), "\r\n"), "\n") {
				line := provider.LogLine{Part: t.part, Time: e.GetTimestamp().AsTime(), Text: strings.TrimSuffix(text, "\r")}
				switch {
				case keep > 0:
					if held = append(held, line); len(held) > 2*keep {
						held = append(held[:0], held[len(held)-keep:]...)
					}
				case !yield(line, nil):
					return
				}
			}
		}
		for _, line := range held[max(len(held)-keep, 0):] {
			if !yield(line, nil) {
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

// fresh says whether an entry was not read before.
func (t *tail) fresh(e *loggingpb.LogEntry) bool {
	if t.seen == nil {
		t.seen = map[string]time.Time{}
	}
	id, at := e.GetInsertId(), e.GetTimestamp().AsTime()
	if _, ok := t.seen[id]; ok {
		return false
	}
	t.seen[id] = at
	if at.After(t.latest) {
		t.latest = at
	}
	if len(t.seen) > 20*logPage {
		for id, at := range t.seen {
			if at.Before(t.latest.Add(-logLate)) {
				delete(t.seen, id)
			}
		}
	}
	return true
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
