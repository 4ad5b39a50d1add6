package transform

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/crossbatch/crossbatch/local/emulator/container"
)

// What a container must do, and what it is told:
// https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
const pingTimeout = 2 * time.Second

// start starts the containers and waits until all are ready.
func (i *instance) start(ctx context.Context) error {
	for n, d := range i.task.Definitions {
		stream := i.stream(i.number)
		if d.Name != "" {
			stream += "/" + d.Name
		}
		out := container.NewOutput(func(line string) { i.hooks.Log(stream, line) })
		s, err := i.o.Start(ctx, container.Container{
			Image: d.Image, Command: []string{"serve"}, Environment: i.environment(d), Folder: i.data[n], Output: out,
		})
		if err != nil {
			return faultf(algorithm, "The container of %s could not be started: %v", d.Image, err)
		}
		stop := s.Stop
		s.Stop = func() { stop(); out.Flush() }
		i.servers = append(i.servers, s)
	}
	for n, s := range i.servers {
		if err := i.ready(ctx, s, i.task.Definitions[n].Image); err != nil {
			return err
		}
	}
	return nil
}

func (i *instance) stop() {
	for _, s := range i.servers {
		s.Stop()
	}
}

// environment is what a container gets: what the service sets, and of the request
// only what it says.
func (i *instance) environment(d Definition) map[string]string {
	env := map[string]string{}
	maps.Copy(env, d.Environment)
	maps.Copy(env, i.task.Environment)
	env["SAGEMAKER_BATCH"] = "true"
	if i.task.MaxPayload != nil {
		env["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = strconv.Itoa(*i.task.MaxPayload)
	}
	if i.task.Strategy != "" {
		env["SAGEMAKER_BATCH_STRATEGY"] = map[string]string{MultiRecord: "MULTI_RECORD", SingleRecord: "SINGLE_RECORD"}[i.task.Strategy]
	}
	if i.task.MaxConcurrent > 0 {
		env["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = strconv.Itoa(i.task.MaxConcurrent)
	}
	return env
}

// ready pings until the answer is 200.
func (i *instance) ready(ctx context.Context, s container.Server, image string) error {
	err := container.Probe{HTTP: i.http, Clock: i.o.Clock, Path: "/ping", Timeout: pingTimeout, Every: i.o.PingEvery, For: i.o.PingFor}.Wait(ctx, s)
	var late *container.NotReadyError
	switch {
	case errors.As(err, &late):
		return faultf(algorithm, "The container of %s did not pass the ping health check: %v", image, late)
	case errors.Is(err, container.ErrExited):
		return faultf(algorithm, "The container of %s exited before it passed the ping health check", image)
	}
	return err
}

// parameters are what a container answers to /execution-parameters.
type parameters struct {
	MaxConcurrentTransforms int
	BatchStrategy           string
	MaxPayloadInMB          *int
}

func (p parameters) strategy() string {
	return map[string]string{"MULTI_RECORD": MultiRecord, "SINGLE_RECORD": SingleRecord}[p.BatchStrategy]
}

// ask asks the first container. It need not know the path; what it does answer
// must be sound.
func (i *instance) ask(ctx context.Context) (parameters, error) {
	var p parameters
	status, body, err := container.Get(ctx, i.http, i.o.Clock, i.servers[0].Endpoint+"/execution-parameters", i.task.Timeout)
	if err != nil || status != http.StatusOK {
		return p, cancelled(ctx)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, faultf(algorithm, "/execution-parameters answered no JSON of the expected form: %v", err)
	}
	if p.BatchStrategy != "" && p.strategy() == "" {
		return p, faultf(algorithm, "/execution-parameters answered BatchStrategy %q: want MULTI_RECORD or SINGLE_RECORD", p.BatchStrategy)
	}
	if n := p.MaxConcurrentTransforms; n < 0 || n > maxPayload {
		return p, faultf(algorithm, "/execution-parameters answered MaxConcurrentTransforms %d", n)
	}
	if n := aws.ToInt(p.MaxPayloadInMB); n < 0 || n > maxPayload {
		return p, faultf(algorithm, "/execution-parameters answered MaxPayloadInMB %d", n)
	}
	return p, nil
}
