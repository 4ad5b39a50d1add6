package plan_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/plan"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

func TestDecide(t *testing.T) {
	const ledgerID = "l"
	wanted := broker.Desired{
		Job:   job.Job{Project: "p", Address: "job.a", Output: job.Output{Destination: "/out/"}},
		Model: provider.Model{Digest: "new"}, Shards: job.Shards{{URI: "1", Digest: "1"}, {URI: "2", Digest: "2"}, {URI: "3", Digest: "3"}},
	}
	id := wanted.Job.Identity()
	now, old := strings.Repeat("1", 64), strings.Repeat("2", 64)
	entry := func(fingerprint string, generation int, kind ledger.Kind) ledger.Entry {
		return ledger.Entry{Key: ledger.KeyOf(id, fingerprint, generation), Fingerprint: fingerprint[:16], Generation: generation, Kind: kind}
	}
	run := func(fingerprint string, generation int) string {
		return job.RunID(ledgerID, id, fingerprint, generation)
	}
	past := func(r broker.Run, change func(*job.Basis)) *broker.Past {
		p := broker.Past{Run: r, Basis: job.Basis{Job: wanted.Job, Model: wanted.Model.Digest, Shards: append(job.Shards{}, wanted.Shards...)}}
		if change != nil {
			change(&p.Basis)
		}
		return &p
	}
	other := &ledger.Blocked{Destination: "/out/", Run: "other", Address: "job.b", Key: "k", Kind: ledger.Started}
	again := wanted
	again.Rerun = true
	retry := wanted
	retry.RetryFailed = true
	left := record.Counts{In: 200, OK: 78, Failed: 2, Skipped: 120}
	const none = "there is no result to try records of again: "
	type want struct {
		Action     plan.Action
		Generation int
		Run        string
		Key        ledger.Key
		Reasons    []string
	}
	for name, c := range map[string]struct {
		wanted   broker.Desired
		standing broker.Standing
		before   *broker.Past
		want     want
	}{
		"never ran":              {want: want{plan.Run, 0, run(now, 0), "", []string{"it has not run yet"}}},
		"never ran, and rerun":   {wanted: again, want: want{plan.Run, 0, run(now, 0), "", []string{"it has not run yet"}}},
		"runs":                   {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Started)}}, want: want{plan.Attach, 0, run(now, 0), ledger.KeyOf(id, now, 0), []string{"this run is not over"}}},
		"runs, and rerun":        {wanted: again, standing: broker.Standing{Runs: []ledger.Entry{entry(now, 1, ledger.Intent), entry(now, 0, ledger.Failed)}}, want: want{plan.Attach, 1, run(now, 1), ledger.KeyOf(id, now, 1), []string{"this run is not over"}}},
		"claimed and not begun":  {standing: broker.Standing{Holder: &ledger.Blocked{Run: run(now, 0), Key: ledger.KeyOf(id, now, 0)}}, want: want{plan.Run, 0, run(now, 0), "", []string{"it has not run yet"}}},
		"succeeded":              {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Succeeded)}, Result: run(now, 0)}, want: want{plan.Nothing, 0, run(now, 0), ledger.KeyOf(id, now, 0), []string{"nothing has changed since this run"}}},
		"partial":                {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 3, ledger.Partial)}, Result: run(now, 3), Partial: true}, want: want{plan.Nothing, 3, run(now, 3), ledger.KeyOf(id, now, 3), []string{"nothing has changed since this run, which is partial; --retry-failed tries again what it left, --rerun runs the job again"}}},
		"succeeded, and rerun":   {wanted: again, standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Succeeded)}, Result: run(now, 0)}, before: past(broker.Run{ID: run(now, 0)}, nil), want: want{plan.Rerun, 1, run(now, 1), "", []string{"nothing has changed; --rerun asks for it"}}},
		"its result is gone":     {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Succeeded)}}, before: past(broker.Run{ID: "r"}, nil), want: want{plan.Rerun, 1, run(now, 1), "", []string{"the result of run r is not at the destination any more"}}},
		"its result is replaced": {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Succeeded), entry(old, 0, ledger.Succeeded)}, Result: run(old, 0)}, before: past(broker.Run{ID: "r"}, nil), want: want{plan.Rerun, 1, run(now, 1), "", []string{"the result of run r was replaced by that of run " + run(old, 0)}}},
		"failed":                 {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Failed)}}, before: past(broker.Run{ID: "r", Reason: "no luck"}, nil), want: want{plan.Rerun, 1, run(now, 1), "", []string{"run r failed: no luck"}}},
		"cancelled":              {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Cancelled)}}, before: past(broker.Run{ID: "r"}, nil), want: want{plan.Rerun, 1, run(now, 1), "", []string{"run r was cancelled"}}},
		"forgotten":              {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 4, ledger.Forgotten)}}, before: past(broker.Run{ID: "r"}, nil), want: want{plan.Rerun, 5, run(now, 5), "", []string{"run r is forgotten"}}},
		"destroyed":              {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Destroyed)}, Result: run(now, 0)}, want: want{plan.Nothing, 0, run(now, 0), ledger.KeyOf(id, now, 0), []string{"nothing has changed since this run, which is destroyed; its results stand"}}},
		"destroyed, result gone": {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Destroyed)}}, before: past(broker.Run{ID: "r", State: broker.Succeeded, Destroyed: &ledger.Destruction{}}, nil), want: want{plan.Rerun, 1, run(now, 1), "", []string{"the result of run r is not at the destination any more"}}},
		"destroyed with results": {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Destroyed)}, Void: true}, before: past(broker.Run{ID: "r", State: broker.Succeeded, Destroyed: &ledger.Destruction{Results: true}}, nil), want: want{plan.Rerun, 1, run(now, 1), "", []string{"run r was destroyed with its results"}}},
		"failed, destroyed":      {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Destroyed)}}, before: past(broker.Run{ID: "r", State: broker.Failed, Reason: "no luck", Destroyed: &ledger.Destruction{}}, nil), want: want{plan.Rerun, 1, run(now, 1), "", []string{"run r failed: no luck"}}},
		"forgotten, destroyed":   {standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Destroyed)}, Result: run(now, 0), Void: true}, before: past(broker.Run{ID: "r", State: broker.Forgotten, Destroyed: &ledger.Destruction{}}, nil), want: want{plan.Rerun, 1, run(now, 1), "", []string{"run r is forgotten"}}},
		"changed": {
			standing: broker.Standing{Runs: []ledger.Entry{entry(old, 2, ledger.Succeeded)}, Result: run(old, 2)},
			before: past(broker.Run{ID: "r"}, func(b *job.Basis) {
				b.Model, b.Shards[1].Digest, b.Job.Env = "old", "x", map[string]string{"A": "1"}
			}),
			want: want{plan.Rerun, 0, run(now, 0), "", []string{"model digest changed", "input: 1 shard changed, 2 same", "env.A removed"}},
		},
		"changed in no way that can be told": {standing: broker.Standing{Runs: []ledger.Entry{entry(old, 0, ledger.Failed)}}, before: past(broker.Run{}, nil), want: want{plan.Rerun, 0, run(now, 0), "", []string{"the fingerprint changed"}}},
		"another run holds the destination": {
			standing: broker.Standing{Runs: []ledger.Entry{entry(old, 0, ledger.Started)}, Holder: other},
			want:     want{plan.Blocked, 0, "other", "k", []string{"run other of job.b holds the destination and is not over; wait for it or cancel it"}},
		},
		"partial, and retry": {
			wanted: retry, standing: broker.Standing{Runs: []ledger.Entry{entry(now, 3, ledger.Partial)}, Result: run(now, 3), Totals: left},
			want: want{plan.Rerun, 4, run(now, 4), "", []string{"2 failed and 120 skipped records of run " + run(now, 3) + " are tried again (--retry-failed)"}},
		},
		"succeeded with failures, a later run failed, and retry": {
			wanted: retry, standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Succeeded), entry(now, 1, ledger.Failed)}, Result: run(now, 0), Totals: left},
			want: want{plan.Rerun, 2, run(now, 2), "", []string{"2 failed and 120 skipped records of run " + run(now, 0) + " are tried again (--retry-failed)"}},
		},
		"nothing is left, and retry": {
			wanted: retry, standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Succeeded)}, Result: run(now, 0), Totals: record.Counts{In: 1, OK: 1}},
			want: want{plan.Nothing, 0, run(now, 0), ledger.KeyOf(id, now, 0), []string{"no record of this run's result failed or was skipped"}},
		},
		"a retry runs": {
			standing: broker.Standing{Runs: []ledger.Entry{entry(now, 3, ledger.Partial), entry(now, 4, ledger.Started)}, Result: run(now, 3), Totals: left},
			want:     want{plan.Attach, 4, run(now, 4), ledger.KeyOf(id, now, 4), []string{"this run is not over"}},
		},
		"a retry failed": {
			standing: broker.Standing{Runs: []ledger.Entry{entry(now, 3, ledger.Partial), entry(now, 4, ledger.Failed)}, Result: run(now, 3), Partial: true, Totals: left, Fruitless: []ledger.Key{ledger.KeyOf(id, now, 4)}},
			want:     want{plan.Nothing, 3, run(now, 3), ledger.KeyOf(id, now, 3), []string{"nothing has changed since this run, which is partial; --retry-failed tries again what it left, --rerun runs the job again"}},
		},
		"a retry failed, and retry": {
			wanted: retry, standing: broker.Standing{Runs: []ledger.Entry{entry(now, 3, ledger.Partial), entry(now, 4, ledger.Failed)}, Result: run(now, 3), Totals: left, Fruitless: []ledger.Key{ledger.KeyOf(id, now, 4)}},
			want: want{plan.Rerun, 5, run(now, 5), "", []string{"2 failed and 120 skipped records of run " + run(now, 3) + " are tried again (--retry-failed)"}},
		},
		"a retry failed, and its base is gone": {
			standing: broker.Standing{Runs: []ledger.Entry{entry(now, 3, ledger.Partial), entry(now, 4, ledger.Failed)}, Fruitless: []ledger.Key{ledger.KeyOf(id, now, 4)}},
			before:   past(broker.Run{ID: "r"}, nil), want: want{plan.Rerun, 5, run(now, 5), "", []string{"the result of run r is not at the destination any more"}},
		},
		"never ran, and retry": {wanted: retry, want: want{plan.Refused, 0, "", "", []string{none + "the job has not run yet; leave --retry-failed out to run it"}}},
		"failed, and retry": {
			wanted: retry, standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Failed)}},
			want: want{plan.Refused, 0, "", "", []string{none + "the last run failed and published nothing; leave --retry-failed out to run the job again"}},
		},
		"changed, and retry": {
			wanted: retry, standing: broker.Standing{Runs: []ledger.Entry{entry(old, 0, ledger.Partial)}, Result: run(old, 0), Totals: left},
			want: want{plan.Refused, 0, "", "", []string{none + "the job, its model or its input is not what it was when it last ran; leave --retry-failed out to run all of it"}},
		},
		"its result is replaced, and retry": {
			wanted: retry, standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Partial), entry(old, 0, ledger.Partial)}, Result: run(old, 0), Totals: left},
			want: want{plan.Refused, 0, "", "", []string{none + "the result of the last run is not in force any more; leave --retry-failed out to run the job again"}},
		},
		"forgotten, and retry": {
			wanted: retry, standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Forgotten)}, Result: run(now, 0), Totals: left},
			want: want{plan.Refused, 0, "", "", []string{none + "the last run is forgotten; leave --retry-failed out to run the job again"}},
		},
		"blocked, though its result was in force": {wanted: again, standing: broker.Standing{Runs: []ledger.Entry{entry(now, 0, ledger.Succeeded)}, Result: run(now, 0), Holder: other}, want: want{plan.Blocked, 1, "other", "k", []string{"run other of job.b holds the destination and is not over; wait for it or cancel it"}}},
	} {
		if c.wanted.Job.Address == "" {
			c.wanted = wanted
		}
		c.standing.Fingerprint = now
		got := plan.Decide(plan.Known{Ledger: ledgerID, Wanted: c.wanted, Standing: c.standing, Before: c.before})
		if d := cmp.Diff(c.want, want{got.Action, got.Generation, got.Run, got.Key, got.Reasons}); d != "" {
			t.Errorf("%s: (-want +got)\n%s", name, d)
		}
		if blocked := errors.Is(got.Err, ledger.ErrBlocked); blocked != (c.want.Action == plan.Blocked) {
			t.Errorf("%s: %v", name, got.Err)
		}
	}
}
