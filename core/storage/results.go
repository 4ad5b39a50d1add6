package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// ErrNoResult says that a job which is a source has no result that may be read.
var ErrNoResult = errors.New("no result to read")

// listResult lists the parts of the result that a job's source reads, in the order of
// its shards.
func listResult(ctx context.Context, open Opener, r job.JobRead, in job.Input) (found []Source, format job.Format, err error) {
	judge := func(m *record.Manifest) error { return readable(m, r, in) }
	dir, ok := LocalPath(r.Destination)
	if !ok {
		b, prefix, err := open(ctx, r.Destination)
		if err != nil {
			return nil, "", err
		}
		found, format, err = lister{b: b, base: r.Destination, prefix: prefix, result: judge}.folder(ctx)
		return found, format, errors.Join(err, b.Close())
	}
	m, err := published(dir)
	if err == nil {
		err = judge(m)
	}
	if err != nil {
		return nil, "", err
	}
	paths, format, err := partsOf(dir, m)
	if err != nil {
		return nil, "", err
	}
	for _, p := range paths {
		o, err := file(p)
		if err != nil {
			return nil, "", err
		}
		found = append(found, o)
	}
	return found, format, nil
}

// readable is nil for the manifest of a result that may be read; nil stands for none.
// It is ErrNoResult where the result is not there, is another run's or another job's,
// or is partial and may not be.
func readable(m *record.Manifest, r job.JobRead, in job.Input) error {
	why := ""
	switch {
	case m == nil:
		why = "nothing is published there"
	case m.Address != r.Job:
		why = fmt.Sprintf("it holds the result of another job (%s, run %s)", m.Address, m.Run)
	case r.Run != "" && m.Run != r.Run:
		why = fmt.Sprintf("it holds the result of run %s, and that of run %s is meant", m.Run, r.Run)
	case m.State == record.Partial && !in.AllowPartial:
		why = fmt.Sprintf("the result of run %s is partial; input.allow_partial = true allows that", m.Run)
	case in.Format != "" && string(in.Format) != m.Format:
		return fmt.Errorf("input.format is %s, and %s publishes %s", in.Format, r.Job, m.Format)
	default:
		return nil
	}
	return fmt.Errorf("%w: %s in %s: %s", ErrNoResult, r.Job, r.Destination, why)
}
