package modelserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/provider"
)

const oneLine = `{"key":null,"prediction":{"y":[123]}}` + "\n"

func TestManyRequestsAtATime(t *testing.T) {
	o := fixed(t, sum()).options(t)
	o.Concurrency = 3
	r := start(t, o)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			var body, want strings.Builder
			for k := range 3000 {
				if k%500 == i%500 {
					body.WriteString("{\n")
					want.WriteString(`{"key":null,"error":{"code":"malformed","message":"invalid JSON at byte 1: expected a field name"}}` + "\n")
				}
				fmt.Fprintf(&body, "{\"x\":[%d,%d,0]}\n", i, k%10)
				fmt.Fprintf(&want, "{\"key\":null,\"prediction\":{\"y\":[%d]}}\n", 100*i+10*(k%10))
			}
			got, err := r.do(r.request(http.MethodPost, "/invocations", "application/jsonlines", strings.NewReader(body.String())))
			if err != nil || got.status != 200 || got.body != want.String() {
				t.Errorf("request %d: %d, %d bytes, %v", i, got.status, len(got.body), err)
			}
		})
	}
	all.Wait()
	if n := r.server.records.Load(); n != 64*3000+64*6 && n != 64*3000+6*64 {
		t.Errorf("%d records are counted", n)
	}
}

func TestMoreRequestsThanMayWait(t *testing.T) {
	o := fixed(t, sum()).options(t)
	o.Concurrency, o.Queue = 1, -1
	r := start(t, o)
	held := r.stall("application/jsonlines", `{"x":`)
	r.send(http.MethodPost, "/invocations", "application/jsonlines", `{"x":[1,2,3]}`).refused(t, 503, "throttled", "1 requests")
	if got := r.send(http.MethodGet, "/ping", "", ""); got.status != 200 {
		t.Errorf("ping: %d", got.status)
	}
	if _, err := io.WriteString(held.body, `[1,2,3]}`); err != nil {
		t.Fatal(err)
	}
	_ = held.body.Close()
	if got := held.ends(t); got.status != 200 || got.body != oneLine {
		t.Errorf("%+v", got)
	}
	if got := r.lines("application/jsonlines", `{"x":[1,2,3]}`); got != oneLine {
		t.Errorf("afterwards: %s", got)
	}
}

