package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/staging"
)

// gcFlags are what gc is asked for.
type gcFlags struct {
	older  string
	dry    bool
	places []string
}

func (a *app) gcCommand() *cobra.Command {
	var f gcFlags
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove what was made for runs and is of no more use",
		Long: `Remove the folders in which finished runs worked, and staged models, mappings and
input that no live run uses, once nothing in them has changed for --older-than, or
for the retention of the provider block where that is longer. Staging something
again makes it young again. Owned objects that runs made and share, such as a SageMaker
model, go by the same rules, counted from the end of the last run that used them; a
run that needs one again makes it again.

Results are never touched, nor anything that crossbatch did not stage. Of a removed
run no logs are left, and 'results --to' fetches no more than what it published.
Runs of other ledgers that share a staging place are not known here: their run
folders stay, and models and input that they share are judged by their age alone.`,
		Example: `  crossbatch gc --dry-run
  crossbatch gc --older-than 30d`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.gc(c.Context(), f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.older, "older-than", "7d", "a `duration` in s, m, h or d")
	flags.BoolVar(&f.dry, "dry-run", false, "show what would go, and remove nothing")
	flags.StringArrayVar(&f.places, "staging", nil, "look below this staging place, too (`URI`; may be given several times)")
	a.ledgerFlag(c)
	return c
}

func (a *app) gc(ctx context.Context, f gcFlags) error {
	older, err := job.ParseDuration(f.older)
	if err != nil {
		return fmt.Errorf("--older-than: %w", err)
	}
	var places []string
	for _, p := range f.places {
		place, err := folder(p)
		if err != nil {
			return fmt.Errorf("--staging: %w", err)
		}
		places = append(places, place)
	}
	s, err := a.sessionHere(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	found, err := s.Garbage(ctx, places, older)
	if err != nil {
		return a.codedBroker(err)
	}
	verdicts := found.Groups
	var failed []error
	for i := range verdicts {
		v := &verdicts[i]
		if !v.Goes || f.dry {
			continue
		}
		switch err := s.Discard(ctx, v.Group); {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, staging.ErrUsed):
			v.Goes, v.Reason = false, staging.ErrUsed.Error()
		case err != nil:
			v.Goes, v.Reason = false, err.Error()
			failed = append(failed, err)
		}
	}
	for i := range found.Objects {
		o := &found.Objects[i]
		if !o.Goes || f.dry {
			continue
		}
		switch err := s.DiscardObject(ctx, *o); {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, staging.ErrUsed):
			o.Goes, o.Reason = false, staging.ErrUsed.Error()
		case err != nil:
			o.Goes, o.Reason = false, err.Error()
			failed = append(failed, err)
		}
	}
	if err := view.ShowGarbage(a.stdout, a.json, found, f.dry, a.now()); err != nil {
		return err
	}
	switch {
	case len(failed) > 0 && a.json: // the object says what stays, and why
		return &exit{code: exitError}
	case len(failed) > 0:
		return errors.Join(failed...)
	}
	return nil
}
