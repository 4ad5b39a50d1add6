package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
)

func (a *app) waitCommand() *cobra.Command {
	var timeout time.Duration
	var cancel bool
	c := &cobra.Command{
		Use:   "wait RUN",
		Short: "See a run through to its end and show how it ended",
		Long: `Watch a run until it is over: start again what died, collect and publish its
results. RUN is a run id, 8 or more digits of one, or a job's address, whose
latest run is meant. Interrupting wait leaves the run alone.

Exit codes: 0 succeeded, 3 failed, 4 partial, 5 cancelled, 6 the run goes on.`,
		Example: `  crossbatch wait 3f9c2b71
  crossbatch wait 'job.score["eu"]' --timeout 10m`,
		Args: oneArgument("a run id or a job's address"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onRun(c.Context(), args[0], func(s *session, key ledger.Key) error {
				return a.see(c.Context(), s, []broker.Run{{Key: key}}, exitOK, seeOptions{timeout: timeout, cancel: cancel})
			})
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", 0, "stop waiting after this long, with exit code 6; the run goes on")
	c.Flags().BoolVar(&cancel, "cancel-on-signal", false, "cancel the run when interrupted")
	a.ledgerFlag(c)
	return c
}

// seeOptions are how runs are seen through.
type seeOptions struct {
	timeout time.Duration // 0: none
	cancel  bool          // the runs, on a signal
}

// see watches runs to their end and shows how they ended, in the order of runs:
// those without a key could not be started. The exit code is the worst of worst
// and theirs.
func (a *app) see(ctx context.Context, s *session, runs []broker.Run, worst int, o seeOptions) error {
	var keys []ledger.Key
	for _, r := range runs {
		if r.Key != "" {
			keys = append(keys, r.Key)
		}
	}
	seen, err := a.follow(ctx, s, keys, o.timeout)
	if ctx.Err() != nil && o.cancel {
		seen, err = a.cancelNow(ctx, s, keys)
	}
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return a.codedBroker(err)
	}
	for i, r := range runs {
		if r.Key == "" {
			continue
		}
		last, ok := seen[r.Key]
		if !ok { // interrupted before the first look
			if last, err = s.Recorded(context.WithoutCancel(ctx), r.Key); err != nil {
				return err
			}
		}
		last.Joined = r.Joined
		runs[i] = last
		worst = worse(worst, codeOfRun(last))
	}
	if err := a.showEnded(context.WithoutCancel(ctx), s, runs); err != nil {
		return err
	}
	if worst == exitOK {
		return nil
	}
	return &exit{code: worst}
}

// follow watches runs and draws how they are doing.
func (a *app) follow(ctx context.Context, s *session, keys []ledger.Key, timeout time.Duration) (map[ledger.Key]broker.Run, error) {
	if timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, timeout)
		defer stop()
	}
	defer s.view.Close()
	return s.Watch(ctx, keys, broker.WatchOptions{Report: s.view.Report})
}

// cancelNow cancels runs after a signal and sees them end. A second signal ends
// the process.
func (a *app) cancelNow(ctx context.Context, s *session, keys []ledger.Key) (map[ledger.Key]broker.Run, error) {
	ctx = context.WithoutCancel(ctx)
	fmt.Fprintln(a.stderr, "cancelling")
	for _, key := range keys {
		if _, err := s.Cancel(ctx, key, "by a signal"); err != nil {
			return nil, err
		}
	}
	return a.follow(ctx, s, keys, 0)
}

// showEnded shows runs with what they published.
func (a *app) showEnded(ctx context.Context, s *session, runs []broker.Run) error {
	if a.json {
		return view.ShowRunsJSON(a.stdout, runs)
	}
	for _, r := range runs {
		if r.Key == "" { // was said when it happened
			continue
		}
		if !r.State.Over() {
			view.ShowDetached(a.terminal(), r)
			continue
		}
		m, err := s.Results(ctx, r.Key)
		if err != nil {
			return err
		}
		view.ShowEnded(a.terminal(), r, m)
	}
	return nil
}

func (a *app) terminal() view.Terminal {
	return view.Terminal{Out: a.stdout, Err: a.stderr, Bars: a.tty && !a.json, Colour: a.colour}
}