func TestAWaitingRequestThatIsBrokenOffLeavesTheQueue(t *testing.T) {
	o := fixed(t, sum()).options(t)
	o.Concurrency = 1
	r := start(t, o)
	r.lines("application/jsonlines", `{"x":[1,2,3]}`)
	l := r.server.lanes.Load()
	one, err := l.take(t.Context()) // as a request that is scored
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	req := r.request(http.MethodPost, "/invocations", "application/jsonlines", strings.NewReader(`{"x":[1,2,3]}`)).WithContext(ctx)
	go func() { _, err := r.do(req); ended <- err }()
	eventually(t, "the request waits", func() bool { return len(r.server.tickets) == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	eventually(t, "it waits no more", func() bool { return len(r.server.tickets) == 0 })
	l.give(one)
	if got := r.lines("application/jsonlines", `{"x":[1,2,3]}`); got != oneLine {
		t.Errorf("%s", got)
	}
}

// Bodies are read only as far as there is memory for them.
func TestRequestsWaitForMemory(t *testing.T) {
	o := fixed(t, sum()).options(t)
	o.Concurrency, o.MaxPayload = 1, 1000
	r := start(t, o)
	held := r.stall("application/jsonlines", `{"x":`) // does not say how much it is: all memory is its
	got := make(chan reply, 1)
	go func() { got <- r.sendHere(`{"x":[1,2,3]}`) }()
	eventually(t, "the second waits", func() bool { return len(r.server.tickets) == 2 })
	if n := r.server.bytes.Load(); n != int64(len(`{"x":`)) {
		t.Errorf("%d bytes are read", n)
	}
	if _, err := io.WriteString(held.body, `[1,2,3]}`); err != nil {
		t.Fatal(err)
	}
	_ = held.body.Close()
	if got := held.ends(t); got.body != oneLine {
		t.Errorf("%+v", got)
	}
	if got := <-got; got.body != oneLine {
		t.Errorf("%+v", got)
	}
}

func TestARequestThatIsBrokenOffStopsScoring(t *testing.T) {
	o := fixed(t, slow()).options(t)
	o.Concurrency = 1
	o.Mapping = fixedMapping(t, &o, 1)
	r := start(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req := r.request(http.MethodPost, "/invocations", "application/jsonlines", strings.NewReader(strings.Repeat("{\"x\":1}\n", 100_000))).WithContext(ctx)
	ended := make(chan error, 1)
	go func() { _, err := r.do(req); ended <- err }()
	eventually(t, "it is scored", func() bool { l := r.server.lanes.Load(); return l != nil && len(l.free) == 0 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	eventually(t, "it is let go", func() bool { return len(r.server.tickets) == 0 })
	if n := r.server.records.Load(); n >= 100_000 {
		t.Errorf("%d records were scored all the same", n)
	}
	if got := r.lines("application/jsonlines", `{"x":1}`); !strings.Contains(got, "prediction") {
		t.Errorf("afterwards: %s", got)
	}
}

// slow is y = 0 after a product that takes its time.
func slow() *modeltest.Graph {
	const n = 600
	return modeltest.New().Input("x", model.Float32, "N", 1).Output("y", model.Float32, "N", 1).
		Floats("col", []int64{n, 1}, make([]float32, n)).
		Floats("row", []int64{1, n}, make([]float32, n)).Floats("square", []int64{n, n}, make([]float32, n*n)).
		Node("Add", []string{"x", "row"}, []string{"h0"}).Node("MatMul", []string{"h0", "square"}, []string{"h1"}).
		Node("MatMul", []string{"h1", "col"}, []string{"y"})
}

func TestSlowClients(t *testing.T) {
	clock := clockwork.NewFakeClock()
	o := fixed(t, sum()).options(t)
	o.Clock, o.Concurrency, o.MaxPayload = clock, 1, 1<<30
	r := start(t, o)
	held := r.stall("application/jsonlines", `{"x":`)
	clock.Advance(DefaultTimeout)
	held.ends(t).refused(t, 408, "timeout", "did not arrive within 2m0s")

	// One that does not read what it asked for.
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	body := strings.Repeat("{\"x\":[1,2,3]}\n", 1_000_000)
	fmt.Fprintf(c, "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	eventually(t, "it is read", func() bool { return r.server.bytes.Load() >= int64(len(body)) && r.server.records.Load() > 0 })
	if got := r.sendHere(`{"x":[1,2,3]}`); got.body != oneLine { // nobody waits for it
		t.Errorf("%+v", got)
	}
	eventually(t, "it is cut off", func() bool {
		clock.Advance(DefaultTimeout)
		return len(r.server.tickets) == 0 && strings.Contains(r.log.String(), "broken off")
	})
}

// sendHere sends a body of known size, from any goroutine.
func (r *running) sendHere(body string) reply {
	got, err := r.do(r.request(http.MethodPost, "/invocations", "application/jsonlines", strings.NewReader(body)))
	if err != nil {
		r.t.Error(err)
	}
	return got
}

func TestAStopLetsRequestsEnd(t *testing.T) {
	r := start(t, fixed(t, sum()).options(t))
	held := r.stall("application/jsonlines", `{"x":`)
	r.stop()
	eventually(t, "it stops", func() bool { return strings.Contains(r.log.String(), "msg=stopping") })
	if _, err := io.WriteString(held.body, `[1,2,3]}`); err != nil {
		t.Fatal(err)
	}
	_ = held.body.Close()
	if got := held.ends(t); got.status != 200 || got.body != oneLine {
		t.Errorf("%+v", got)
	}
	if err := r.ended(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"msg=listening", "msg=ready", "msg=stopping", "msg=stopped", "records=1"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("%q is not logged:\n%s", want, r.log)
		}
	}
}

func TestAStopDoesNotWaitForEver(t *testing.T) {
	clock := clockwork.NewFakeClock()
	o := fixed(t, sum()).options(t)
	o.Clock = clock
	r := start(t, o)
	held := r.stall("application/jsonlines", `{"x":`)
	r.stop()
	eventually(t, "it stops", func() bool { return strings.Contains(r.log.String(), "msg=stopping") })
	eventually(t, "its grace is over", func() bool { clock.Advance(DefaultGrace); return strings.Contains(r.log.String(), "msg=stopped") })
	if err := r.ended(); !errors.Is(err, provider.Canceled) || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("%v", err)
	}
	_ = held.body.Close()
	select {
	case got := <-held.got:
		if got.status == 200 {
			t.Errorf("%+v", got)
		}
	case err := <-held.err:
		t.Log(err) // cut off
	}
}

func TestTimeBudget(t *testing.T) {
	clock := clockwork.NewFakeClock()
	o := fixed(t, sum()).options(t)
	o.Clock, o.Budget = clock, 2*time.Hour
	r := start(t, o)
	clock.Advance(2*time.Hour - 1)
	if got := r.lines("application/jsonlines", `{"x":[1,2,3]}`); got != oneLine {
		t.Errorf("%s", got)
	}
	held := r.stall("application/jsonlines", `{"x":`)
	clock.Advance(1)
	held.ends(t).refused(t, 503, "timeout", "time budget is over")
	if err := r.ended(); !errors.Is(err, provider.Timeout) || !strings.Contains(err.Error(), "time budget") {
		t.Errorf("%v", err)
	}
}

func TestTimeBudgetOfAHandler(t *testing.T) {
	clock := clockwork.NewFakeClock()
	o := fixed(t, sum()).options(t)
	o.Clock, o.Budget = clock, time.Hour
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	<-s.life.Done()
	if e := s.over(); e == nil || e.Code != provider.Timeout {
		t.Errorf("%v", e)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A mapping that only a record proves wrong ends the server, so that the job does
// not go on for nothing.
func TestAMappingThatARecordProvesWrongEndsTheServer(t *testing.T) {
	g := modeltest.New().Input("x", model.Float32, "N", 3).Output("y", model.Float32, "M").
		Floats("w", []int64{3}, []float32{1, 2, 3}).Node("ReduceSum", []string{"x"}, []string{"s"}, modeltest.Int("keepdims", 0)).
		Node("Unsqueeze", []string{"s", "axes"}, []string{"y"}).Int64s("axes", []int64{1}, []int64{0})
	o := fixed(t, g).options(t)
	o.Mapping = fixedMapping(t, &o, 2)
	r := start(t, o)
	r.send(http.MethodPost, "/invocations", "application/jsonlines", `{"x":[1,2,3]}`).refused(t, 500, "invalid", "without the axis that counts records")
	if err := r.ended(); !errors.Is(err, provider.Invalid) {
		t.Errorf("%v", err)
	}
}

// fixedMapping is a mapping with so many records a call.
func fixedMapping(t *testing.T, o *Options, records int) *mapping.Mapping {
	t.Helper()
	pkg, err := o.Model(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fixture{digest: pkg.Digest}.mapping(job.Job{Batching: job.Batching{Records: records}}, job.JSONL)
}
