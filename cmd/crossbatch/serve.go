package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/modelserver"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// serveFlags are the arguments of serve. Those that are not given leave the word to
// the environment.
type serveFlags struct {
	model, mapping, addr, device, payload string
	concurrency                           int
	budget                                time.Duration
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Answer requests for predictions over HTTP, as the services' containers do",
		Long: `Serve a model over HTTP as Amazon SageMaker Batch Transform and Vertex AI batch
prediction call their containers: GET /ping, GET /execution-parameters, POST
/invocations with JSON Lines or CSV, and with AIP_PREDICT_ROUTE {"instances":[...]}.
Every record gets its line, in order; a bad one never fails its request.

What no flag says, the environment of the container does: CROSSBATCH_MODEL,
CROSSBATCH_MAPPING, CROSSBATCH_SCORER_0..3, CROSSBATCH_BUDGET, SAGEMAKER_* and
AIP_*. Logs go to standard error.`,
		Example: `  crossbatch serve --model churn.onnx
  curl -H 'Content-Type: application/jsonlines' --data-binary @rows.jsonl localhost:8080/invocations`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.model, "model", "", "the ONNX model, or its folder (default "+modelserver.SageMakerModel+")")
	flags.StringVar(&f.mapping, "mapping", "", "scorer.json: how records feed the model (default: fields named as its inputs)")
	flags.StringVar(&f.addr, "addr", "", "the address to listen on (default :8080, or AIP_HTTP_PORT)")
	flags.StringVar(&f.device, "device", "auto", "auto, cpu, cuda, cuda:N, or an execution provider of ONNX Runtime")
	flags.IntVar(&f.concurrency, "concurrency", 0, "requests that are scored at a time (default one for each processor)")
	flags.StringVar(&f.payload, "max-payload", "", "the largest body of a request (default 100MiB)")
	flags.DurationVar(&f.budget, "budget", 0, "end with an error after this time (default: never)")
	return c
}

// serve runs the server until it is told to stop. Its errors begin with their code,
// as a service keeps nothing of them but the text.
func (a *app) serve(ctx context.Context, f serveFlags) error {
	err := a.served(ctx, f)
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s: %w", provider.CodeOf(err).String(), err)
}

func (a *app) served(ctx context.Context, f serveFlags) error {
	env, err := modelserver.ReadEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "crossbatch-model-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o, err := a.serveOptions(ctx, f, env, a.open, dir)
	if err != nil {
		return err
	}
	server, err := modelserver.New(o)
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.address(env))
	if err == nil {
		err = server.Serve(ctx, ln)
	}
	return errors.Join(err, server.Close())
}

// address is where to listen.
func (f serveFlags) address(env modelserver.Environment) string {
	if f.addr != "" {
		return f.addr
	}
	return ":" + cmp.Or(env.Port, "8080")
}

// serveOptions are flags, else what the environment says. The model may be fetched
// into dir.
func (a *app) serveOptions(ctx context.Context, f serveFlags, env modelserver.Environment, open storage.Opener, dir string) (modelserver.Options, error) {
	o := modelserver.Options{
		HealthRoute: env.HealthRoute, PredictRoute: env.PredictRoute, Strategy: env.Strategy,
		Concurrency: cmp.Or(f.concurrency, env.Concurrency), MaxPayload: env.MaxPayload, Budget: cmp.Or(f.budget, env.Budget),
		Clock: clockwork.NewRealClock(), Log: slog.New(slog.NewTextHandler(a.stderr, nil)),
	}
	if f.payload != "" {
		n, err := job.ParseSize(f.payload)
		if err != nil || n <= 0 {
			return o, provider.Errorf(provider.Invalid, "--max-payload %q: write a size such as 100MiB", f.payload)
		}
		o.MaxPayload = n
	}
	var err error
	if o.Mapping, err = f.scorer(ctx, env, open); err != nil {
		return o, err
	}
	from := cmp.Or(f.model, env.Model, modelserver.SageMakerModel)
	o.Model = func(ctx context.Context) (*model.Package, error) {
		path, err := modelserver.FetchModel(ctx, open, from, dir)
		if err != nil {
			return nil, err
		}
		return model.Open(ctx, path)
	}
	if o.Runtime, err = a.loadRuntime(ctx); err != nil {
		return o, err
	}
	asked, err := onnx.ParseDevice(f.device)
	if err != nil {
		return o, &provider.Error{Code: provider.Invalid, Err: err}
	}
	if o.Device, err = o.Runtime.Choose(asked); err != nil {
		return o, &provider.Error{Code: provider.Unsupported, Err: err}
	}
	return o, nil
}

// scorer is the mapping; nil where there is none.
func (f serveFlags) scorer(ctx context.Context, env modelserver.Environment, open storage.Opener) (*mapping.Mapping, error) {
	var m mapping.Mapping
	var err error
	switch from := cmp.Or(f.mapping, env.Mapping); {
	case from != "":
		m, err = modelserver.ReadMapping(ctx, open, from)
	case env.Scorer != nil:
		m, err = modelserver.ParseMapping(env.Scorer)
	default:
		return nil, nil
	}
	return &m, err
}
