package view

import (
	"bytes"
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/direct"
	"github.com/crossbatch/crossbatch/local/engine"
)

func TestPlainProgressNamesTheJobNowAndThen(t *testing.T) {
	var out, err bytes.Buffer
	now := time.Unix(0, 0)
	v := NewScore(Terminal{Out: &out, Err: &err}, false, func() time.Time { return now }, Scoring{Address: "job.a"})
	step := func(d time.Duration, p engine.Progress) {
		now = now.Add(d)
		v.Progress(p)
	}
	step(9*time.Second, engine.Progress{Phase: engine.Checking, Bytes: 1, All: 2048})
	step(1*time.Second, engine.Progress{Phase: engine.Checking, Bytes: 1024, All: 2048})
	step(9*time.Second, engine.Progress{Phase: engine.Scoring, Bytes: 1, All: 2048})
	step(2*time.Second, engine.Progress{Phase: engine.Scoring, Bytes: 2048, All: 2048, Counts: record.Counts{In: 1234}})
	want := "job.a: checking input, 1.0 KiB of 2.0 KiB, 0 records\n" +
		"job.a: scoring, 2.0 KiB of 2.0 KiB, 1,234 records\n"
	if err.String() != want {
		t.Errorf("got\n%swant\n%s", &err, want)
	}
	if out.Len() > 0 {
		t.Errorf("progress on standard output: %s", &out)
	}
}

func TestTheBarIsGoneBeforeTheNextLine(t *testing.T) {
	var screen bytes.Buffer // both streams, as on a terminal
	v := NewScore(Terminal{Out: &screen, Err: &screen, Bars: true}, false, time.Now, Scoring{Address: "score", Provider: "local.default"})
	v.Progress(engine.Progress{Phase: engine.Checking, Bytes: 1, All: 2})
	if v.bar == nil {
		t.Fatal("no bar while the input is checked")
	}
	v.Started(direct.Start{Run: "r", Shards: 1, Batch: 1})
	if v.bar != nil {
		t.Error("the bar of the input's check would draw over the run's first lines")
	}
	v.Progress(engine.Progress{Phase: engine.Scoring, Bytes: 1, All: 2})
	if err := v.Finished(&direct.Result{State: "failed"}); err != nil {
		t.Fatal(err)
	}
	if v.bar != nil {
		t.Error("the bar would draw over the report")
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %s, want %s", n, got, want)
		}
	}
}
