package transform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/container"
)

// maxShown is how much of a bad answer stands in the log.
const maxShown = 4 << 10

// invoke sends a batch through the containers and gives the last one's answer.
func (i *instance) invoke(ctx context.Context, b *batch) (*spool, error) {
	body, media := b.body, i.task.ContentType
	for _, s := range i.servers {
		answer, next, err := i.try(ctx, s, body, media)
		if body != b.body {
			body.close()
		}
		if err != nil {
			return nil, err
		}
		body, media = answer, next
	}
	return body, nil
}

// try sends a request to one container until it is answered 200, as often as the
// job allows.
func (i *instance) try(ctx context.Context, s container.Server, body *spool, media string) (*spool, string, error) {
	for n := 0; ; n++ {
		answer, next, err := i.post(ctx, s, body, media)
		if err == nil || ctx.Err() != nil || n == i.task.Retries || !i.again(err) {
			return answer, next, err
		}
		select {
		case <-i.o.Clock.After(i.o.RetryAfter):
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
}

// badStatus is an answer that is not 200.
type badStatus struct {
	status int
	lines  []string
}

func (b *badStatus) Error() string { return fmt.Sprintf("status %d", b.status) }

func (b *badStatus) Unwrap() error {
	of := algorithm
	if b.status >= 400 && b.status < 500 {
		of = client
	}
	return &fault{of, b.lines}
}

// errNoAnswer is that of a container that is not there, too slow, or breaks off.
var errNoAnswer = faultf(algorithm, "Unable to get response from algorithm")

func (i *instance) again(err error) bool {
	var bad *badStatus
	if errors.As(err, &bad) && bad.status < 500 {
		return i.uncertain.ClientErrorsRetried
	}
	return errors.As(err, &bad) || errors.Is(err, errNoAnswer)
}

func (i *instance) post(ctx context.Context, s container.Server, body *spool, media string) (*spool, string, error) {
	ctx, cancel := clockwork.WithTimeout(ctx, i.o.Clock, i.task.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint+"/invocations", io.NopCloser(body.reader()))
	if err != nil {
		return nil, "", err
	}
	// For when a connection that was kept turns out to be closed.
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(body.reader()), nil }
	if req.ContentLength = body.size; i.payload == 0 {
		req.ContentLength = -1 // chunked
	} else if body.size == 0 {
		req.Body = http.NoBody
	}
	for name, value := range map[string]string{"Content-Type": media, "Accept": i.task.Accept} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := i.http.Do(req)
	if err != nil {
		return nil, "", errNoAnswer
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, "", refusal(resp)
	}
	answer := newSpool(i.folder)
	if err := answer.fill(resp.Body); err != nil {
		answer.close()
		return nil, "", err
	}
	return answer, resp.Header.Get("Content-Type"), nil
}

// fill takes a body in, and tells a body that breaks off from a disk that is full.
func (s *spool) fill(from io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if _, err := s.Write(buffer[:n]); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errNoAnswer
		}
	}
}

// refusal is what the data log says of an answer that is not 200.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxShown+1)) // as much as there is
	cut := len(text) > maxShown
	if cut {
		text = text[:maxShown]
	}
	b := &badStatus{resp.StatusCode, []string{fmt.Sprintf("Bad HTTP status received from algorithm: %d", resp.StatusCode), "", "Message:"}}
	for line := range strings.SplitSeq(strings.TrimRight(string(text), "\r\n"), "\n") {
		b.lines = append(b.lines, strings.ToValidUTF8(strings.TrimSuffix(line, "\r"), "\uFFFD"))
	}
	if cut {
		b.lines = append(b.lines, "(the rest of the message is left out)")
	}
	return b
}
