package sagemaker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/s3"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bucket = "some-bucket"
	region = "us-east-1"
	role   = "arn:aws:iam::123456789012:role/batch"
)

// world is the emulators of S3 and of this package on loopback, clients of the
// official SDKs, and a model server.
type world struct {
	*testing.T
	*sdk.Client
	logs   *cloudwatchlogs.Client
	s3     *s3sdk.Client
	server *Server
	model  *modelServer
	http   *http.Client
	url    string
	s3URL  string
}

func newWorld(t *testing.T, o Options) *world {
	t.Helper()
	transport := &http.Transport{}
	w := &world{T: t, model: &modelServer{}, http: &http.Client{Transport: whole{transport}}}
	store, err := s3.New(s3.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	objects := httptest.NewServer(store)
	w.s3URL = objects.URL
	o.S3, o.Start = objects.URL, w.model.start
	o.Transform.RetryAfter = time.Millisecond
	o.Transform.PingEvery = time.Millisecond
	o.Transform.Folder = t.TempDir()
	if w.server, err = New(o); err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(w.server)
	h.Config.ErrorLog = nil
	h.Start()
	w.url = h.URL
	w.Client, w.logs, w.s3 = w.client(region), w.logsClient(region), s3sdk.New(s3sdk.Options{
		BaseEndpoint: aws.String(objects.URL), Region: region, HTTPClient: w.http, Credentials: secret, UsePathStyle: true,
	})
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		h.Close()
		if err := w.server.Close(); err != nil {
			t.Error(err)
		}
		objects.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		if n := w.model.alive(); n != 0 {
			t.Errorf("%d containers were left running", n)
		}
	})
	return w
}

// whole sends bodies in one piece, so that the SDK cannot close them while they are
// under way: see breath.
type whole struct{ *http.Transport }

func (t whole) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return t.Transport.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	sent := r.Clone(r.Context())
	sent.Body, sent.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return t.Transport.RoundTrip(sent)
}

var secret = credentials.NewStaticCredentialsProvider("any", "any", "")

func (w *world) client(region string) *sdk.Client {
	return sdk.New(sdk.Options{BaseEndpoint: aws.String(w.url), Region: region, HTTPClient: w.http, Credentials: secret, Retryer: aws.NopRetryer{}})
}

func (w *world) logsClient(region string) *cloudwatchlogs.Client {
	return cloudwatchlogs.New(cloudwatchlogs.Options{BaseEndpoint: aws.String(w.url), Region: region, HTTPClient: w.http, Credentials: secret, Retryer: aws.NopRetryer{}})
}

// modelServer stands for containers. The zero value answers a request with as many
// lines "len N" as it has, N being each line's length.
type modelServer struct {
	ping       func(try int) int
	parameters string                                                      // of /execution-parameters; empty: 404
	answer     func(r *http.Request, body string) (status int, out string) // nil: see above
	say        string                                                      // on stdout

	mu         sync.Mutex
	containers []container.Container
	requests   []request
	pings      int
	running    int
	atOnce     int // containers, at most
	now, most  int // requests under way
}

type request struct {
	contentType, accept, body string
	length                    int64
}

func (m *modelServer) start(_ context.Context, c container.Container) (container.Server, error) {
	m.mu.Lock()
	m.containers = append(m.containers, c)
	m.running++
	m.atOnce = max(m.atOnce, m.running)
	m.mu.Unlock()
	_, _ = io.WriteString(c.Output, m.say)
	h := httptest.NewServer(m)
	return container.Server{Endpoint: h.URL, Stop: func() {
		h.CloseClientConnections()
		h.Close()
		m.mu.Lock()
		m.running--
		m.mu.Unlock()
	}}, nil
}

func (m *modelServer) alive() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running
}

func (m *modelServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /ping":
		m.mu.Lock()
		m.pings++
		try := m.pings
		m.mu.Unlock()
		if m.ping != nil {
			w.WriteHeader(m.ping(try))
		}
	case "GET /execution-parameters":
		if m.parameters == "" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, m.parameters)
	case "POST /invocations":
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		m.mu.Lock()
		m.requests = append(m.requests, request{r.Header.Get("Content-Type"), r.Header.Get("Accept"), string(body), r.ContentLength})
		m.now++
		m.most = max(m.most, m.now)
		m.mu.Unlock()
		answer := m.answer
		if answer == nil {
			answer = lengths
		}
		status, out := answer(r, string(body))
		m.mu.Lock()
		m.now--
		m.mu.Unlock()
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, out)
	default:
		http.NotFound(w, r)
	}
}

func lengths(_ *http.Request, body string) (int, string) {
	var out []string
	for line := range strings.SplitSeq(strings.TrimSuffix(body, "\n"), "\n") {
		out = append(out, "len "+string(rune('0'+len(line)%10)))
	}
	return http.StatusOK, strings.Join(out, "\n")
}

func echo(_ *http.Request, body string) (int, string) { return http.StatusOK, body }

func (m *modelServer) bodies() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, r := range m.requests {
		out = append(out, r.body)
	}
	return out
}

func (w *world) put(key, body string) {
	w.Helper()
	if _, err := w.s3.PutObject(w.Context(), &s3sdk.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader([]byte(body))}); err != nil {
		w.Fatal(err)
	}
}

// outputs are all objects below out/, by the rest of their keys.
func (w *world) outputs() map[string]string {
	w.Helper()
	out := map[string]string{}
	list, err := w.s3.ListObjectsV2(w.Context(), &s3sdk.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("out/")})
	if err != nil {
		w.Fatal(err)
	}
	for _, o := range list.Contents {
		got, err := w.s3.GetObject(w.Context(), &s3sdk.GetObjectInput{Bucket: aws.String(bucket), Key: o.Key})
		if err != nil {
			w.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		_ = got.Body.Close()
		if err != nil {
			w.Fatal(err)
		}
		out[strings.TrimPrefix(*o.Key, "out/")] = string(text)
	}
	return out
}

