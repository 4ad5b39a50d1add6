package sagemaker

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// closing is a body that cannot be read any more once it is closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Read(p []byte) (int, error) {
	if c.closed {
		return 0, errors.New("read after close")
	}
	return c.Reader.Read(p)
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestBodiesCannotBeClosedUnderTheTransport(t *testing.T) {
	given := &closing{Reader: strings.NewReader("{}\n")}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/", given)
	if err != nil {
		t.Fatal(err)
	}
	answer := &http.Response{Body: http.NoBody}
	got, err := memory{roundTrip(func(own *http.Request) (*http.Response, error) {
		if err := given.Close(); err != nil { // as the SDK does when the answer begins
			t.Error(err)
		}
		if err := own.Body.Close(); err != nil {
			t.Error(err)
		}
		text, err := io.ReadAll(own.Body)
		if err != nil || string(text) != "{}\n" || own.ContentLength != 3 {
			t.Errorf("%q of %d bytes, %v", text, own.ContentLength, err)
		}
		return answer, nil
	})}.RoundTrip(r)
	if err != nil || got != answer || r.Body != given {
		t.Fatalf("%v, %v", got, err)
	}
	_ = got.Body.Close()
}
