package container

import (
	"bytes"
	"sync"
)

// maxLogLine is the longest line of a log; a longer one goes on in the next.
// CloudWatch takes events of up to 256 KiB, Cloud Logging about as much.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
// https://docs.cloud.google.com/logging/quotas
const maxLogLine = 256<<10 - 26

// Output takes what a container writes on stdout and stderr, cut into lines. It is
// safe for concurrent use. The zero value takes no notice.
type Output struct{ lines *lines }

// NewOutput makes an Output that hands lines to log, without their ends; empty ones
// it leaves out.
func NewOutput(log func(line string)) Output { return Output{&lines{log: log}} }

// Flush gives out a last line that has no end.
func (o Output) Flush() {
	if o.lines != nil {
		o.lines.flush()
	}
}

// Write never fails.
func (o Output) Write(p []byte) (int, error) {
	if o.lines != nil {
		o.lines.write(p)
	}
	return len(p), nil
}

type lines struct {
	log func(line string)

	mu   sync.Mutex
	rest []byte
}

func (l *lines) write(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		n, skip := bytes.IndexByte(l.rest, '\n'), 1
		if n > maxLogLine || n < 0 && len(l.rest) > maxLogLine {
			n, skip = maxLogLine, 0
		}
		if n < 0 {
			return
		}
		l.say(l.rest[:n])
		l.rest = l.rest[n+skip:]
	}
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.say(l.rest)
		l.rest = nil
	}
}

func (l *lines) say(line []byte) {
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) > 0 { // there are no empty events
		l.log(string(bytes.ToValidUTF8(line, []byte("\uFFFD"))))
	}
}
