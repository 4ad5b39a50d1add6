package vertex

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// maxJobLog is how much of a job's log is kept. When there is more the oldest lines
// go, and one that says so stands in their place.
const maxJobLog = 4 << 20

// logs are what the containers of all jobs said.
type logs struct {
	mu   sync.Mutex
	jobs map[place]*jobLog
	next int
}

// jobLog is that of one job. Its lines are numbered over all jobs, for ever.
type jobLog struct {
	lines []line
	size  int
	gone  int // how many are not kept
}

type line struct {
	job    place
	number int
	at     time.Time
	text   string
}

func (l *logs) add(at time.Time, job place, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.jobs == nil {
		l.jobs = map[place]*jobLog{}
	}
	own := l.jobs[job]
	if own == nil {
		own = &jobLog{}
		l.jobs[job] = own
	}
	own.lines = append(own.lines, line{job, l.next, at, text})
	l.next++
	own.size += len(text)
	for own.size > maxJobLog && len(own.lines) > 1 {
		own.size -= len(own.lines[0].text)
		own.lines = own.lines[1:]
		own.gone++
	}
}

// kept are all lines, in the order in which they came.
func (l *logs) kept() []line {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []line
	for job, own := range l.jobs {
		if own.gone > 0 {
			first := own.lines[0]
			out = append(out, line{job, first.number - 1, first.at, fmt.Sprintf("(%d earlier lines are not kept by the emulator)", own.gone)})
		}
		out = append(out, own.lines...)
	}
	slices.SortFunc(out, func(a, b line) int { return a.number - b.number })
	return out
}
