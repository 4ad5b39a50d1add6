package predict

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/container"
)

const (
	healthTimeout = 10 * time.Second
	retries       = 3 // tries of a request after the first
	maxAnswer     = 256 << 20
	maxShown      = 200 // bytes of a refusal, in a message
)

// batch is what goes into one request.
type batch []row

// replica is one machine of a job: a container, which is started again when it has
// ended, and batches as they come.
type replica struct {
	*run
	http    *http.Client
	storage string // AIP_STORAGE_URI
	server  container.Server
	output  container.Output
	runs    bool
}

// work does batches until there are no more. An error is the job's end.
func (r *replica) work(ctx context.Context, batches <-chan batch) error {
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	r.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer r.down()
	if err := r.up(ctx); err != nil {
		return err
	}
	for {
		select {
		case b, ok := <-batches:
			if !ok {
				return nil
			}
			if err := r.do(ctx, b); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// up sees to it that the server is ready.
func (r *replica) up(ctx context.Context) error {
	if r.runs {
		select {
		case <-r.server.Exited:
			r.down()
		default:
			return nil
		}
	}
	environment := r.task.environment(r.storage)
	var command []string
	for _, c := range r.task.Command {
		command = append(command, expand(c, environment))
	}
	r.output = container.NewOutput(r.hooks.Log)
	var err error
	r.server, err = r.o.Start(ctx, container.Container{Image: r.task.Image, Command: command, Environment: environment, Output: r.output})
	if err != nil {
		r.hooks.Log("The container could not be started: " + err.Error())
		return errNeverReady
	}
	r.runs = true
	patience := r.task.ReadyFor
	if patience == 0 {
		patience = r.o.ReadyFor
	}
	err = container.Probe{HTTP: r.http, Clock: r.o.Clock, Path: r.task.HealthRoute, Timeout: healthTimeout, Every: r.o.PingEvery, For: patience}.Wait(ctx, r.server)
	var late *container.NotReadyError
	if errors.As(err, &late) || errors.Is(err, container.ErrExited) {
		return errNeverReady
	}
	return err
}

func (r *replica) down() {
	if r.runs {
		r.runs = false
		r.server.Stop()
		r.output.Flush()
	}
}

// do sends a batch until it is answered, and puts away what came of it.
func (r *replica) do(ctx context.Context, b batch) error {
	body := r.body(b)
	begun := r.o.Clock.Now()
	for n := 0; ; n++ {
		predictions, err := r.post(ctx, body)
		if err := cancelled(ctx); err != nil {
			return err
		}
		var bad *statusError
		switch {
		case err == nil && len(predictions) != len(b):
			return r.failed(b, fmt.Sprintf("Cannot get predictions. Error: the response has %d predictions for %d instances.", len(predictions), len(b)))
		case err == nil:
			return r.succeeded(b, predictions)
		case !errors.As(err, &bad):
			return r.failed(b, "Cannot get predictions. Error: "+err.Error())
		case n == retries:
			return r.failed(b, fmt.Sprintf("Post request fails. Cannot get predictions. Error: Exceeded retries: Non-OK result %d (%s) from server, retry=%d, elapsed=%.2fs.",
				bad.status, bad.text, retries, r.o.Clock.Since(begun).Seconds()))
		}
		select {
		case <-r.o.Clock.After(r.o.RetryAfter):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := r.up(ctx); err != nil {
			return err
		}
	}
}

// body is the request of a batch.
func (r *replica) body(b batch) []byte {
	var out bytes.Buffer
	out.WriteString(`{"instances": [`)
	for n, row := range b {
		if n > 0 {
			out.WriteString(", ")
		}
		out.Write(row.instance)
	}
	out.WriteByte(']')
	if r.task.Parameters != nil && !r.o.Uncertain.ParametersDropped {
		out.WriteString(`, "parameters": `)
		out.Write(r.task.Parameters)
	}
	out.WriteByte('}')
	return out.Bytes()
}

// statusError is an answer that is not 200, or what the front end says in place of
// one. Such are tried again.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return fmt.Sprintf("%d (%s)", e.status, e.text) }

func (r *replica) post(ctx context.Context, body []byte) ([]json.RawMessage, error) {
	within, cancel := clockwork.WithTimeout(ctx, r.o.Clock, r.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodPost, r.server.Endpoint+r.task.PredictRoute, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, noAnswer(within)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxShown)) // as much as there is
		return nil, &statusError{resp.StatusCode, strings.TrimSpace(strings.ToValidUTF8(string(text), ""))}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, noAnswer(within)
	case len(text) > maxAnswer:
		return nil, fmt.Errorf("the response has more than %d bytes", maxAnswer)
	}
	var answer struct {
		Predictions []json.RawMessage `json:"predictions"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("the response is not of the form {\"predictions\": [...]}: %w", err)
	}
	return answer.Predictions, nil
}

// noAnswer is what the front end says where a server is too slow, gone, or breaks
// off. The first text is the service's, of its troubleshooting page.
func noAnswer(within context.Context) error {
	if within.Err() != nil {
		return &statusError{http.StatusGatewayTimeout, "upstream request timeout"}
	}
	return &statusError{http.StatusServiceUnavailable, "upstream connect error or disconnect/reset before headers"}
}
