package backend

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
)

// logPoll is how often a followed log is looked at.
const logPoll = 200 * time.Millisecond

// Logs yields the lines of workers' logs, one worker after the other.
func (b *Backend) Logs(ctx context.Context, natives []provider.Native, o provider.LogOptions) iter.Seq2[provider.LogLine, error] {
	return func(yield func(provider.LogLine, error) bool) {
		for _, n := range natives {
			if !b.log(ctx, n, o, yield) {
				return
			}
		}
	}
}

// log yields one worker's log; false when the consumer has seen enough or an
// error ended it.
func (b *Backend) log(ctx context.Context, n provider.Native, o provider.LogOptions, yield func(provider.LogLine, error) bool) bool {
	fail := func(err error) bool {
		yield(provider.LogLine{}, err)
		return false
	}
	if err := b.usable(ctx); err != nil {
		return fail(err)
	}
	t := tail{dir: n.ID}
	defer t.close()
	for first := true; ; first = false {
		// Looked at before the log is read: what the worker wrote before its end is
		// read then.
		p, err := phaseOf(n)
		if err != nil {
			return fail(err)
		}
		done := !o.Follow || p == over || p == died || p == withdrawn
		keep := 0
		if first {
			keep = o.Tail
		}
		for line, err := range t.read(keep, done) {
			if err != nil {
				return fail(classed("reading the log of "+n.Name, err))
			}
			line.Part = n.Part
			if !yield(line, nil) {
				return false
			}
		}
		if done {
			return true
		}
		select {
		case <-ctx.Done():
			return fail(ctx.Err())
		case <-b.deps.Clock.After(logPoll):
		}
		if err := b.usable(ctx); err != nil {
			return fail(err)
		}
	}
}

// lines are the last lines of an attempt's log.
func lines(dir string, last int) iter.Seq2[provider.LogLine, error] {
	return func(yield func(provider.LogLine, error) bool) {
		t := tail{dir: dir}
		defer t.close()
		t.read(last, true)(yield)
	}
}

// tail reads a log that grows.
type tail struct {
	dir  string
	f    *os.File
	r    *bufio.Reader
	part string // the start of a line whose end is not there yet
}

func (t *tail) close() {
	if t.f != nil {
		t.f.Close()
	}
}

// read yields the whole lines that came since the last call, only the last keep
// of them unless keep is 0. With all, what follows the last line end is a line.
func (t *tail) read(keep int, all bool) iter.Seq2[provider.LogLine, error] {
	return func(yield func(provider.LogLine, error) bool) {
		var held []string // a ring of keep lines
		count := 0
		for {
			line, ok, err := t.next(all)
			if err != nil {
				yield(provider.LogLine{}, err)
				return
			}
			if !ok {
				break
			}
			switch {
			case keep == 0:
				if !yield(parse(line), nil) {
					return
				}
			case len(held) < keep:
				held = append(held, line)
			default:
				held[count%keep] = line
			}
			count++
		}
		for i := range held {
			if !yield(parse(held[(count+i)%len(held)]), nil) {
				return
			}
		}
	}
}

// next is the next line; false when there is none yet.
func (t *tail) next(all bool) (string, bool, error) {
	if t.f == nil {
		f, err := os.Open(filepath.Join(t.dir, logFile))
		if errors.Is(err, fs.ErrNotExist) {
			return "", false, nil
		}
		if err != nil {
			return "", false, err
		}
		t.f, t.r = f, bufio.NewReader(f)
	}
	s, err := t.r.ReadString('\n')
	t.part += s
	switch {
	case err == nil, errors.Is(err, io.EOF) && all && t.part != "":
		line := strings.TrimRight(t.part, "\r\n")
		t.part = ""
		return line, true, nil
	case errors.Is(err, io.EOF):
		return "", false, nil
	}
	return "", false, err
}

// parse takes the time off a line. Lines that the worker's logger did not write,
// as those of a crash, have none.
func parse(line string) provider.LogLine {
	const label = "time="
	if stamp, text, ok := strings.Cut(line, " "); ok && strings.HasPrefix(stamp, label) {
		if at, err := time.Parse(time.RFC3339Nano, stamp[len(label):]); err == nil {
			return provider.LogLine{Time: at, Text: text}
		}
	}
	return provider.LogLine{Text: line}
}
