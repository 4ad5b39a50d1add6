package sagemaker

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

func (w *world) stop(name string) error {
	_, err := w.StopTransformJob(w.Context(), &sdk.StopTransformJobInput{TransformJobName: aws.String(name)})
	return err
}

func TestDescribeGivesBackAll(t *testing.T) {
	for _, unsaid := range []bool{false, true} {
		w := newWorld(t, Options{Uncertain: Uncertain{DefaultsUnsaid: unsaid}})
		w.createModel("m")
		w.put("in/a", "1\n")
		in := aJob("full", single, payload(5), func(in *sdk.CreateTransformJobInput) {
			in.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
			in.Environment = map[string]string{"A": "<b>&", "B": ""}
			in.MaxConcurrentTransforms = aws.Int32(2)
			in.ModelClientConfig = &types.ModelClientConfig{InvocationsTimeoutInSeconds: aws.Int32(60), InvocationsMaxRetries: aws.Int32(0)}
			in.DataProcessing = &types.DataProcessing{InputFilter: aws.String("$[0]")}
			in.ExperimentConfig = &types.ExperimentConfig{ExperimentName: aws.String("e"), TrialName: aws.String("t"), TrialComponentDisplayName: aws.String("c"), RunName: aws.String("r")}
			in.TransformInput.CompressionType = types.CompressionTypeNone
			in.TransformOutput.KmsKeyId = aws.String("arn:aws:kms:us-east-1:123456789012:key/abc")
			in.TransformResources.VolumeKmsKeyId, in.TransformResources.TransformAmiVersion = aws.String("key"), aws.String("al2-ami-sagemaker-batch-gpu-535")
		})
		arn := w.create(in)
		w.ends("full")
		out := w.describe("full")
		if arn != "arn:aws:sagemaker:us-east-1:123456789012:transform-job/full" || *out.TransformJobArn != arn {
			t.Errorf("the ARN is %s and %s", arn, *out.TransformJobArn)
		}
		if !unsaid {
			in.DataProcessing.OutputFilter, in.DataProcessing.JoinSource = aws.String("$"), types.JoinSourceNone
		}
		for _, pair := range [][2]any{
			{in.TransformInput, out.TransformInput}, {in.TransformOutput, out.TransformOutput}, {in.TransformResources, out.TransformResources},
			{in.Environment, out.Environment}, {in.ModelClientConfig, out.ModelClientConfig}, {in.DataProcessing, out.DataProcessing}, {in.ExperimentConfig, out.ExperimentConfig},
			{in.MaxPayloadInMB, out.MaxPayloadInMB}, {in.MaxConcurrentTransforms, out.MaxConcurrentTransforms}, {in.BatchStrategy, out.BatchStrategy}, {in.ModelName, out.ModelName},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("%T was not given back", pair[0])
			}
		}
		w.create(aJob("bare", unsplit))
		w.ends("bare")
		bare := w.describe("bare")
		if (bare.DataProcessing == nil) != unsaid || (bare.TransformInput.SplitType == "") != unsaid || (bare.TransformOutput.KmsKeyId == nil) != unsaid {
			t.Errorf("defaults unsaid %t: %+v %+v %+v", unsaid, bare.DataProcessing, bare.TransformInput, bare.TransformOutput)
		}
	}
}

func TestNamesAreForEver(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.put("in/a", "1\n")
	w.completes(aJob("j"))
	_, err := w.CreateTransformJob(t.Context(), aJob("j"))
	w.refused(err, "ResourceInUse", "Job name must be unique within an AWS account and region, and a job with this name already exists (arn:aws:sagemaker:us-east-1:123456789012:transform-job/j)")
	var inUse *types.ResourceInUse
	if !errors.As(err, &inUse) {
		t.Errorf("it is %T", err)
	}
	elsewhere := w.client("eu-west-1")
	_, err = elsewhere.CreateTransformJob(t.Context(), aJob("j"))
	w.refused(err, "ValidationException", `Could not find model "arn:aws:sagemaker:eu-west-1:123456789012:model/m"`)
	_, err = elsewhere.DescribeTransformJob(t.Context(), &sdk.DescribeTransformJobInput{TransformJobName: aws.String("j")})
	w.refused(err, "ValidationException", "Could not find requested job")
}

