package sagemaker

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// awsCLI is version 2 of the AWS CLI: Debian's, or the one in the PATH. Without one
// the test fails: what it proves cannot be had otherwise.
func awsCLI(t *testing.T) string {
	t.Helper()
	var seen []string
	for _, name := range []string{"/usr/bin/aws", "aws"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		version, err := exec.CommandContext(t.Context(), path, "--version").Output()
		if err == nil && strings.HasPrefix(string(version), "aws-cli/2.") {
			t.Logf("%s: %s", path, bytes.TrimSpace(version))
			return path
		}
		seen = append(seen, path+": "+string(bytes.TrimSpace(version)))
	}
	t.Fatalf("version 2 of the AWS CLI is not here (apt-get install awscli); found %q", seen)
	return ""
}

// TestCLI goes from create-model to the finished .out object with nothing but the
// AWS CLI.
func TestCLI(t *testing.T) {
	w := newWorld(t, Options{})
	cli, home := awsCLI(t), t.TempDir()
	run := func(endpoint string, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(t.Context(), cli, append([]string{"--endpoint-url", endpoint, "--output", "json"}, args...)...)
		cmd.Env = []string{
			"HOME=" + home, "PATH=" + os.Getenv("PATH"), "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any", "AWS_DEFAULT_REGION=" + region,
			"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
		}
		var complaint bytes.Buffer
		cmd.Stderr = &complaint
		out, err := cmd.Output()
		if err != nil {
			return complaint.Bytes(), err
		}
		return out, nil
	}
	aws := func(endpoint string, into any, args ...string) {
		t.Helper()
		out, err := run(endpoint, args...)
		if err != nil {
			t.Fatalf("aws %q: %v\n%s", args, err, out)
		}
		if into == nil {
			return
		}
		if err := json.Unmarshal(out, into); err != nil {
			t.Fatalf("aws %q: %v in %s", args, err, out)
		}
	}
	input := filepath.Join(home, "a.csv")
	if err := os.WriteFile(input, []byte("1,2\n3,4,5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	aws(w.s3URL, nil, "s3", "cp", input, "s3://"+bucket+"/in/a.csv")
	var made struct {
		ModelArn, TransformJobArn string //nolint:revive // names in the API
	}
	aws(w.url, &made, "sagemaker", "create-model", "--model-name", "m", "--execution-role-arn", role, "--primary-container", "Image=image:1")
	aws(w.url, &made, "sagemaker", "create-transform-job", "--transform-job-name", "j", "--model-name", "m",
		"--transform-input", "DataSource={S3DataSource={S3DataType=S3Prefix,S3Uri=s3://"+bucket+"/in/}},ContentType=text/csv,SplitType=Line",
		"--transform-output", "S3OutputPath=s3://"+bucket+"/out/,AssembleWith=Line,Accept=text/csv",
		"--transform-resources", "InstanceType=ml.m5.xlarge,InstanceCount=1", "--tags", "Key=run,Value=7")
	if made.ModelArn == "" || made.TransformJobArn == "" {
		t.Errorf("made %+v", made)
	}
	w.ends("j") // the CLI's own waiter looks but once a minute
	aws(w.url, nil, "sagemaker", "wait", "transform-job-completed-or-stopped", "--transform-job-name", "j")
	var job struct{ TransformJobStatus, TransformEndTime string }
	aws(w.url, &job, "sagemaker", "describe-transform-job", "--transform-job-name", "j")
	if job.TransformJobStatus != completed || job.TransformEndTime == "" {
		t.Errorf("described: %+v", job)
	}
	output := filepath.Join(home, "a.csv.out")
	aws(w.s3URL, nil, "s3", "cp", "s3://"+bucket+"/out/a.csv.out", output)
	if text, err := os.ReadFile(output); err != nil || string(text) != "len 3\nlen 5\n" {
		t.Errorf("the output is %q %v", text, err)
	}
	var list struct{ TransformJobSummaries []jobName }
	aws(w.url, &list, "sagemaker", "list-transform-jobs", "--status-equals", "Completed", "--name-contains", "j")
	if len(list.TransformJobSummaries) != 1 {
		t.Errorf("listed: %+v", list)
	}
	var tags struct{ Tags []tag }
	aws(w.url, &tags, "sagemaker", "list-tags", "--resource-arn", made.TransformJobArn)
	if len(tags.Tags) != 1 || tags.Tags[0] != (tag{"run", "7"}) {
		t.Errorf("tags: %+v", tags)
	}
	var logs struct {
		Events []struct{ Message string }
	}
	aws(w.url, &logs, "logs", "filter-log-events", "--log-group-name", logGroup, "--log-stream-name-prefix", "j/")
	if len(logs.Events) != 1 || !strings.Contains(logs.Events[0].Message, "MaxConcurrentTransforms=1") {
		t.Errorf("logs: %+v", logs)
	}
	if complaint, err := run(w.url, "sagemaker", "stop-transform-job", "--transform-job-name", "j"); err == nil || !strings.Contains(string(complaint), "(ValidationException) when calling the StopTransformJob operation: The request was rejected") {
		t.Errorf("stopping what is over: %s %v", complaint, err)
	}
	aws(w.url, nil, "sagemaker", "delete-model", "--model-name", "m")
}
