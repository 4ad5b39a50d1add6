package sagemaker

import (
	"fmt"
	"sync"

	"github.com/jonboulle/clockwork"
)

// logGroup is the only log group there is.
const logGroup = "/aws/sagemaker/TransformJobs"

// maxStream is how much of a stream is kept. When there is more the oldest lines go,
// and one that says so stands in their place.
const maxStream = 4 << 20

// logs are the streams of all jobs, by region and name.
type logs struct {
	clock clockwork.Clock

	mu      sync.Mutex
	streams map[place]*stream
}

// stream is one log stream. Its events are numbered for ever, also when the first
// of them have gone.
type stream struct {
	name    string
	created int64
	events  []event
	size    int
	gone    int // how many events are not kept
}

// event is a line. Times are in milliseconds.
type event struct {
	number  int
	at      int64
	message string
}

func newLogs(clock clockwork.Clock) *logs {
	return &logs{clock: clock, streams: map[place]*stream{}}
}

func (l *logs) add(region, name, line string) {
	at := l.clock.Now().UnixMilli()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.streams[place{region, name}]
	if s == nil {
		s = &stream{name: name, created: at}
		l.streams[place{region, name}] = s
	}
	s.events = append(s.events, event{s.gone + len(s.events), at, line})
	s.size += len(line)
	for s.size > maxStream && len(s.events) > 1 {
		s.size -= len(s.events[0].message)
		s.events = s.events[1:]
		s.gone++
	}
}

// kept are a stream's events, ahead of them one for those that have gone.
func (s *stream) kept() []event {
	if s.gone == 0 {
		return s.events
	}
	note := event{s.gone - 1, s.events[0].at, fmt.Sprintf("(%d earlier lines are not kept by the emulator)", s.gone)}
	return append([]event{note}, s.events...)
}

// within are events from start to before end, if given.
func within(events []event, start, end *int64) []event {
	var out []event
	for _, e := range events {
		if (start == nil || e.at >= *start) && (end == nil || e.at < *end) {
			out = append(out, e)
		}
	}
	return out
}
