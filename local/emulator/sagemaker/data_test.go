package sagemaker

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/klauspost/compress/gzip"

	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

type tweak = func(*sdk.CreateTransformJobInput)

func from(prefix string) tweak {
	return func(in *sdk.CreateTransformJobInput) {
		in.TransformInput.DataSource.S3DataSource.S3Uri = aws.String("s3://" + bucket + "/" + prefix)
	}
}

func single(in *sdk.CreateTransformJobInput) { in.BatchStrategy = types.BatchStrategySingleRecord }

func unsplit(in *sdk.CreateTransformJobInput) { in.TransformInput.SplitType = "" }

func payload(mib int32) tweak {
	return func(in *sdk.CreateTransformJobInput) { in.MaxPayloadInMB = aws.Int32(mib) }
}

func media(contentType, accept string) tweak {
	return func(in *sdk.CreateTransformJobInput) {
		in.TransformInput.ContentType, in.TransformOutput.Accept = aws.String(contentType), aws.String(accept)
	}
}

func TestTransform(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.put("in/b.csv", "1,2\n3,4,5\n6")
	w.put("in/a.csv", "7\n")
	w.put("in/deep/er/c d#ü.csv", "8\n9\n")
	w.put("in/empty.csv", "")
	w.put("in/folder/", "")
	w.put("in2/no.csv", "1\n")
	out := w.completes(aJob("multi"))
	w.holds("a.csv.out", "len 1\n", "b.csv.out", "len 3\nlen 5\nlen 1\n", "deep/er/c d#ü.csv.out", "len 1\nlen 1\n", "empty.csv.out", "")
	if out.TransformStartTime == nil || out.TransformEndTime == nil || out.TransformStartTime.Before(*out.CreationTime) || out.TransformEndTime.Before(*out.TransformStartTime) {
		t.Errorf("made %v, started %v, ended %v", out.CreationTime, out.TransformStartTime, out.TransformEndTime)
	}
	if got, want := w.model.bodies(), []string{"7\n", "1,2\n3,4,5\n6", "8\n9\n"}; !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
	for _, r := range w.model.requests {
		if r.contentType != "text/csv" || r.accept != "text/csv" || r.length != int64(len(r.body)) {
			t.Errorf("a request with %+v", r)
		}
	}
	w.model.requests = nil
	w.completes(aJob("single", single))
	if got, want := w.model.bodies(), []string{"7\n", "1,2\n", "3,4,5\n", "6", "8\n", "9\n"}; !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
	w.holds("a.csv.out", "len 1\n", "b.csv.out", "len 3\nlen 5\nlen 1\n", "deep/er/c d#ü.csv.out", "len 1\nlen 1\n", "empty.csv.out", "")
	w.model.requests = nil
	w.completes(aJob("none", unsplit, func(in *sdk.CreateTransformJobInput) { in.TransformOutput.AssembleWith = "" }))
	if got, want := w.model.bodies(), []string{"7\n", "1,2\n3,4,5\n6", "8\n9\n", ""}; !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
	w.holds("a.csv.out", "len 1", "b.csv.out", "len 3\nlen 5\nlen 1", "deep/er/c d#ü.csv.out", "len 1\nlen 1", "empty.csv.out", "len 0")
}

func TestPrefixIsNoFolder(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	for _, key := range []string{"in/x", "in/xy/z", "in/x/y", "in/w"} {
		w.put(key, "1")
	}
	w.completes(aJob("j", from("in/x")))
	w.holds("x.out", "len 1\n", "xy/z.out", "len 1\n", "y.out", "len 1\n")
}

