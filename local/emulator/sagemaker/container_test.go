package sagemaker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

func (w *world) createModelOf(name string, containers ...types.ContainerDefinition) {
	w.Helper()
	in := &sdk.CreateModelInput{ModelName: aws.String(name), ExecutionRoleArn: aws.String(role), Containers: containers}
	if len(containers) == 1 {
		in.PrimaryContainer, in.Containers = &containers[0], nil
	}
	if _, err := w.CreateModel(w.Context(), in); err != nil {
		w.Fatal(err)
	}
}

func data(key string, of types.S3ModelDataType, compression types.ModelCompressionType) *types.S3ModelDataSource {
	return &types.S3ModelDataSource{S3Uri: aws.String("s3://" + bucket + "/" + key), S3DataType: of, CompressionType: compression}
}

func archive(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	a := tar.NewWriter(&b)
	for _, name := range names {
		if err := a.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: 4, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write([]byte("data")); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return gzipped(b.String())
}

// tree are the files of a folder and what they hold.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		out[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestModelData(t *testing.T) {
	for _, c := range []struct {
		name      string
		container types.ContainerDefinition
		want      map[string]string
	}{
		{"none", types.ContainerDefinition{}, map[string]string{}},
		{"prefix", types.ContainerDefinition{ModelDataSource: &types.ModelDataSource{S3DataSource: data("model/", "S3Prefix", "None")}}, map[string]string{"model/model.onnx": "onnx", "model/deep/weights": "w"}},
		{"object", types.ContainerDefinition{ModelDataSource: &types.ModelDataSource{S3DataSource: data("model/deep/weights", "S3Object", "None")}}, map[string]string{"model/weights": "w"}},
		{"gzip", types.ContainerDefinition{ModelDataSource: &types.ModelDataSource{S3DataSource: data("m.tar.gz", "S3Object", "Gzip")}}, map[string]string{"model/a": "data", "model/b/c": "data", "model/up": "data"}},
		{"url", types.ContainerDefinition{ModelDataUrl: aws.String("s3://" + bucket + "/m.tar.gz")}, map[string]string{"model/a": "data", "model/b/c": "data", "model/up": "data"}},
		{"more", types.ContainerDefinition{
			ModelDataSource:            &types.ModelDataSource{S3DataSource: data("model/deep/", "S3Prefix", "None")},
			AdditionalModelDataSources: []types.AdditionalModelDataSource{{ChannelName: aws.String("mapping"), S3DataSource: data("model/model.onnx", "S3Object", "None")}},
		}, map[string]string{"model/weights": "w", "additional-model-data-sources/mapping/model.onnx": "onnx"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.put("model/model.onnx", "onnx")
			w.put("model/deep/weights", "w")
			w.put("m.tar.gz", archive(t, "a", "./b/c", "../up"))
			w.put("in/a", "1\n")
			c.container.Image = aws.String("image:1")
			w.createModelOf("m", c.container)
			var got map[string]string
			w.model.ping = func(int) int {
				got = tree(t, w.model.containers[0].Folder)
				return http.StatusOK
			}
			w.completes(aJob("j"))
			if !maps.Equal(got, c.want) {
				t.Errorf("below /opt/ml are %q, want %q", got, c.want)
			}
			if _, err := os.Stat(w.model.containers[0].Folder); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the folder is still there: %v", err)
			}
		})
	}
	for key, line := range map[string]string{"absent/": "No model data were found", "clash/": "clash", "odd/": "cannot be named", "plain": "are no .tar.gz", "gone.tar.gz": "NoSuchKey"} {
		w := newWorld(t, Options{})
		w.put("clash/a", "1")
		w.put("clash/a/b", "1")
		w.put("odd/a/../../b", "1")
		w.put("plain", "1")
		w.put("in/a", "1\n")
		c := types.ContainerDefinition{Image: aws.String("image:1"), ModelDataSource: &types.ModelDataSource{S3DataSource: data(key, "S3Prefix", "None")}}
		if !strings.HasSuffix(key, "/") {
			c.ModelDataSource.S3DataSource = data(key, "S3Object", "Gzip")
		}
		w.createModelOf("m", c)
		w.fails(aJob("j"), "ClientError:", line)
	}
}

func TestEnvironment(t *testing.T) {
	w := newWorld(t, Options{})
	w.model.say = "hello\n\nworld"
	w.createModelOf("m", types.ContainerDefinition{Image: aws.String("image:1"), Environment: map[string]string{"A": "model", "B": "model"}})
	w.put("in/a", "1\n")
	w.completes(aJob("bare"))
	w.completes(aJob("full", single, payload(2), func(in *sdk.CreateTransformJobInput) {
		in.Environment, in.MaxConcurrentTransforms = map[string]string{"B": "job", "C": "x=y\n"}, aws.Int32(4)
	}))
	for n, want := range []map[string]string{
		{"A": "model", "B": "model", "SAGEMAKER_BATCH": "true"},
		{
			"A": "model", "B": "job", "C": "x=y\n", "SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2", "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
			"SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "4",
		},
	} {
		if c := w.model.containers[n]; !maps.Equal(c.Environment, want) || c.Image != "image:1" || !slices.Equal(c.Command, []string{"serve"}) {
			t.Errorf("container %+v, want the environment %v", c, want)
		}
	}
	if lines := w.lines("bare"); !slices.Contains(lines, "hello") || !slices.Contains(lines, "world") || slices.Contains(lines, "") {
		t.Errorf("the log is %q", lines)
	}
}

