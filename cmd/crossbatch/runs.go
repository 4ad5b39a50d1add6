package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// runKey finds the run that an argument names: an id, a prefix of one, or an
// address, whose latest run is meant, previews aside.
func (s *session) runKey(ctx context.Context, arg string) (ledger.Key, error) {
	if regexp.MustCompile(`^[0-9a-f]{8,20}$`).MatchString(arg) {
		keys, err := s.ledger.Resolve(ctx, arg)
		switch {
		case err != nil:
			return "", err
		case len(keys) == 1:
			return keys[0], nil
		case len(keys) > 1:
			return "", fmt.Errorf("%d runs begin with %s: write more digits", len(keys), arg)
		}
		return "", fmt.Errorf("%w: %s; `crossbatch list` shows those of ledger %s", broker.ErrUnknownRun, arg, s.uri)
	}
	project, address := "", arg
	if i := strings.Index(arg, "/job."); i > 0 {
		project, address = arg[:i], arg[i+1:]
	}
	if !strings.HasPrefix(address, "job.") {
		return "", fmt.Errorf("%q is neither a run id (8 to 20 hex digits) nor an address (job.NAME, or 'job.NAME[\"key\"]' in quotes)", arg)
	}
	entries, err := s.ledger.Runs(ctx)
	if err != nil {
		return "", err
	}
	var found broker.Run
	for _, e := range slices.Backward(entries) {
		if !strings.HasPrefix(string(e.Key), "runs/"+provider.Slug(address)+"-") {
			continue
		}
		r, err := s.Recorded(ctx, e.Key)
		switch {
		case err != nil:
			return "", err
		case r.Address != address || r.Preview || project != "" && r.Project != project:
		case found.ID == "" || r.Project == found.Project && r.Begun.After(found.Begun):
			found = r
		case r.Project != found.Project:
			return "", fmt.Errorf("the projects %s and %s both have %s: write PROJECT/%s", found.Project, r.Project, address, address)
		}
	}
	if found.ID == "" {
		return "", fmt.Errorf("%w: %s; `crossbatch list` shows those of ledger %s", broker.ErrUnknownRun, arg, s.uri)
	}
	return found.Key, nil
}

// onRun opens the ledger, finds the run and hands both over.
func (a *app) onRun(ctx context.Context, arg string, f func(*session, ledger.Key) error) error {
	s, err := a.sessionHere(ctx)
	if err != nil {
		return err
	}
	key, err := s.runKey(ctx, arg)
	if err == nil {
		err = f(s, key)
	}
	return errors.Join(err, s.Close())
}

// codeOfRun is the exit code that a run's end has.
func codeOfRun(r broker.Run) int {
	switch r.State {
	case broker.Failed:
		return exitFailed
	case broker.Partial:
		return exitPartial
	case broker.Cancelled:
		return exitCancelled
	case broker.Succeeded, broker.Forgotten:
		return exitOK
	}
	return exitDetached
}

// codeOfError is the exit code of an error: what waiting may mend is 7.
func codeOfError(err error) int {
	if errors.Is(err, ledger.ErrBlocked) || provider.CodeOf(err).Resend() {
		return exitTransient
	}
	return exitError
}

// codedBroker gives an error of the broker its exit code.
func (a *app) codedBroker(err error) error { return &exit{code: codeOfError(err), err: err} }
