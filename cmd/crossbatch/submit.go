package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/jobfile"
)

func (a *app) submitCommand() *cobra.Command {
	var (
		f        pathFlags
		only     []string
		provider string
		wait     bool
	)
	c := &cobra.Command{
		Use:   "submit PATH --wait",
		Short: "Run the jobs of a job file",
		Long: `Run the jobs of one job file, or of all job files of a folder, and show how they
end. Nothing is written before the job, its model and its data were checked
against each other.

A job runs anew each time: there is no ledger of finished runs yet, and jobs run
one after the other. Without --wait submit would return at once; that is not
built yet.`,
		Example: `  crossbatch submit nightly.crossbatch.hcl --wait
  crossbatch submit jobs/ --wait --job 'job.score["eu"]' --var day=2026-11-01`,
		Args: oneArgument("a job file or a folder of them"),
		RunE: func(c *cobra.Command, args []string) error {
			if !wait {
				return errors.New("submit without --wait is not yet built: add --wait")
			}
			return a.submit(c.Context(), args[0], f, only, provider)
		},
	}
	f.add(c)
	c.Flags().StringArrayVar(&only, "job", nil, "run only this job (an address, or job.NAME for all its instances)")
	c.Flags().StringVar(&provider, "provider", "", "KIND.ALIAS: run there instead of where the job says")
	c.Flags().BoolVar(&wait, "wait", false, "wait until the jobs have ended")
	return c
}

func (a *app) submit(ctx context.Context, path string, f pathFlags, only []string, provider string) error {
	set, err := a.load(path, f)
	if err != nil {
		return err
	}
	jobs, err := choose(set.Jobs, only)
	if err != nil {
		return err
	}
	var runs []localJob
	for _, j := range jobs {
		p, err := place(set, j, provider)
		if err != nil {
			return err
		}
		j.Placement.Providers = []job.ProviderRef{p.Ref()}
		runs = append(runs, localJob{job: j, device: p.Device})
	}
	return a.runJobs(ctx, runs)
}

// choose picks the jobs that --job names, in the file's order.
func choose(jobs []job.Job, only []string) ([]job.Job, error) {
	if len(jobs) == 0 {
		return nil, errors.New("the job files hold no job")
	}
	if len(only) == 0 {
		return jobs, nil
	}
	var out []job.Job
	used := map[string]bool{}
	for _, j := range jobs {
		name, _, _ := strings.Cut(j.Address, "[")
		for _, o := range only {
			if o == j.Address || o == name {
				used[o] = true
				out = append(out, j)
				break
			}
		}
	}
	for _, o := range only {
		if !used[o] {
			var have []string
			for _, j := range jobs {
				have = append(have, j.Address)
			}
			return nil, fmt.Errorf("--job %s: no such job; there are %s", o, strings.Join(have, ", "))
		}
	}
	return out, nil
}

// place finds the provider of a job: the one of the command line, or its own.
func place(set *jobfile.Set, j job.Job, named string) (jobfile.Provider, error) {
	want := j.Placement.Providers[0].String()
	if named != "" {
		want = named
	}
	i := slices.IndexFunc(set.Providers, func(p jobfile.Provider) bool { return p.Ref().String() == want })
	if i < 0 {
		var have []string
		for _, p := range set.Providers {
			have = append(have, p.Ref().String())
		}
		return jobfile.Provider{}, fmt.Errorf("--provider %s: no such provider block; there are %s", want, strings.Join(have, ", "))
	}
	if kind := set.Providers[i].Kind; kind != "local" {
		return jobfile.Provider{}, fmt.Errorf("%s: running on %s is not yet built; this version runs jobs on this machine (provider \"local\")", j.Address, kind)
	}
	return set.Providers[i], nil
}
