//go:build unix

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"

	"github.com/crossbatch/crossbatch/local/onnx"
)

// On a service of which every third call goes wrong and lists are late, each job is
// made once, and its results are those of a run on this machine.
func TestSubmitAgainstFaults(t *testing.T) {
	t.Setenv(onnx.PathVariable, library(t))
	e := emulate(t, "--bucket", "s3:data", "--fault", "throttle=0.15,error=0.1,lost=0.15,late=2s", "--fault", "sagemaker:delay=5ms,seed=7")
	for name, value := range e.env {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	names := []string{"a", "b", "c", "d", "e"}
	files := map[string]string{"sum.onnx": string(models["sum"]().Bytes()), "faults.crossbatch.hcl": fmt.Sprintf(`provider "sagemaker" "emulated" {
  region   = "us-east-1"
  role_arn = "arn:aws:iam::123456789012:role/batch"
  image    = "123456789012.dkr.ecr.us-east-1.amazonaws.com/crossbatch@sha256:%064d"
  staging  = "s3://data/staging"
  endpoint = %q
}
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
    providers = [provider.sagemaker.emulated]
  }
  input {
    source = ["in/${each.key}.jsonl"]
    key    = "id"
  }
  output {
    destination = "${var.to}/${each.key}/"
  }
}
`, 0, e.env["AWS_ENDPOINT_URL_SAGEMAKER"], strings.Join(names, ","))}
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
	client := sagemaker.New(sagemaker.Options{
		BaseEndpoint: aws.String(e.env["AWS_ENDPOINT_URL_SAGEMAKER"]), Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 20; o.RateLimiter = ratelimit.None }),
	})
	jobs := map[string]int{}
	for n := 0; n < len(names); { // the list is late
		out, err := client.ListTransformJobs(t.Context(), &sagemaker.ListTransformJobsInput{MaxResults: aws.Int32(100)})
		if err != nil {
			t.Fatal(err)
		}
		clear(jobs)
		for _, j := range out.TransformJobSummaries {
			jobs[aws.ToString(j.TransformJobName)[:len("cb-sum-a")]]++
		}
		n = len(out.TransformJobSummaries)
	}
	if want := (map[string]int{"cb-sum-a": 1, "cb-sum-b": 1, "cb-sum-c": 1, "cb-sum-d": 1, "cb-sum-e": 1}); !maps.Equal(jobs, want) {
		t.Errorf("the service has the jobs %v, want one each", jobs)
	}
	e.stop(syscall.SIGINT, exitOK)
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
