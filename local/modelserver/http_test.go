package modelserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

func TestLines(t *testing.T) {
	f := fixed(t, sum())
	j := job.Job{Input: job.Input{Key: []string{"id"}}, Output: job.Output{Keep: []job.Rename{{Field: "big", Name: "big"}}}}
	o := f.options(t)
	o.Mapping = f.mapping(j, job.JSONL)
	r := start(t, o)
	const good = `{"key":12345678901234567890,"big":1.0000000000000000000000001e400,"prediction":{"y":[123]}}` + "\n"
	record := `{"id":12345678901234567890,"x":[1,2,3],"big":1.0000000000000000000000001e400}`
	for name, tc := range map[string]struct{ typ, body, want string }{
		"one":                     {"application/jsonlines", record + "\n", good},
		"without the last end":    {"application/x-ndjson", record, good},
		"as JSON, with a charset": {"application/json; charset=UTF-8", record + "\n", good},
		"several, blank lines":    {"application/jsonlines", record + "\n\n\r\n" + record + "\r\n", good + good},
		"nothing":                 {"application/jsonlines", "", ""},
		"blank":                   {"application/jsonlines", "\n\n", ""},
		"a bad one among others": {"application/jsonlines", record + "\n{\"id\":7,\"x\":[1,2]}\n{\n" + record, good +
			`{"key":7,"error":{"code":"wrong_shape","message":"model input \"x\" takes float32 [3]; field \"x\" has [2]"}}` + "\n" +
			`{"key":null,"error":{"code":"malformed","message":"invalid JSON at byte 1: expected a field name"}}` + "\n" + good},
	} {
		t.Run(name, func(t *testing.T) {
			if got := r.lines(tc.typ, tc.body); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
		})
	}
	if strings.Contains(r.log.String(), "1234567890") {
		t.Error("records are logged")
	}
}

func TestKeysOfRecordsWhosePlaceIsNotKnown(t *testing.T) {
	r := start(t, fixed(t, sum()).options(t))
	got := r.lines("application/jsonlines", "{\"x\":[1,2,3]}\n{\"x\":1}\n")
	want := `{"key":null,"prediction":{"y":[123]}}` + "\n" +
		`{"key":null,"error":{"code":"wrong_shape","message":"model input \"x\" takes float32 [3]; field \"x\" has one value"}}` + "\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestCSV(t *testing.T) {
	f := fixed(t, sum())
	tensors := func(fields ...string) []job.Tensor {
		return []job.Tensor{{Input: "x", Fields: fields, Null: job.Null{Policy: job.NullFail}}}
	}
	for name, tc := range map[string]struct {
		in      job.Input
		columns []string
		body    string
		want    string
	}{
		"names in the body": {
			job.Input{Key: []string{"id"}, Tensors: tensors("a", "b", "c"), CSV: job.Dialect{Header: true, Delimiter: ";"}}, nil,
			"id;c;b;a\n007;3;2;1\n\"a;\"\"b\";0;0;9", `{"key":"007","prediction":{"y":[123]}}` + "\n" + `{"key":"a;\"b","prediction":{"y":[900]}}` + "\n",
		},
		"names in the mapping": {
			job.Input{Key: []string{"id"}, Tensors: tensors("a", "b", "c"), CSV: job.Dialect{Delimiter: ","}}, []string{"id", "a", "b", "c"},
			"007,1,2,3\n8,1,2\n", `{"key":"007","prediction":{"y":[123]}}` + "\n" + `{"key":"8","error":{"code":"field_count","message":"the row has 3 cells, the header 4"}}` + "\n",
		},
		"no names": {
			job.Input{Key: []string{"c0"}, Tensors: tensors("c1", "c2", "c3"), CSV: job.Dialect{Delimiter: ","}}, nil,
			"a\"b,1\n007,1,2,3\n8,1,2\n", `{"key":null,"error":{"code":"malformed","message":"cell 1: a quote inside a cell that does not start with one"}}` + "\n" +
				`{"key":"007","prediction":{"y":[123]}}` + "\n" + `{"key":"8","error":{"code":"field_count","message":"the row has 3 cells, the header 4"}}` + "\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := f.options(t)
			o.Mapping = f.mapping(job.Job{Input: tc.in}, job.CSV)
			o.Mapping.Columns = tc.columns
			r := start(t, o)
			for range 2 {
				if got := r.lines("text/csv", tc.body); got != tc.want {
					t.Errorf("got\n%swant\n%s", got, tc.want)
				}
			}
		})
	}
}

