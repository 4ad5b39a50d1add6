package sagemaker

import (
	"bytes"
	"io"
	"net/http"
)

// memory sends requests whose bodies lie in memory and cannot be closed. The SDK
// closes the body of a request when its answer begins; where net/http is not done
// with it yet, it takes that for an error of the connection, and the rest of the
// answer is lost. Seen with smithy-go v1.28.8 and answers that come in microseconds.
type memory struct{ over http.RoundTripper }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return m.over.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_ = r.Body.Close() // all of it was read
	own := r.Clone(r.Context())
	own.Body, own.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return m.over.RoundTrip(own)
}