func TestOneOfManyCreates(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.put("in/a", "1\n")
	var won atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			_, err := w.CreateTransformJob(t.Context(), aJob("j"))
			if err == nil {
				won.Add(1)
				return
			}
			w.refused(err, "ResourceInUse", "unique")
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 16 made it", won.Load())
	}
	w.ends("j")
	if len(w.model.containers) != 1 {
		t.Errorf("%d containers ran", len(w.model.containers))
	}
}

func TestUnknownJob(t *testing.T) {
	for asModelled, code := range map[bool]string{false: "ValidationException", true: "ResourceNotFound"} {
		w := newWorld(t, Options{Uncertain: Uncertain{UnknownIsNotFound: asModelled}})
		_, err := w.DescribeTransformJob(t.Context(), &sdk.DescribeTransformJobInput{TransformJobName: aws.String("no")})
		w.refused(err, code, "Could not find requested job with name: no")
		w.refused(w.stop("no"), code, "Could not find job to update with name no")
		var absent *types.ResourceNotFound
		if errors.As(err, &absent) != asModelled {
			t.Errorf("it is %T", err)
		}
	}
}

func TestStates(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC))
	w := newWorld(t, Options{Clock: clock, Queueing: time.Minute, Transform: transform.Options{AtLeast: time.Hour}})
	w.createModel("m")
	w.put("in/a", "1\n")
	w.create(aJob("j"))
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	out := w.describe("j")
	if out.TransformJobStatus != types.TransformJobStatusInProgress || out.TransformStartTime != nil || !out.CreationTime.Equal(time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)) {
		t.Errorf("queued: %s, made %v, started %v", out.TransformJobStatus, out.CreationTime, out.TransformStartTime)
	}
	clock.Advance(time.Minute)
	w.until(func() bool { return w.describe("j").TransformStartTime != nil })
	w.until(func() bool { return len(w.outputs()) == 1 })
	if out = w.describe("j"); out.TransformJobStatus != types.TransformJobStatusInProgress || out.TransformEndTime != nil || out.TransformStartTime.Sub(*out.CreationTime) != time.Minute {
		t.Errorf("running: %s from %v to %v", out.TransformJobStatus, out.TransformStartTime, out.TransformEndTime)
	}
	clock.Advance(time.Hour)
	out = w.ends("j")
	if out.TransformJobStatus != types.TransformJobStatusCompleted || out.TransformEndTime.Sub(*out.TransformStartTime) != time.Hour {
		t.Errorf("%s from %v to %v", out.TransformJobStatus, out.TransformStartTime, out.TransformEndTime)
	}
	w.refused(w.stop("j"), "ValidationException", "The request was rejected because the transform job is in status Completed")
}

// stoppable makes a world with a job of three files, of which the first is done
// and the second never is.
func stoppable(t *testing.T, o Options) *world {
	w := newWorld(t, o)
	w.createModel("m")
	for _, name := range []string{"a", "b", "c"} {
		w.put("in/"+name, name+"\n")
	}
	asked := make(chan struct{}, 1)
	w.model.answer = func(r *http.Request, body string) (int, string) {
		if body == "b\n" {
			asked <- struct{}{}
			<-r.Context().Done()
		}
		return lengths(r, body)
	}
	w.create(aJob("j"))
	<-asked
	w.until(func() bool { return len(w.outputs()) == 1 })
	return w
}

func TestStop(t *testing.T) {
	for keeps, want := range map[bool][]string{false: nil, true: {"a.out", "len 1\n"}} {
		w := stoppable(t, Options{Transform: transform.Options{Uncertain: transform.Uncertain{StopKeepsFinished: keeps}}})
		if err := w.stop("j"); err != nil {
			t.Fatal(err)
		}
		if out := w.ends("j"); out.TransformJobStatus != types.TransformJobStatusStopped || out.TransformEndTime == nil || out.FailureReason != nil {
			t.Errorf("it is %+v", out)
		}
		w.holds(want...)
		w.refused(w.stop("j"), "ValidationException", "The request was rejected because the transform job is in status Stopped")
	}
}

func TestStopTakesTime(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w := stoppable(t, Options{Clock: clock, Stopping: time.Minute})
	for range 2 { // a second one changes nothing
		if err := w.stop("j"); err != nil {
			t.Fatal(err)
		}
	}
	w.until(func() bool { return w.model.alive() == 0 })
	if s := w.describe("j").TransformJobStatus; s != types.TransformJobStatusStopping {
		t.Errorf("it is %s", s)
	}
	w.until(func() bool {
		clock.Advance(time.Minute)
		return w.describe("j").TransformJobStatus == types.TransformJobStatusStopped
	})
}