func TestCSVHeaderThatNamesAFieldTwiceFailsItsRequestOnly(t *testing.T) {
	f := fixed(t, sum())
	in := job.Input{Tensors: []job.Tensor{{Input: "x", Fields: []string{"a", "b", "c"}, Null: job.Null{Policy: job.NullFail}}}, CSV: job.Dialect{Header: true, Delimiter: ","}}
	o := f.options(t)
	o.Mapping = f.mapping(job.Job{Input: in}, job.CSV)
	r := start(t, o)
	for range 2 {
		r.send(http.MethodPost, "/invocations", "text/csv", "a,a,b,c\n1,1,2,3\n").refused(t, 400, "invalid", `two columns named "a"`)
		r.send(http.MethodPost, "/invocations", "text/csv", "a,\"b\n").refused(t, 400, "invalid", "header row")
		if got := r.lines("text/csv", "a,b,c\n1,2,3\n"); !strings.Contains(got, "[123]") {
			t.Errorf("%s", got)
		}
	}
}

func TestInstances(t *testing.T) {
	f := fixed(t, sum())
	o := f.options(t)
	o.HealthRoute, o.PredictRoute = "/health", "/v1/predict"
	o.Mapping = f.mapping(job.Job{Output: job.Output{Keep: []job.Rename{{Field: "big", Name: "big"}}}}, job.JSONL)
	o.Mapping.Staged, o.Mapping.Sealed = true, true
	r := start(t, o)
	if got := r.send(http.MethodGet, "/health", "", ""); got.status != 200 || got.body != "" {
		t.Errorf("health: %+v", got)
	}
	for name, tc := range map[string]struct{ body, want string }{
		"digits and other members": {
			`{"parameters":{"a":[{}]}, "instances" : [ {"_cb":"3:17","_cb_record":"{\"x\":[1,2,3],\"big\":1e-7000}"}, {"_cb_record":"{\"x\":[1,2,3],\"big\":[ 1.10, 2 ]}"} ],"signature":"x"}`,
			`{"predictions":["{\"key\":null,\"big\":1e-7000,\"prediction\":{\"y\":[123]}}","{\"key\":null,\"big\":[1.10,2],\"prediction\":{\"y\":[123]}}"]}`,
		},
		"bad ones": {
			`{"instances":[7,{"_cb_record":"{\"x\":tru}"},{"_cb_record":"{\"_cb_error\":{\"code\":\"malformed\",\"message\":\"m\"}}"},"]",[{}],{"x":[0,0,1]},{"_cb_record":"{\"x\":[0,0,1],\"big\":\"]}\"}"}]}`,
			`{"predictions":["{\"key\":null,\"error\":{\"code\":\"malformed\",\"message\":\"a record must be a JSON object\"}}",` +
				`"{\"key\":null,\"error\":{\"code\":\"malformed\",\"message\":\"invalid JSON at byte 5: unexpected character\"}}",` +
				`"{\"key\":null,\"error\":{\"code\":\"malformed\",\"message\":\"m\"}}",` +
				`"{\"key\":null,\"error\":{\"code\":\"malformed\",\"message\":\"a record must be a JSON object\"}}",` +
				`"{\"key\":null,\"error\":{\"code\":\"malformed\",\"message\":\"a record must be a JSON object\"}}",` +
				`"{\"key\":null,\"error\":{\"code\":\"malformed\",\"message\":\"the record is not what staging wrote: it has no text in _cb_record\"}}",` +
				`"{\"key\":null,\"big\":\"]}\",\"prediction\":{\"y\":[1]}}"]}`,
		},
		"none": {`{"instances":[]}`, `{"predictions":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := r.send(http.MethodPost, "/v1/predict", "application/json", tc.body)
			if got.status != 200 || got.body != tc.want || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("%d\ngot  %s\nwant %s", got.status, got.body, tc.want)
			}
		})
	}
	// As large as staging lets pass, and written by a service that wants ASCII.
	long := strings.Repeat(`\u00e4`, record.DefaultLimits().Record/2-100)
	got := r.send(http.MethodPost, "/v1/predict", "application/json", `{"instances":[{"_cb_record":"{\"x\":[1,2,3],\"more\":\"`+long+`\"}"}]}`)
	if want := `{"predictions":["{\"key\":null,\"big\":null,\"prediction\":{\"y\":[123]}}"]}`; got.status != 200 || got.body != want {
		t.Errorf("%d %.200s", got.status, got.body)
	}
	r.send(http.MethodPost, "/v1/predict", "application/jsonlines", `{"x":[1,2,3]}`).refused(t, 415, "invalid", "take application/json")
	for _, body := range []string{``, `[]`, `{"instances":{}}`, `{"instances":[1,]}`, `{"instances":[{]}]}`, `{"instances":[1],"instances":[2]}`, `{"instances":[1]} x`, `{"inst":[]}`, `{"instances":[{"a":"}]}`} {
		r.send(http.MethodPost, "/v1/predict", "application/json", body).refused(t, 400, "invalid", `the body is not {"instances":[...]}`)
	}
}

func TestRefusals(t *testing.T) {
	f := fixed(t, sum())
	o := f.options(t)
	o.MaxPayload = 1000
	r := start(t, o)
	const record = `{"x":[1,2,3]}`
	big := strings.Repeat(record+"\n", 100)
	for name, tc := range map[string]struct {
		method, path, typ, accept, encoding, body string
		status                                    int
		code, message                             string
	}{
		"no such route":     {http.MethodGet, "/", "", "", "", "", 404, "not_found", "/invocations"},
		"empty route":       {http.MethodGet, "//ping", "", "", "", "", 404, "not_found", "/invocations"},
		"wrong method":      {http.MethodGet, "/invocations", "", "", "", "", 405, "invalid", "POST"},
		"ping by post":      {http.MethodPost, "/ping", "", "", "", "", 405, "invalid", "GET"},
		"no type":           {http.MethodPost, "/invocations", "", "", "", record, 415, "invalid", `the content type is ""`},
		"bad type":          {http.MethodPost, "/invocations", "a/b/c", "", "", record, 415, "invalid", `"a/b/c"`},
		"another type":      {http.MethodPost, "/invocations", "text/csv", "", "", record, 415, "invalid", "take application/jsonlines"},
		"another charset":   {http.MethodPost, "/invocations", "application/json; charset=latin1", "", "", record, 415, "invalid", "UTF-8"},
		"compressed":        {http.MethodPost, "/invocations", "application/json", "", "gzip", record, 415, "invalid", "gzip"},
		"other answer":      {http.MethodPost, "/invocations", "application/json", "text/csv, */*;q=0", "", record, 406, "invalid", "text/csv"},
		"too large, saying": {http.MethodPost, "/invocations", "application/json", "", "", big, 413, "invalid", "1400 bytes; at most 1000 bytes are taken"},
	} {
		t.Run(name, func(t *testing.T) {
			req := r.request(tc.method, tc.path, tc.typ, strings.NewReader(tc.body))
			if tc.accept != "" {
				req.Header.Set("Accept", tc.accept)
			}
			if tc.encoding != "" {
				req.Header.Set("Content-Encoding", tc.encoding)
			}
			got, err := r.do(req)
			if err != nil {
				t.Fatal(err)
			}
			got.refused(t, tc.status, tc.code, tc.message)
		})
	}
	t.Run("too large, not saying", func(t *testing.T) {
		got, err := r.do(r.request(http.MethodPost, "/invocations", "application/json", struct{ *strings.Reader }{strings.NewReader(big)}))
		if err != nil {
			t.Fatal(err)
		}
		got.refused(t, 413, "invalid", "--max-payload")
	})
	t.Run("as large as may be", func(t *testing.T) {
		body := record + strings.Repeat(" ", 1000-len(record))
		if got := r.lines("application/json", body); !strings.Contains(got, "[123]") {
			t.Error(got)
		}
	})
	for _, accept := range []string{"", "*/*", "application/*;q=0.5", "text/csv, application/jsonlines", "application/json"} {
		req := r.request(http.MethodPost, "/invocations", "application/jsonlines", strings.NewReader(record))
		req.Header.Set("Accept", accept)
		if got, err := r.do(req); err != nil || got.status != 200 {
			t.Errorf("accepting %q: %d %v", accept, got.status, err)
		}
	}
	if got := strings.Count(r.log.String(), "msg=refused"); got != 12 {
		t.Errorf("%d refusals are logged:\n%s", got, r.log)
	}
}

func TestParameters(t *testing.T) {
	f := fixed(t, sum())
	for name, tc := range map[string]struct {
		concurrency int
		payload     int64
		strategy    string
		want        string
	}{
		"unsaid":       {4, 0, "", `{"MaxConcurrentTransforms":4,"BatchStrategy":"MULTI_RECORD","MaxPayloadInMB":6}`},
		"said":         {4, 20 * job.MiB, "SINGLE_RECORD", `{"MaxConcurrentTransforms":4,"BatchStrategy":"SINGLE_RECORD","MaxPayloadInMB":20}`},
		"over the sum": {40, 20 * job.MiB, "", `{"MaxConcurrentTransforms":40,"BatchStrategy":"MULTI_RECORD","MaxPayloadInMB":2}`},
		"extremes":     {400, 1000, "", `{"MaxConcurrentTransforms":100,"BatchStrategy":"MULTI_RECORD","MaxPayloadInMB":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			o := f.options(t)
			o.Concurrency, o.MaxPayload, o.Strategy = tc.concurrency, tc.payload, tc.strategy
			if got := start(t, o).send(http.MethodGet, "/execution-parameters", "", ""); got.body != tc.want || got.status != 200 {
				t.Errorf("%d %s, want %s", got.status, got.body, tc.want)
			}
		})
	}
}

func TestNothingIsServedBeforeTheModelIsLoaded(t *testing.T) {
	f := fixed(t, sum())
	o := f.options(t)
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body string) reply {
		w := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/jsonlines")
		s.ServeHTTP(w, req)
		return reply{w.Code, w.Header(), w.Body.String()}
	}
	if got := ask(http.MethodGet, "/ping", ""); got.status != 503 || got.header.Get(ContractHeader) != "1" {
		t.Errorf("ping before: %+v", got)
	}
	ask(http.MethodPost, "/invocations", `{"x":[1,2,3]}`).refused(t, 503, "unavailable", "not loaded yet")
	for range 2 {
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(http.MethodGet, "/ping", ""); got.status != 200 || got.body != "" {
		t.Errorf("ping after: %+v", got)
	}
	if got := ask(http.MethodPost, "/invocations", `{"x":[1,2,3]}`); got.status != 200 || !strings.Contains(got.body, "[123]") {
		t.Errorf("%+v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ask(http.MethodPost, "/invocations", `{"x":[1,2,3]}`).refused(t, 503, "unavailable", "stopping")
}

func TestServersThatCannotBe(t *testing.T) {
	f := fixed(t, sum())
	other := f.mapping(job.Job{}, job.JSONL)
	other.Model = strings.Repeat("0", 64)
	misfit := f.mapping(job.Job{Input: job.Input{Tensors: []job.Tensor{{Input: "z", Field: "a"}}}}, job.JSONL)
	for name, tc := range map[string]struct {
		change func(o *Options)
		code   provider.Code
		want   string
	}{
		"parquet":       {func(o *Options) { o.Mapping = f.mapping(job.Job{}, job.Parquet) }, provider.Invalid, "parquet"},
		"concurrency":   {func(o *Options) { o.Concurrency = -1 }, provider.Invalid, "at least 1"},
		"payload":       {func(o *Options) { o.MaxPayload = -1 }, provider.Invalid, "payload"},
		"budget":        {func(o *Options) { o.Budget = -1 }, provider.Invalid, "budget"},
		"strategy":      {func(o *Options) { o.Strategy = "MultiRecord" }, provider.Invalid, "MULTI_RECORD or SINGLE_RECORD"},
		"another model": {func(o *Options) { o.Mapping = other }, provider.Invalid, "the mapping belongs to another model"},
		"no such input": {func(o *Options) { o.Mapping = misfit }, provider.Invalid, `no input "z"`},
		"no model there": {func(o *Options) {
			o.Model = func(context.Context) (*model.Package, error) { return nil, errors.New("gone") }
		}, provider.ModelError, "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			o := f.options(t)
			tc.change(&o)
			s, err := New(o)
			if err == nil {
				ln, lerr := net.Listen("tcp", "127.0.0.1:0")
				if lerr != nil {
					t.Fatal(lerr)
				}
				err = s.Serve(t.Context(), ln)
				if cerr := s.Close(); cerr != nil {
					t.Error(cerr)
				}
			}
			if provider.CodeOf(err) != tc.code || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %s: %s", err, tc.code, tc.want)
			}
		})
	}
}

// HTTP/1.0 ends an answer by closing the connection, as a crash does.
func TestHTTP10GetsNoAnswerThatCouldBeCutOff(t *testing.T) {
	r := start(t, fixed(t, sum()).options(t))
	for body, status := range map[string]int{"{\"x\":[1,2,3]}\n": 200, strings.Repeat("{\"x\":[1,2,3]}\n", 20_000): 505} {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST /invocations HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != status {
			t.Errorf("%d bytes: %s", len(body), resp.Status)
		}
		resp.Body.Close()
		_ = c.Close()
	}
}

func TestAnUnknownVersionOfTheMappingIsInvalid(t *testing.T) {
	_, err := ParseMapping([]byte(`{"format_version":2}`))
	if !errors.Is(err, mapping.ErrFormat) || !errors.Is(err, provider.Invalid) || !strings.Contains(err.Error(), "format_version is 2") {
		t.Errorf("%v", err)
	}
}
