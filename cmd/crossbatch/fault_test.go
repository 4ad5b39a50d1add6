//go:build unix

package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	aiplatform "cloud.google.com/go/aiplatform/apiv1"
	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/crossbatch/crossbatch/local/onnx"
)

// On services of which every third call goes wrong and lists are late, each job is
// made once for each attempt that counts, and its results are those of a run on this
// machine.
func TestSubmitAgainstFaults(t *testing.T) {
	t.Setenv(onnx.PathVariable, library(t))
	// With Vertex AI's seed, the first ten calls to make a job are throttled, find no
	// machines, and lose their answer, but do not fail: after a failure nobody knows
	// for two minutes whether the job is there.
	e := emulate(t, "--bucket", "bucket", "--fault", "throttle=0.15,error=0.1,lost=0.15,late=2s",
		"--fault", "sagemaker:delay=5ms,seed=7", "--fault", "vertex:late=5s,capacity=0.2,delay=5ms,seed=242")
	for name, value := range e.env {
		t.Setenv(name, value)
	}
	t.Run("services", func(t *testing.T) {
		for kind, jobs := range map[string]func(*testing.T, string) []native{"sagemaker": transformJobs, "vertex": predictionJobs} {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				faulty(t, kind, e.endpoints[kind], jobs)
			})
		}
	})
	e.stop(syscall.SIGINT, exitOK)
}

// native is a native job.
type native struct {
	name  string
	state string // succeeded, failed, cancelled, or the service's own word
}

// faulty submits jobs to a service, and to this machine.
func faulty(t *testing.T, kind, endpoint string, list func(t *testing.T, endpoint string) []native) {
	t.Helper()
	dir := t.TempDir()
	names := []string{"a", "b", "c", "d", "e"}
	files := map[string]string{"sum.onnx": string(models["sum"]().Bytes()), "faults.crossbatch.hcl": fmt.Sprintf(emulated[kind], endpoint, 0) + fmt.Sprintf(`
provider "local" "here" {
}
variable "to" {
  default = "cloud"
}
model "sum" {
  artifact = "sum.onnx"
}
job "sum" {
  for_each = toset(split(",", %q))
  model    = model.sum
  placement {
    providers = [provider.%s.emulated]
  }
  input {
    source = ["in/${each.key}.jsonl"]
    key    = "id"
  }
  output {
    destination = "${var.to}/${each.key}/"
  }
}
`, strings.Join(names, ","), kind)}
	for i, name := range names {
		files["in/"+name+".jsonl"] = string(rows(10 + i))
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	crossbatch := func(args ...string) (int, string) {
		c := exec.Command("crossbatch", args...)
		c.Dir, c.Env = dir, append(os.Environ(), "GORACE="+quickRace)
		out, err := c.CombinedOutput()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		return c.ProcessState.ExitCode(), string(out)
	}
	code, said := exitTransient, ""
	for i := 0; code == exitTransient && i < 10; i++ { // as its exit code asks for
		code, said = crossbatch("submit", "faults.crossbatch.hcl", "--wait")
	}
	if code != exitOK {
		t.Fatalf("exit %d\n%s", code, said)
	}
	if code, said := crossbatch("submit", "faults.crossbatch.hcl", "--wait", "--provider", "local.here", "--var", "to=here"); code != exitOK {
		t.Fatalf("exit %d\n%s", code, said)
	}
	for _, name := range names {
		cloud, here := partOf(t, filepath.Join(dir, "cloud", name)), partOf(t, filepath.Join(dir, "here", name))
		if cloud != here || strings.Count(cloud, "\n") < 10 {
			t.Errorf("%s: %q, here %q", name, cloud, here)
		}
	}
	succeeded := map[string]int{}
	for len(succeeded) < len(names) && t.Context().Err() == nil { // the list is late
		clear(succeeded)
		attempts := map[string]int{}
		for _, j := range list(t, endpoint) {
			attempts[j.name]++
			switch j.state {
			case "succeeded":
				succeeded[j.name[:len("cb-sum-a")]]++
			case "failed", "cancelled":
			default:
				clear(succeeded)
			}
		}
		for name, n := range attempts {
			if n > 1 {
				t.Fatalf("%d jobs are named %s", n, name)
			}
		}
	}
	if want := (map[string]int{"cb-sum-a": 1, "cb-sum-b": 1, "cb-sum-c": 1, "cb-sum-d": 1, "cb-sum-e": 1}); !maps.Equal(succeeded, want) {
		t.Errorf("of the service's jobs there have succeeded %v, want one each", succeeded)
	}
}

// transformJobs are those that SageMaker lists.
func transformJobs(t *testing.T, endpoint string) (out []native) {
	t.Helper()
	client := sagemaker.New(sagemaker.Options{
		BaseEndpoint: aws.String(endpoint), Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 20; o.RateLimiter = ratelimit.None }),
	})
	list, err := client.ListTransformJobs(t.Context(), &sagemaker.ListTransformJobsInput{MaxResults: aws.Int32(100)})
	if err != nil {
		t.Fatal(err)
	}
	words := map[types.TransformJobStatus]string{
		types.TransformJobStatusCompleted: "succeeded", types.TransformJobStatusFailed: "failed", types.TransformJobStatusStopped: "cancelled",
	}
	for _, j := range list.TransformJobSummaries {
		out = append(out, native{aws.ToString(j.TransformJobName), cmp.Or(words[j.TransformJobStatus], string(j.TransformJobStatus))})
	}
	return out
}

// predictionJobs are those that Vertex AI lists.
func predictionJobs(t *testing.T, endpoint string) (out []native) {
	t.Helper()
	client, err := aiplatform.NewJobClient(t.Context(), option.WithEndpoint(strings.TrimPrefix(endpoint, "http://")), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	again := gax.WithRetry(func() gax.Retryer {
		return gax.OnCodes([]codes.Code{codes.ResourceExhausted, codes.Internal, codes.Unavailable}, gax.Backoff{Initial: time.Millisecond})
	})
	words := map[pb.JobState]string{
		pb.JobState_JOB_STATE_SUCCEEDED: "succeeded", pb.JobState_JOB_STATE_FAILED: "failed", pb.JobState_JOB_STATE_CANCELLED: "cancelled",
	}
	for j, err := range client.ListBatchPredictionJobs(t.Context(), &pb.ListBatchPredictionJobsRequest{Parent: "projects/emulated-project/locations/us-central1"}, again).All() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, native{j.GetDisplayName(), cmp.Or(words[j.GetState()], j.GetState().String())})
	}
	return out
}

// partOf reads the one part of a result.
func partOf(t *testing.T, folder string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "part-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s has %v, %v", folder, found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
