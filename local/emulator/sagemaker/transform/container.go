package transform

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/jonboulle/clockwork"
)

// What a container must do, and what it is told:
// https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
const (
	pingTimeout = 2 * time.Second
	maxAnswer   = 1 << 20 // of /execution-parameters
)

// start starts the containers and waits until all are ready.
func (i *instance) start(ctx context.Context) error {
	for n, d := range i.task.Definitions {
		stream := i.stream(i.number)
		if d.Name != "" {
			stream += "/" + d.Name
		}
		out := &lines{log: func(line string) { i.hooks.Log(stream, line) }}
		s, err := i.o.Start(ctx, Container{
			Image: d.Image, Command: []string{"serve"}, Environment: i.environment(d), Folder: i.data[n], Output: Output{out},
		})
		if err != nil {
			return faultf(algorithm, "The container of %s could not be started: %v", d.Image, err)
		}
		stop := s.Stop
		s.Stop = func() { stop(); out.flush() }
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
func (i *instance) ready(ctx context.Context, s Server, image string) error {
	last := "it did not answer"
	for begun := i.o.Clock.Now(); ; {
		status, _, err := i.get(ctx, s.Endpoint+"/ping", pingTimeout)
		if err == nil && status == http.StatusOK {
			return nil
		}
		if err == nil {
			last = fmt.Sprintf("it answered %d", status)
		}
		if i.o.Clock.Since(begun) >= i.o.PingFor {
			return faultf(algorithm, "The container of %s did not pass the ping health check: %s", image, last)
		}
		select {
		case <-i.o.Clock.After(i.o.PingEvery):
		case <-s.Exited: // nil blocks for ever
			return faultf(algorithm, "The container of %s exited before it passed the ping health check", image)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
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
	status, body, err := i.get(ctx, i.servers[0].Endpoint+"/execution-parameters", i.task.Timeout)
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

func (i *instance) get(ctx context.Context, url string, timeout time.Duration) (status int, body []byte, err error) {
	ctx, cancel := clockwork.WithTimeout(ctx, i.o.Clock, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := i.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, body, err
}