// holds compares the outputs with what they must be: name, content, name, content.
func (w *world) holds(want ...string) {
	w.Helper()
	got := w.outputs()
	if len(got)*2 != len(want) {
		w.Errorf("there are outputs %q", sorted(got))
	}
	for i := 0; i < len(want); i += 2 {
		if text, ok := got[want[i]]; !ok || text != want[i+1] {
			w.Errorf("%s holds %.300q %t, want %.300q", want[i], text, ok, want[i+1])
		}
	}
}

func (w *world) createModel(name string) string {
	w.Helper()
	out, err := w.CreateModel(w.Context(), &sdk.CreateModelInput{
		ModelName: aws.String(name), ExecutionRoleArn: aws.String(role), PrimaryContainer: &types.ContainerDefinition{Image: aws.String("image:1")},
	})
	if err != nil {
		w.Fatal(err)
	}
	return *out.ModelArn
}

// aJob is a request in order: lines of in/ to out/, by a model "m".
func aJob(name string, change ...func(*sdk.CreateTransformJobInput)) *sdk.CreateTransformJobInput {
	in := &sdk.CreateTransformJobInput{
		TransformJobName: aws.String(name), ModelName: aws.String("m"),
		TransformInput: &types.TransformInput{
			DataSource:  &types.TransformDataSource{S3DataSource: &types.TransformS3DataSource{S3DataType: types.S3DataTypeS3Prefix, S3Uri: aws.String("s3://" + bucket + "/in/")}},
			ContentType: aws.String("text/csv"), SplitType: types.SplitTypeLine,
		},
		TransformOutput:    &types.TransformOutput{S3OutputPath: aws.String("s3://" + bucket + "/out/"), AssembleWith: types.AssemblyTypeLine, Accept: aws.String("text/csv")},
		TransformResources: &types.TransformResources{InstanceType: types.TransformInstanceTypeMlM5Xlarge, InstanceCount: aws.Int32(1)},
	}
	for _, c := range change {
		c(in)
	}
	return in
}

func (w *world) create(in *sdk.CreateTransformJobInput) string {
	w.Helper()
	out, err := w.CreateTransformJob(w.Context(), in)
	if err != nil {
		w.Fatal(err)
	}
	return *out.TransformJobArn
}

func (w *world) describe(name string) *sdk.DescribeTransformJobOutput {
	w.Helper()
	out, err := w.DescribeTransformJob(w.Context(), &sdk.DescribeTransformJobInput{TransformJobName: aws.String(name)})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// until looks again and again until something holds.
func (w *world) until(holds func() bool) {
	w.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-w.Context().Done():
			w.Fatal("the test is over")
		}
	}
}

func (w *world) ends(name string) *sdk.DescribeTransformJobOutput {
	w.Helper()
	var out *sdk.DescribeTransformJobOutput
	w.until(func() bool {
		out = w.describe(name)
		return out.TransformJobStatus != types.TransformJobStatusInProgress && out.TransformJobStatus != types.TransformJobStatusStopping
	})
	return out
}

// completes runs a job and holds that it goes well.
func (w *world) completes(in *sdk.CreateTransformJobInput) *sdk.DescribeTransformJobOutput {
	w.Helper()
	w.create(in)
	out := w.ends(*in.TransformJobName)
	if out.TransformJobStatus != types.TransformJobStatusCompleted {
		w.Errorf("%s is %s: %s; its log:\n%s", *in.TransformJobName, out.TransformJobStatus, aws.ToString(out.FailureReason), strings.Join(w.lines(*in.TransformJobName), "\n"))
	}
	return out
}

// fails runs a job and holds that it fails, with a reason and a line in its log.
func (w *world) fails(in *sdk.CreateTransformJobInput, reason, line string) {
	w.Helper()
	w.create(in)
	out := w.ends(*in.TransformJobName)
	if out.TransformJobStatus != types.TransformJobStatusFailed || !strings.HasPrefix(aws.ToString(out.FailureReason), reason) {
		w.Errorf("%s is %s: %s, want Failed: %s", *in.TransformJobName, out.TransformJobStatus, aws.ToString(out.FailureReason), reason)
	}
	lines := w.lines(*in.TransformJobName)
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, line) }) {
		w.Errorf("no line of the log has %q:\n%s", line, strings.Join(lines, "\n"))
	}
}

// lines are all that a job has said.
func (w *world) lines(job string) []string {
	w.Helper()
	out, err := w.logs.FilterLogEvents(w.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(logGroup), LogStreamNamePrefix: aws.String(job + "/")})
	if err != nil {
		w.Fatal(err)
	}
	var lines []string
	for _, e := range out.Events {
		lines = append(lines, *e.Message)
	}
	return lines
}

// refused holds that an error has a code and says something.
func (w *world) refused(err error, code, says string) {
	w.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), says) {
		w.Errorf("%v\nwant %s: %s", err, code, says)
	}
}

// streams are the names of log streams that begin with prefix.
func (w *world) streams(prefix string) []string {
	w.Helper()
	out, err := w.logs.DescribeLogStreams(w.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String(logGroup), LogStreamNamePrefix: aws.String(prefix)})
	if err != nil {
		w.Fatal(err)
	}
	var names []string
	for _, s := range out.LogStreams {
		names = append(names, *s.LogStreamName)
	}
	return names
}