func TestOutputNames(t *testing.T) {
	for _, c := range []struct {
		beside       bool
		prefix, want string
	}{
		{false, "in/", "set/a.csv.out"}, {false, "in", "set/a.csv.out"}, {false, "in/set/", "a.csv.out"}, {false, "in/set/a.csv", "a.csv.out"}, {false, "in/se", "set/a.csv.out"},
		{true, "in/", "in/a.csv.out"}, {true, "in", "in/a.csv.out"}, {true, "in/set/", "set/a.csv.out"}, {true, "in/set/a.csv", "set/a.csv.out"},
	} {
		t.Run(fmt.Sprint(c.beside, c.prefix), func(t *testing.T) {
			w := newWorld(t, Options{Transform: transform.Options{Uncertain: transform.Uncertain{OutputBesideFolder: c.beside}}})
			w.createModel("m")
			w.put("in/set/a.csv", "1")
			w.completes(aJob("j", from(c.prefix), func(in *sdk.CreateTransformJobInput) {
				in.TransformOutput.S3OutputPath = aws.String("s3://" + bucket + "/out") // a slash goes between
			}))
			w.holds(c.want, "len 1\n")
		})
	}
}

func manifest(in *sdk.CreateTransformJobInput) {
	in.TransformInput.DataSource.S3DataSource.S3DataType = types.S3DataTypeManifestFile
	from("lists/manifest.json")(in)
}

func TestManifest(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.put("in/b/1.csv", "1")
	w.put("in/a.csv", "12")
	w.put("in/not.csv", "3")
	w.put("lists/manifest.json", `[{"prefix":"s3://`+bucket+`/in/"},"b/1.csv","a.csv"]`)
	w.completes(aJob("j", manifest))
	w.holds("a.csv.out", "len 2\n", "b/1.csv.out", "len 1\n")
	w.put("lists/manifest.json", `[{"prefix":"s3://`+bucket+`/in/"},"absent.csv","not.csv"]`)
	w.fails(aJob("absent", manifest), "ClientError:", bucket+"/in/absent.csv: NoSuchKey")
	w.holds("a.csv.out", "len 2\n", "b/1.csv.out", "len 1\n", "not.csv.out", "len 1\n")
	for n, text := range []string{"", "{}", "[]", `["a"]`, `[{"prefix":"x"},"a"]`, `[{"prefix":"s3://b/"}]`, `[{"prefix":"s3://b/"},1]`} {
		w.put("lists/manifest.json", text)
		line := "anifest"
		switch n {
		case 4:
			line = "x is not s3://"
		case 5:
			line = "No objects were found"
		}
		w.fails(aJob(fmt.Sprint("bad-", n), manifest), "ClientError:", line)
	}
}