func TestStopWhileQueued(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w := newWorld(t, Options{Clock: clock, Queueing: time.Hour})
	w.createModel("m")
	w.create(aJob("j"))
	if err := w.stop("j"); err != nil {
		t.Fatal(err)
	}
	if out := w.ends("j"); out.TransformJobStatus != types.TransformJobStatusStopped || out.TransformStartTime != nil {
		t.Errorf("it is %+v", out)
	}
}

func TestStopComesLate(t *testing.T) {
	w := newWorld(t, Options{Uncertain: Uncertain{StopComesLate: true}})
	w.createModel("m")
	w.put("in/a", "1\n")
	going, asked := make(chan struct{}), make(chan struct{})
	w.model.answer = func(r *http.Request, body string) (int, string) {
		close(asked)
		<-going
		return lengths(r, body)
	}
	w.create(aJob("j"))
	<-asked
	if err := w.stop("j"); err != nil {
		t.Fatal(err)
	}
	if s := w.describe("j").TransformJobStatus; s != types.TransformJobStatusStopping {
		t.Errorf("it is %s", s)
	}
	close(going)
	if out := w.ends("j"); out.TransformJobStatus != types.TransformJobStatusCompleted {
		t.Errorf("it is %s", out.TransformJobStatus)
	}
	w.holds("a.out", "len 1\n")
}

// TestClose closes the server under a job that would never end.
func TestClose(t *testing.T) {
	w := stoppable(t, Options{})
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	if n := w.model.alive(); n != 0 {
		t.Errorf("%d containers are left", n)
	}
	_, err := w.CreateTransformJob(t.Context(), aJob("late"))
	w.refused(err, "ServiceUnavailable", "being stopped")
}

func TestQuota(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w := newWorld(t, Options{Clock: clock, Queueing: time.Hour, Quotas: map[string]int{"ml.m5.xlarge": 3, "ml.p3.2xlarge": 0}})
	w.createModel("m")
	of := func(kind types.TransformInstanceType, n int32) tweak {
		return func(in *sdk.CreateTransformJobInput) {
			in.TransformResources.InstanceType, in.TransformResources.InstanceCount = kind, &n
		}
	}
	w.create(aJob("one", of("ml.m5.xlarge", 2)))
	_, err := w.CreateTransformJob(t.Context(), aJob("two", of("ml.m5.xlarge", 2)))
	w.refused(err, "ResourceLimitExceeded", "The account-level service limit 'ml.m5.xlarge for transform job usage' is 3 Instances, with current utilization of 2 Instances and a request delta of 2 Instances.")
	var limit *types.ResourceLimitExceeded
	if !errors.As(err, &limit) {
		t.Errorf("it is %T", err)
	}
	_, err = w.CreateTransformJob(t.Context(), aJob("gpu", of("ml.p3.2xlarge", 1)))
	w.refused(err, "ResourceLimitExceeded", "is 0 Instances")
	w.create(aJob("other", of("ml.c5.xlarge", 50)))
	if err := w.stop("one"); err != nil {
		t.Fatal(err)
	}
	w.ends("one")
	w.create(aJob("two", of("ml.m5.xlarge", 2))) // the refused name is not taken
}