func TestPipeline(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModelOf("m", types.ContainerDefinition{Image: aws.String("image:1"), ContainerHostname: aws.String("first")}, types.ContainerDefinition{Image: aws.String("image:2")})
	w.model.answer = func(_ *http.Request, body string) (int, string) { return http.StatusOK, body + "+" }
	w.model.say = "hi\n"
	w.put("in/a", "1")
	w.completes(aJob("j"))
	w.holds("a.out", "1++\n")
	if images := []string{w.model.containers[0].Image, w.model.containers[1].Image}; !slices.Equal(images, []string{"image:1", "image:2"}) {
		t.Errorf("containers of %q", images)
	}
	var names []string
	for _, s := range w.streams("j/") {
		names = append(names, s[strings.LastIndexByte(s, '/')+1:])
	}
	if !slices.Equal(names, []string{"container-2", "data-log", "first"}) {
		t.Errorf("streams %q", names)
	}
}

func TestSlowStart(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.put("in/a", "1\n")
	w.model.ping = func(try int) int {
		if try < 5 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
	w.completes(aJob("j"))
	if w.model.pings != 5 {
		t.Errorf("%d pings", w.model.pings)
	}
}

// TestNeverReady turns the clock by hand: half an hour of pings.
func TestNeverReady(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w := newWorld(t, Options{Clock: clock, Transform: transform.Options{PingFor: 30 * time.Minute}})
	w.createModel("m")
	w.put("in/a", "1\n")
	w.model.ping = func(int) int { return http.StatusInternalServerError }
	w.create(aJob("j"))
	w.until(func() bool {
		clock.Advance(time.Minute)
		return w.describe("j").TransformJobStatus == types.TransformJobStatusFailed
	})
	out := w.describe("j")
	if took := out.TransformEndTime.Sub(*out.TransformStartTime); took < 30*time.Minute || aws.ToString(out.FailureReason) != "AlgorithmError: See job logs for more information" {
		t.Errorf("it failed after %v: %s", took, aws.ToString(out.FailureReason))
	}
	if text := strings.Join(w.lines("j"), "\n"); !strings.Contains(text, "did not pass the ping health check: it answered 500") {
		t.Errorf("the log says %s", text)
	}
}

func TestStartFails(t *testing.T) {
	exited := make(chan struct{})
	close(exited)
	for line, start := range map[string]func(context.Context, container.Container) (container.Server, error){
		"could not be started: no such image": func(context.Context, container.Container) (container.Server, error) {
			return container.Server{}, errors.New("no such image")
		},
		"exited before it passed": func(context.Context, container.Container) (container.Server, error) {
			h := httptest.NewServer(http.NotFoundHandler())
			return container.Server{Endpoint: h.URL, Exited: exited, Stop: h.Close}, nil
		},
	} {
		w := newWorld(t, Options{})
		w.createModel("m")
		w.put("in/a", "1\n")
		w.server.transform = transform.New(transform.Options{Endpoint: w.s3URL, Start: start})
		w.fails(aJob("j"), "AlgorithmError:", line)
	}
}

// TestInvocationTimeout turns the clock past the time that a request may take.
func TestInvocationTimeout(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w := newWorld(t, Options{Clock: clock})
	w.createModel("m")
	w.put("in/a", "1\n")
	asked := make(chan struct{}, 1)
	w.model.answer = func(r *http.Request, _ string) (int, string) {
		asked <- struct{}{}
		<-r.Context().Done()
		return http.StatusOK, "late"
	}
	w.create(aJob("j", func(in *sdk.CreateTransformJobInput) {
		in.ModelClientConfig = &types.ModelClientConfig{InvocationsTimeoutInSeconds: aws.Int32(7), InvocationsMaxRetries: aws.Int32(0)}
	}))
	<-asked
	clock.Advance(6 * time.Second)
	if s := w.describe("j").TransformJobStatus; s != types.TransformJobStatusInProgress {
		t.Errorf("it is %s before the time is over", s)
	}
	clock.Advance(2 * time.Second)
	if out := w.ends("j"); out.TransformJobStatus != types.TransformJobStatusFailed {
		t.Errorf("it is %s", out.TransformJobStatus)
	}
	if text := strings.Join(w.lines("j"), "\n"); !strings.Contains(text, "Unable to get response from algorithm") {
		t.Errorf("the log says %s", text)
	}
}