func TestInputIsAbsent(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.fails(aJob("nothing"), "ClientError: See job logs for more information", "No objects were found at s3://some-bucket/in/")
	w.fails(aJob("no-bucket", func(in *sdk.CreateTransformJobInput) {
		in.TransformInput.DataSource.S3DataSource.S3Uri = aws.String("s3://no-bucket/in/")
	}), "ClientError:", "NoSuchBucket")
	w.put("in/a", "1")
	w.fails(aJob("no-output-bucket", func(in *sdk.CreateTransformJobInput) {
		in.TransformOutput.S3OutputPath = aws.String("s3://no-bucket/out/")
	}), "ClientError:", "NoSuchBucket")
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func TestGzip(t *testing.T) {
	compressed := func(in *sdk.CreateTransformJobInput) { in.TransformInput.CompressionType = types.CompressionTypeGzip }
	for dropped, want := range map[bool]string{false: "a.csv.gz.out", true: "a.csv.out"} {
		w := newWorld(t, Options{Transform: transform.Options{Uncertain: transform.Uncertain{GzipNameDropped: dropped}}})
		w.createModel("m")
		w.put("in/a.csv.gz", gzipped("1\n22\n")+gzipped("333\n"))
		w.completes(aJob("j", compressed))
		w.holds(want, "len 1\nlen 2\nlen 3\n")
		w.put("bad/plain", "1\n")
		w.put("bad/torn", gzipped(strings.Repeat("1\n", 5000))[:40])
		w.fails(aJob("bad", compressed, from("bad/")), "ClientError:", bucket+"/bad/plain: The object is not compressed")
		w.fails(aJob("bad2", compressed, from("bad/torn")), "ClientError:", "damaged")
	}
}

func TestPayload(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.model.answer = func(_ *http.Request, body string) (int, string) { return http.StatusOK, fmt.Sprint(len(body)) }
	line := strings.Repeat("x", 1<<18-1) + "\n"
	w.put("in/a", strings.Repeat(line, 9)) // four of them are a mebibyte
	w.completes(aJob("multi", payload(1)))
	w.holds("a.out", "1048576\n1048576\n262144\n")
	w.model.requests = nil
	w.completes(aJob("unlimited", payload(0)))
	w.holds("a.out", "2359296\n")
	if r := w.model.requests; len(r) != 1 || r[0].length != -1 {
		t.Errorf("%d requests; no limit must be one, chunked", len(r))
	}
	w.put("in/b", strings.Repeat("x", 1<<20))
	w.completes(aJob("fits", payload(1), from("in/b")))
	w.put("in/b", strings.Repeat("x", 1<<20)+"\n")
	w.fails(aJob("line", payload(1)), "ClientError:", bucket+"/in/b: Too much data for max payload size")
	w.fails(aJob("whole", payload(1), unsplit), "ClientError:", bucket+"/in/a: Too much data for max payload size")
}

func TestNewlines(t *testing.T) {
	for _, c := range []struct {
		uncertain transform.Uncertain
		request   string
		out       string
	}{
		{transform.Uncertain{}, "1\n", "1\n\n"},
		{transform.Uncertain{NewlineOnce: true}, "1\n", "1\n"},
		{transform.Uncertain{NewlineDropped: true}, "1", "1\n"},
	} {
		w := newWorld(t, Options{Transform: transform.Options{Uncertain: c.uncertain}})
		w.model.answer = echo
		w.createModel("m")
		w.put("in/a", "1\n")
		w.completes(aJob("j", single))
		if got := w.model.bodies(); got[0] != c.request {
			t.Errorf("%+v: sent %q, want %q", c.uncertain, got, c.request)
		}
		w.holds("a.out", c.out)
	}
}

func TestOneBadFile(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.model.answer = func(r *http.Request, body string) (int, string) {
		if strings.Contains(body, "bad") {
			return http.StatusBadRequest, "cannot read\nthe record"
		}
		return lengths(r, body)
	}
	w.put("in/a", "1\n2\n")
	w.put("in/b", "1\nbad\n3\n")
	w.put("in/c", "1\n")
	w.fails(aJob("j", single, func(in *sdk.CreateTransformJobInput) { in.MaxConcurrentTransforms = aws.Int32(3) }), "ClientError: See job logs for more information", bucket+"/in/b: Bad HTTP status received from algorithm: 400")
	w.holds("a.out", "len 1\nlen 1\n", "c.out", "len 1\n")
	var lines []string
	for _, l := range w.lines("j") {
		at, rest, ok := strings.Cut(l, ":[sagemaker logs]: ")
		if !ok || len(at) != len("2021-03-14T23:56:26.474") {
			t.Errorf("the data log has %q", l)
		}
		lines = append(lines, rest)
	}
	of := bucket + "/in/b: "
	want := []string{
		"MaxConcurrentTransforms=3, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD",
		of + "Bad HTTP status received from algorithm: 400", of, of + "Message:", of + "cannot read", of + "the record",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("the log is %q\nwant %q", lines, want)
	}
}

func TestRetries(t *testing.T) {
	retries := func(n int32) tweak {
		return func(in *sdk.CreateTransformJobInput) {
			in.ModelClientConfig = &types.ModelClientConfig{InvocationsMaxRetries: &n}
		}
	}
	for _, c := range []struct {
		status, failures, want int
		again                  bool // of 4xx
		change                 []tweak
		reason                 string
	}{
		{500, 3, 4, false, nil, ""},
		{503, 4, 4, false, nil, "AlgorithmError:"},
		{500, 1, 2, false, []tweak{retries(1)}, ""},
		{500, 1, 1, false, []tweak{retries(0)}, "AlgorithmError:"},
		{400, 1, 1, false, nil, "ClientError:"},
		{413, 1, 2, true, nil, ""},
		{204, 9, 4, true, nil, "AlgorithmError:"},
	} {
		w := newWorld(t, Options{Transform: transform.Options{Uncertain: transform.Uncertain{ClientErrorsRetried: c.again}}})
		w.createModel("m")
		w.put("in/a", "1\n")
		var tries atomic.Int32
		w.model.answer = func(*http.Request, string) (int, string) {
			if int(tries.Add(1)) <= c.failures {
				return c.status, ""
			}
			return http.StatusOK, "fine"
		}
		if c.reason == "" {
			w.completes(aJob("j", c.change...))
		} else {
			w.fails(aJob("j", c.change...), c.reason, fmt.Sprint("Bad HTTP status received from algorithm: ", c.status))
		}
		if int(tries.Load()) != c.want {
			t.Errorf("%d was tried %d times, want %d", c.status, tries.Load(), c.want)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.put("in/a", "1\n")
	var tries atomic.Int32
	w.model.answer = func(*http.Request, string) (int, string) {
		tries.Add(1)
		panic(http.ErrAbortHandler)
	}
	w.fails(aJob("j"), "AlgorithmError:", bucket+"/in/a: Unable to get response from algorithm")
	if tries.Load() != 4 {
		t.Errorf("tried %d times", tries.Load())
	}
}

func TestOrderAndConcurrency(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	// Requests are answered in pairs, and of a pair the later one first.
	pairs := make(chan chan struct{}, 1)
	pairs <- nil
	w.model.answer = func(_ *http.Request, body string) (int, string) {
		if waiting := <-pairs; waiting == nil {
			mine := make(chan struct{})
			pairs <- mine
			<-mine
		} else {
			close(waiting)
			pairs <- nil
		}
		return http.StatusOK, strings.TrimSpace(body)
	}
	var want []string
	for f := range 4 {
		var lines []string
		for n := range 25 {
			lines = append(lines, fmt.Sprintf("%d-%d", f, n))
		}
		w.put(fmt.Sprint("in/", f), strings.Join(lines, "\n"))
		want = append(want, fmt.Sprint(f, ".out"), strings.Join(lines, "\n")+"\n")
	}
	w.completes(aJob("j", single, func(in *sdk.CreateTransformJobInput) { in.MaxConcurrentTransforms = aws.Int32(2) }))
	w.holds(want...)
	if w.model.most != 2 {
		t.Errorf("%d requests at a time, want 2", w.model.most)
	}
}

func TestInstances(t *testing.T) {
	w := newWorld(t, Options{Transform: transform.Options{Instances: 2}})
	w.createModel("m")
	var want []string
	for n := range 7 {
		w.put(fmt.Sprint("in/", n), "1")
		want = append(want, fmt.Sprint(n, ".out"), "len 1\n")
	}
	w.completes(aJob("j", func(in *sdk.CreateTransformJobInput) { in.TransformResources.InstanceCount = aws.Int32(3) }))
	w.holds(want...)
	if n := len(w.model.containers); n != 3 {
		t.Errorf("%d containers, want 3", n)
	}
	w.model.containers = nil
	w.completes(aJob("few", from("in/0"), func(in *sdk.CreateTransformJobInput) { in.TransformResources.InstanceCount = aws.Int32(3) }))
	if n := len(w.model.containers); n != 1 {
		t.Errorf("%d containers for one object, want 1: the others would be idle", n)
	}
}

// TestJobsTakeTurns holds that instances are bounded over all jobs.
func TestJobsTakeTurns(t *testing.T) {
	w := newWorld(t, Options{Transform: transform.Options{Instances: 2}})
	w.createModel("m")
	for n := range 4 {
		w.put(fmt.Sprint("in/", n), "1")
	}
	for n := range 12 {
		w.create(aJob(fmt.Sprint("j-", n), func(in *sdk.CreateTransformJobInput) { in.TransformResources.InstanceCount = aws.Int32(4) }))
	}
	for n := range 12 {
		if out := w.ends(fmt.Sprint("j-", n)); out.TransformJobStatus != types.TransformJobStatusCompleted {
			t.Errorf("j-%d is %s", n, out.TransformJobStatus)
		}
	}
	if n := len(w.model.containers); n != 48 || w.model.atOnce > 2 {
		t.Errorf("%d containers, %d at once, want 48 and 2", n, w.model.atOnce)
	}
}

func TestLargeOutput(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.model.answer = echo
	lines := strings.Repeat(strings.Repeat("0123456789", 1000)+"\n", 2100) // 20 MiB: several parts
	w.put("in/a", lines)
	w.completes(aJob("j", payload(3), func(in *sdk.CreateTransformJobInput) { in.TransformOutput.AssembleWith = "" }))
	w.holds("a.out", lines)
}

func TestOutputKey(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.model.answer = echo
	w.put("in/a", "1\n")
	w.put("in/b", strings.Repeat("0123456\n", 9<<20/8))
	const key = "arn:aws:kms:us-east-1:123456789012:key/abc"
	w.completes(aJob("j", func(in *sdk.CreateTransformJobInput) { in.TransformOutput.KmsKeyId = aws.String(key) }))
	for _, name := range []string{"out/a.out", "out/b.out"} {
		out, err := w.s3.HeadObject(t.Context(), &s3sdk.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(name)})
		if err != nil || out.ServerSideEncryption != "aws:kms" || aws.ToString(out.SSEKMSKeyId) != key {
			t.Errorf("%s is encrypted with %+v %v", name, out, err)
		}
	}
}

func TestParameters(t *testing.T) {
	const all = `{"MaxConcurrentTransforms": 8, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 2}`
	concurrent := func(n int32) tweak {
		return func(in *sdk.CreateTransformJobInput) { in.MaxConcurrentTransforms = &n }
	}
	for n, c := range []struct {
		answer, want string
		change       []tweak
	}{
		{"", "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD", nil},
		{all, "MaxConcurrentTransforms=8, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD", nil},
		{all, "MaxConcurrentTransforms=3, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD", []tweak{concurrent(3)}},
		{all, "MaxConcurrentTransforms=8, MaxPayloadInMB=5, BatchStrategy=SINGLE_RECORD", []tweak{concurrent(0), payload(5)}},
		{all, "MaxConcurrentTransforms=8, MaxPayloadInMB=0, BatchStrategy=SINGLE_RECORD", []tweak{payload(0)}},
		{`{"BatchStrategy": "MULTI_RECORD"}`, "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD", []tweak{single}},
	} {
		w := newWorld(t, Options{})
		w.model.parameters = c.answer
		w.createModel("m")
		w.put("in/a", "1\n")
		w.completes(aJob("j", c.change...))
		if lines := w.lines("j"); len(lines) != 1 || !strings.HasSuffix(lines[0], ": "+c.want) {
			t.Errorf("%d: %q, want %s", n, lines, c.want)
		}
	}
	for _, answer := range []string{"{", `{"BatchStrategy":"SingleRecord"}`, `{"MaxPayloadInMB":101}`, `{"MaxConcurrentTransforms":-1}`} {
		w := newWorld(t, Options{})
		w.model.parameters = answer
		w.createModel("m")
		w.put("in/a", "1\n")
		w.fails(aJob("j"), "AlgorithmError:", "/execution-parameters")
	}
}
