package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/direct"
	"github.com/crossbatch/crossbatch/local/engine"
)

// scoreFlags are the arguments of score.
type scoreFlags struct {
	model, output, key, device string
	input                      []string
	tensors                    []string
	null                       string
	header                     bool
	delimiter, failed          string
	batch                      int
}

func (a *app) scoreCommand() *cobra.Command {
	var f scoreFlags
	c := &cobra.Command{
		Use:   "score --model M.onnx --input F --output DIR",
		Short: "Score files on this machine, without a job file",
		Long: `Score JSON Lines or CSV files with an ONNX model on this machine. DIR gets one
part for each input file, in input order, failed-* where records failed, and
_manifest.json, which accounts for every record and commits the result.

Without --tensor, a field with a model input's own name feeds it.`,
		Example: `  crossbatch score --model churn.onnx --input customers.csv --output out \
      --key customer --tensor features=age,tenure,charges --failed-records 1%
  crossbatch score --model embed.onnx --input 'items/**/*.jsonl' --output out --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.score(c.Context(), f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.model, "model", "", "the ONNX model: a file, or a URI of an object store")
	flags.StringArrayVar(&f.input, "input", nil, "a file, a folder, a glob or a URI (s3, gs, azblob, oci); may be given several times")
	flags.StringVar(&f.output, "output", "", "the folder or the URI prefix for the results")
	flags.StringVar(&f.key, "key", "", "the field that names a record, or several with commas (default \"<shard>:<row>\")")
	flags.StringArrayVar(&f.tensors, "tensor", nil, "IN=f1,f2,...: the fields that feed a model input, in order")
	flags.StringVar(&f.null, "null", "fail", "what a missing or empty field of a --tensor becomes: fail, nan, or a number")
	flags.BoolVar(&f.header, "csv-header", true, "the first row of CSV names its columns; without, they are c0, c1, ...")
	flags.StringVar(&f.delimiter, "csv-delimiter", ",", "the byte between CSV cells")
	flags.StringVar(&f.failed, "failed-records", "", "how many records may fail: N or P%")
	flags.StringVar(&f.device, "device", "auto", "auto, cpu, cuda, cuda:N, or an execution provider of ONNX Runtime")
	flags.IntVar(&f.batch, "batch", 0, "records a call of the model (default 256)")
	for _, name := range []string{"model", "input", "output"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func (a *app) score(ctx context.Context, f scoreFlags) error {
	j, err := f.job()
	if err != nil {
		return err
	}
	rt, err := a.loadRuntime(ctx)
	if err != nil {
		return err
	}
	o, err := a.direct(rt, openDigests(), f.device)
	v := view.NewScore(a.terminal(), a.json, a.now, view.Scoring{
		Address: j.Address, Provider: j.Placement.Providers[0].String(), Device: o.Device.String(), Library: rt.Version,
		Destination: j.Output.Destination,
	})
	o.Started, o.Progress = v.Started, v.Progress
	var result *direct.Result
	if err == nil {
		result, err = direct.Run(ctx, j, o)
	}
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled):
		result = &direct.Result{State: record.Cancelled}
	case errors.Is(err, engine.ErrBusy):
		return errors.Join(v.Broken(err), &exit{code: exitTransient})
	case err != nil:
		return errors.Join(v.Broken(err), &exit{code: exitError})
	}
	if err := v.Finished(result); err != nil {
		return err
	}
	if code := codeOfState(result.State); code != exitOK {
		return &exit{code: code}
	}
	return nil
}

// codeOfState is the exit code of a result's state.
func codeOfState(s record.State) int {
	switch s {
	case record.Failed:
		return exitFailed
	case record.Partial:
		return exitPartial
	case record.Cancelled:
		return exitCancelled
	}
	return exitOK
}

// job is the job that the flags describe.
func (f scoreFlags) job() (job.Job, error) {
	j := job.Job{
		Address: "score",
		Model:   job.Model{Name: strings.TrimSuffix(filepath.Base(f.model), ".onnx")},
		Input: job.Input{
			Empty: "error", Staging: "auto",
			CSV: job.Dialect{Header: f.header, Delimiter: f.delimiter},
		},
		Output:    job.Output{Format: job.JSONL, Compression: "none", Existing: "replace"},
		Batching:  job.Batching{Records: f.batch},
		Compute:   job.Compute{Instances: 1},
		Placement: job.Placement{Providers: []job.ProviderRef{{Kind: "local", Alias: "default"}}, Strategy: "first"},
	}
	var err error
	if j.Model.Artifact, err = object(f.model); err != nil {
		return j, err
	}
	for _, in := range f.input {
		p, err := object(in)
		if err != nil {
			return j, err
		}
		j.Input.Source = append(j.Input.Source, p)
	}
	if j.Output.Destination, err = folder(f.output); err != nil {
		return j, err
	}
	if len(f.delimiter) != 1 || strings.ContainsAny(f.delimiter, "\"\r\n") || f.delimiter[0] >= 0x80 {
		return j, fmt.Errorf("--csv-delimiter %q: write one ASCII character that is no quote and no line end", f.delimiter)
	}
	if f.batch < 0 {
		return j, fmt.Errorf("--batch %d: write a number of records", f.batch)
	}
	if f.key != "" {
		j.Input.Key = strings.Split(f.key, ",")
	}
	if f.failed != "" {
		t, err := job.ParseTolerance(f.failed)
		if err != nil {
			return j, fmt.Errorf("--failed-records: %w", err)
		}
		j.Limits.FailedRecords = &t
	}
	j.Input.Tensors, err = f.feeds()
	return j, err
}

func (f scoreFlags) feeds() ([]job.Tensor, error) {
	if f.null != "fail" && len(f.tensors) == 0 {
		return nil, fmt.Errorf("--null %s: it says what a field of a --tensor becomes, and there is no --tensor", f.null)
	}
	null := job.Null{Policy: job.NullPolicy(f.null)}
	if f.null != "fail" && f.null != "nan" {
		null = job.Null{Policy: job.NullValue, Value: &job.Literal{Kind: job.NumberLiteral, Text: f.null}}
	}
	seen := map[string]bool{}
	var tensors []job.Tensor
	for _, t := range f.tensors {
		name, fields, ok := strings.Cut(t, "=")
		if !ok || name == "" || fields == "" {
			return nil, fmt.Errorf("--tensor %q: write IN=field, or several with commas", t)
		}
		if seen[name] {
			return nil, fmt.Errorf("--tensor %q: the model input %q has fields already", t, name)
		}
		seen[name] = true
		tensors = append(tensors, job.Tensor{Input: name, Fields: strings.Split(fields, ","), Null: null})
	}
	return tensors, nil
}
