package sagemaker

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody is how large a request may be.
const maxBody = 6 << 20

const mediaType = "application/x-amz-json-1.1"

// operation is what can be asked for.
type operation struct {
	service string // that the request must be signed for
	input   *shape
	answer  func(c *call) (any, error)
}

// call is a request that is in order.
type call struct {
	region string
	input  json.RawMessage
	stale  time.Duration // how old a list shall be
	fail   string        // why a job shall fail; empty: it shall not
}

// into reads the request, which its shape has been checked of.
func (c *call) into(in any) error { return json.Unmarshal(c.input, in) }

// exchange is one request and its answer.
type exchange struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
}

func newExchange(s *Server, w http.ResponseWriter, r *http.Request) *exchange {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	w.Header().Set("x-amzn-RequestId", fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]))
	return &exchange{s, w, r}
}

// serve answers, or gives the error that is the answer. awsJson1.1:
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
func (x *exchange) serve() error {
	if x.r.Method != http.MethodPost || x.r.URL.Path != "/" {
		return &fault{http.StatusNotFound, "UnknownOperationException", "Every operation is POST /."}
	}
	target := x.r.Header.Get("X-Amz-Target")
	op, ok := x.server.operations[target]
	if !ok {
		return refusal("UnknownOperationException", "There is no operation %q here.", target)
	}
	region, err := signedRegion(x.r, op.service)
	if err != nil {
		return err
	}
	if t := x.r.Header.Get("Content-Type"); t != mediaType {
		return refusal("SerializationException", "The Content-Type must be %s, not %q.", mediaType, t)
	}
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxBody))
	if err != nil {
		return refusal("SerializationException", "The body cannot be read: %v", err)
	}
	c := &call{region: region}
	if c.input, err = op.input.check(body); err != nil {
		return err
	}
	_, name, _ := strings.Cut(target, ".")
	seen := Call{Service: op.service, Operation: name, Region: region, Input: c.input}
	d, err := x.disturb(seen)
	if err != nil {
		return err
	}
	c.stale, c.fail = d.Stale, d.Fail
	out, err := op.answer(c)
	if err != nil {
		return err
	}
	seen.After = true
	if _, err := x.disturb(seen); err != nil {
		return err
	}
	return x.reply(http.StatusOK, out)
}

func (x *exchange) disturb(c Call) (Disturbance, error) {
	if x.server.o.Disturb == nil {
		return Disturbance{}, nil
	}
	ctx := x.r.Context()
	d := x.server.o.Disturb(ctx, c)
	if err := x.server.wait(ctx, d.Delay); err != nil {
		return d, err
	}
	if d.Drop {
		panic(http.ErrAbortHandler) // which net/http cuts the connection at
	}
	if d.Status != 0 {
		return d, &fault{d.Status, d.Code, d.Message}
	}
	return d, nil
}

func (x *exchange) refuse(err error) {
	f := asFault(err)
	name := "message"
	if f.modelled() {
		name = "Message"
	}
	_ = x.reply(f.status, map[string]string{"__type": f.code, name: f.message}) // strings can be written
}

// The Go SDK closes the body of a request when its answer begins. Where net/http has
// sent all of it but not looked for its end yet, it takes that for an error and
// closes the connection, and what it has not read of the answer is lost: seen with
// smithy-go v1.28.8 where the answer comes in microseconds, as it does here. So
// answers that take more than one read draw breath first.
const (
	oneRead = 3 << 10
	breath  = 5 * time.Millisecond
)

// reply writes an answer. Nil is an empty one.
func (x *exchange) reply(status int, out any) error {
	var body bytes.Buffer
	if out != nil {
		e := json.NewEncoder(&body)
		e.SetEscapeHTML(false)
		if err := e.Encode(out); err != nil {
			return err
		}
		body.Truncate(body.Len() - 1)
	}
	x.w.Header().Set("Content-Type", mediaType)
	x.w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	if body.Len() > oneRead && strings.Contains(x.r.UserAgent(), "aws-sdk-go-v2") {
		select {
		case <-time.After(breath):
		case <-x.r.Context().Done():
		}
	}
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body.Bytes()) // a client that has gone needs no answer
	return nil
}
