package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/plan"
)

// submitted is a job and what became of it: a run, why there is none, or what it waits
// for.
type submitted struct {
	action plan.Action // what was done in the end
	run    broker.Run
	err    error
	waits  []string // the jobs that it is to be begun after; it was not begun
}

// errInterrupted says that a signal came before a run was begun.
var errInterrupted = errors.New("interrupted before it was begun; the next apply or submit goes on")

// tell shows what became of jobs. waited says that they were seen through: what is not
// over goes on without us.
func (a *app) tell(ctx context.Context, s *session, jobs []submitted, waited bool) error {
	if s != nil {
		s.view.Close()
	}
	worst := exitOK
	var runs []broker.Run
	for _, j := range jobs {
		worst = worse(worst, codeOfSubmitted(ctx, j, waited))
		r := j.run
		var unmet *plan.Unmet
		switch {
		case errors.As(j.err, &unmet):
			r.Key, r.State, r.Reason = "", notRun, j.err.Error()
		case j.err != nil:
			r.Key, r.State, r.Reason = "", "error", j.err.Error()
		case j.waits != nil:
			r.State, r.Reason = broker.State(plan.Deferred), "not begun: it runs after "+strings.Join(j.waits, ", ")
		}
		runs = append(runs, r)
		if j.err != nil && !a.json {
			view.Error(a.stdout, a.stderr, false, fmt.Errorf("%s: %w", r.Address, j.err))
		}
	}
	if err := a.showEnded(context.WithoutCancel(ctx), s, runs); err != nil {
		return err
	}
	for _, j := range jobs {
		if j.waits != nil && j.err == nil && !a.json {
			view.ShowWaiting(a.terminal(), j.run.Address, j.waits)
		}
	}
	if worst != exitOK {
		return &exit{code: worst}
	}
	return nil
}

// notRun is the state, in answers, of a job that needs one which did not end well.
const notRun = broker.State("not_run")

// codeOfSubmitted is the exit code that a job has.
func codeOfSubmitted(ctx context.Context, j submitted, waited bool) int {
	var unmet *plan.Unmet
	switch {
	case errors.As(j.err, &unmet): // the job that it needs has the code
		return exitOK
	case errors.Is(j.err, errInterrupted), j.waits != nil && (waited || ctx.Err() != nil):
		return exitDetached
	case j.err != nil:
		return codeOfError(j.err)
	case j.waits != nil: // detached on purpose
		return exitOK
	case waited || j.run.State.Over():
		return codeOfRun(j.run)
	}
	return exitOK
}
