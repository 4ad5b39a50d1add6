//go:build unix

package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jonboulle/clockwork"
)

// What the two programs below are told.
const (
	stepsVariable = "CROSSBATCH_TEST_STEPS" // a file of steps, one a line
	hasteVariable = "CROSSBATCH_TEST_HASTE" // how many times faster their clock goes
)

// dying is crossbatch, killed at its first step that the file does not have; it is
// added. Steps are before and after a write to the ledger or to the staging place, a
// native call, and a write to the destination.
func dying() {
	os.Exit(run(hastyClock(), stepping(func(point string) {
		fmt.Fprintln(os.Stderr, "killed", point)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal is there
	})))
}

// walked is crossbatch, which adds its steps to the file.
func walked() { os.Exit(run(hastyClock(), stepping(nil))) }

// several is crossbatch, run for several command lines one after the other: words with
// a "++" between them. It exits with the worst code.
func several() {
	worst := exitOK
	for _, line := range strings.Split(strings.Join(os.Args[1:], "\x00"), "\x00++\x00") {
		os.Args = append(os.Args[:1:1], strings.Split(line, "\x00")...)
		worst = worse(worst, run(hastyClock(), nil))
	}
	os.Exit(worst)
}

// stepping adds steps to the file, and calls next at the first that was not there.
func stepping(next func(point string)) func(string) {
	path := os.Getenv(stepsVariable)
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	known := map[string]bool{}
	for _, point := range strings.Split(string(text), "\n") {
		known[point] = true
	}
	called := false
	var mu sync.Mutex // whoever comes while this one dies waits
	return func(point string) {
		mu.Lock()
		defer mu.Unlock()
		point = stepName(point)
		if known[point] || called && next != nil {
			return
		}
		known[point] = true
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			panic(err)
		}
		_, err = fmt.Fprintln(f, point)
		if cerr := f.Close(); err != nil || cerr != nil {
			panic(fmt.Sprint(err, cerr))
		}
		called = true
		if next != nil {
			next(point)
		}
	}
}

// stepName is a step without what tells one run, attempt or event from another.
func stepName(point string) string {
	return stepMarks.ReplaceAllString(point, "#")
}

var stepMarks = regexp.MustCompile(`runs/.*/\d{6}|[0-9a-f]{8,}|\b\d{6}\b`)

// hastyClock is a clock by which a service's visibility window and the pauses between
// looks cost a test next to nothing. Without hasteVariable it is the real one.
func hastyClock() clockwork.Clock {
	n, err := strconv.Atoi(os.Getenv(hasteVariable))
	if err != nil || n <= 1 {
		return clockwork.NewRealClock()
	}
	return hasty{Clock: clockwork.NewRealClock(), began: time.Now(), times: time.Duration(n)}
}

type hasty struct {
	clockwork.Clock
	began time.Time
	times time.Duration
}

func (h hasty) Now() time.Time                         { return h.began.Add(time.Since(h.began) * h.times) }
func (h hasty) Since(t time.Time) time.Duration        { return h.Now().Sub(t) }
func (h hasty) Until(t time.Time) time.Duration        { return t.Sub(h.Now()) }
func (h hasty) Sleep(d time.Duration)                  { h.Clock.Sleep(d / h.times) }
func (h hasty) After(d time.Duration) <-chan time.Time { return h.Clock.After(d / h.times) }

func (h hasty) NewTimer(d time.Duration) clockwork.Timer { return h.Clock.NewTimer(d / h.times) }

func (h hasty) NewTicker(d time.Duration) clockwork.Ticker {
	return h.Clock.NewTicker(max(d/h.times, 1))
}

func (h hasty) AfterFunc(d time.Duration, f func()) clockwork.Timer {
	return h.Clock.AfterFunc(d/h.times, f)
}
