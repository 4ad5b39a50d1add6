package modelserver

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// Options are what a Server stands on. Runtime, Device, Model and Clock are
// required; zero values of the others mean what is said of them.
type Options struct {
	Runtime *onnx.Runtime
	Device  onnx.Device // as chosen: not auto

	// Model opens the model, which may have to be fetched first. It is called once,
	// by Load.
	Model func(context.Context) (*model.Package, error)

	// Mapping says how records feed the model. Nil: they are JSON Lines, and a field
	// with a model input's own name feeds it.
	Mapping *mapping.Mapping

	// HealthRoute and PredictRoute are those that Vertex AI asks for, beside /ping
	// and /invocations. A request to PredictRoute is {"instances":[...]}.
	HealthRoute, PredictRoute string

	Concurrency int    // records of so many requests are scored at a time; 0: the mapping's, or one for each processor
	Queue       int    // requests that may wait beside; 0: DefaultQueue; below zero: none
	MaxPayload  int64  // bytes of a request's body; 0: DefaultPayload
	Strategy    string // for /execution-parameters: MULTI_RECORD (also for "") or SINGLE_RECORD

	Budget       time.Duration // from New on; 0: as long as it takes
	ReadTimeout  time.Duration // of a request's body; 0: DefaultTimeout
	WriteTimeout time.Duration // of each piece of an answer; 0: DefaultTimeout
	Grace        time.Duration // how long Serve lets requests end; 0: DefaultGrace

	Clock clockwork.Clock
	Log   *slog.Logger // nil: nobody is told
}

const (
	// DefaultPayload is how large a request's body may be: the most that Batch
	// Transform sends.
	DefaultPayload = 100 * job.MiB

	// DefaultQueue is how many requests may wait. Batch Transform never sends more
	// than 100 at a time: MaxConcurrentTransforms x MaxPayloadInMB <= 100.
	DefaultQueue = 100

	// DefaultTimeout bounds what a slow client can hold up.
	DefaultTimeout = 2 * time.Minute

	// DefaultGrace is less than the 30 seconds between the two signals with which
	// containers are stopped.
	DefaultGrace = 25 * time.Second
)

// mostTransforms bounds MaxConcurrentTransforms x MaxPayloadInMB, a rule of
// SageMaker.
const mostTransforms = 100

// usualPayload is what Batch Transform sends at most when nobody says otherwise, in
// MiB. More would make a slow model miss the 600 seconds of a call.
const usualPayload = 6

// filled is o with its defaults.
func (o Options) filled() (Options, error) {
	if o.Runtime == nil || o.Model == nil || o.Clock == nil {
		return o, errors.New("a server needs a runtime, a model and a clock")
	}
	if o.Mapping != nil {
		m := *o.Mapping
		if m.Format == job.Parquet {
			return o, provider.Errorf(provider.Invalid, "the mapping's records arrive as parquet, which no request can hold: jsonl and csv are served")
		}
		if o.Concurrency == 0 {
			o.Concurrency = m.Concurrency
		}
	}
	if o.Concurrency == 0 {
		o.Concurrency = runtime.GOMAXPROCS(0)
	}
	if o.Queue == 0 {
		o.Queue = DefaultQueue
	}
	switch {
	case o.Concurrency < 0:
		return o, provider.Errorf(provider.Invalid, "concurrency is %d: it must be at least 1", o.Concurrency)
	case o.MaxPayload < 0 || o.MaxPayload > 1<<40:
		return o, provider.Errorf(provider.Invalid, "the payload limit is %d bytes", o.MaxPayload)
	case o.Budget < 0:
		return o, provider.Errorf(provider.Invalid, "the time budget is %s", o.Budget)
	}
	switch o.Strategy {
	case "":
		o.Strategy = multiRecord
	case multiRecord, singleRecord:
	default:
		return o, provider.Errorf(provider.Invalid, "the batch strategy is %q: it is %s or %s", o.Strategy, multiRecord, singleRecord)
	}
	if o.ReadTimeout == 0 {
		o.ReadTimeout = DefaultTimeout
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = DefaultTimeout
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// The strategies of /execution-parameters, as SageMaker spells them there.
const (
	multiRecord  = "MULTI_RECORD"
	singleRecord = "SINGLE_RECORD"
)