func TestModels(t *testing.T) {
	w := newWorld(t, Options{})
	arn := w.createModel("My-Model")
	if arn != "arn:aws:sagemaker:us-east-1:123456789012:model/my-model" {
		t.Errorf("the ARN is %s", arn)
	}
	_, err := w.CreateModel(t.Context(), &sdk.CreateModelInput{ModelName: aws.String("My-Model"), PrimaryContainer: &types.ContainerDefinition{Image: aws.String("i")}})
	w.refused(err, "ValidationException", `Cannot create already existing model "`+arn+`"`)
	vpc := &types.VpcConfig{SecurityGroupIds: []string{"sg-1"}, Subnets: []string{"subnet-1", "subnet-2"}}
	container := types.ContainerDefinition{
		Image: aws.String("i"), Mode: types.ContainerModeSingleModel, Environment: map[string]string{"A": "b"},
		ModelDataSource: &types.ModelDataSource{S3DataSource: data("model/", "S3Prefix", "None")},
		ImageConfig:     &types.ImageConfig{RepositoryAccessMode: types.RepositoryAccessModeVpc, RepositoryAuthConfig: &types.RepositoryAuthConfig{RepositoryCredentialsProviderArn: aws.String("arn:x")}},
	}
	if _, err := w.CreateModel(t.Context(), &sdk.CreateModelInput{
		ModelName: aws.String("full"), ExecutionRoleArn: aws.String(role), PrimaryContainer: &container, VpcConfig: vpc, EnableNetworkIsolation: aws.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
	out, err := w.DescribeModel(t.Context(), &sdk.DescribeModelInput{ModelName: aws.String("full")})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(out.PrimaryContainer, &container) || !reflect.DeepEqual(out.VpcConfig, vpc) || !*out.EnableNetworkIsolation || *out.ExecutionRoleArn != role || out.CreationTime == nil {
		t.Errorf("it is %+v", out)
	}
	if _, err := w.DeleteModel(t.Context(), &sdk.DeleteModelInput{ModelName: aws.String("full")}); err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func() error{
		"describe": func() error {
			_, err := w.DescribeModel(t.Context(), &sdk.DescribeModelInput{ModelName: aws.String("full")})
			return err
		},
		"delete": func() error {
			_, err := w.DeleteModel(t.Context(), &sdk.DeleteModelInput{ModelName: aws.String("full")})
			return err
		},
		"use": func() error {
			_, err := w.CreateTransformJob(t.Context(), aJob("j", func(in *sdk.CreateTransformJobInput) { in.ModelName = aws.String("full") }))
			return err
		},
	} {
		t.Run(what, func(*testing.T) {
			w.refused(do(), "ValidationException", `Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/full"`)
		})
	}
	w.createModel("full") // the name is free again
}

func TestTags(t *testing.T) {
	w := newWorld(t, Options{})
	model := w.createModel("m")
	w.put("in/a", "1\n")
	arn := w.create(aJob("j", func(in *sdk.CreateTransformJobInput) {
		in.Tags = []types.Tag{{Key: aws.String("run"), Value: aws.String("7")}, {Key: aws.String("ünï"), Value: aws.String("")}}
	}))
	list := func(arn string) string {
		var out []string
		for token := (*string)(nil); ; {
			page, err := w.ListTags(t.Context(), &sdk.ListTagsInput{ResourceArn: &arn, NextToken: token})
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range page.Tags {
				out = append(out, *tag.Key+"="+*tag.Value)
			}
			if token = page.NextToken; token == nil {
				return strings.Join(out, " ")
			}
		}
	}
	add := func(arn string, tags ...types.Tag) error {
		_, err := w.AddTags(t.Context(), &sdk.AddTagsInput{ResourceArn: &arn, Tags: tags})
		return err
	}
	if got := list(arn); got != "run=7 ünï=" {
		t.Errorf("tags %q", got)
	}
	if err := add(arn, types.Tag{Key: aws.String("run"), Value: aws.String("8")}, types.Tag{Key: aws.String("x"), Value: aws.String("y")}); err != nil {
		t.Fatal(err)
	}
	if got := list(arn); got != "run=8 ünï= x=y" {
		t.Errorf("tags %q", got)
	}
	if _, err := w.DeleteTags(t.Context(), &sdk.DeleteTagsInput{ResourceArn: &arn, TagKeys: []string{"run", "absent"}}); err != nil {
		t.Fatal(err)
	}
	if got := list(arn); got != "ünï= x=y" {
		t.Errorf("tags %q", got)
	}
	if got := list(model); got != "" {
		t.Errorf("the model has tags %q", got)
	}
	var many []types.Tag
	for n := range 50 {
		many = append(many, types.Tag{Key: aws.String(fmt.Sprint("k", n)), Value: aws.String("")})
	}
	if err := add(model, many...); err != nil {
		t.Fatal(err)
	}
	w.refused(add(model, types.Tag{Key: aws.String("more"), Value: aws.String("")}), "ValidationException", "50 tags at most")
	w.refused(add(model, types.Tag{Key: aws.String("aws:x"), Value: aws.String("")}), "ValidationException", "aws:")
	w.refused(add(arn, many[0], many[0]), "ValidationException", "given twice")
	w.refused(add(arn+"x", many[0]), "ValidationException", "Could not find resource")
	w.refused(add("arn:aws:s3:::b", many[0]), "ValidationException", "at 'resourceArn' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:aws[a-z-]*:sagemaker")
	w.ends("j")
}
