package sagemaker

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/smithy-go/logging"

	"github.com/crossbatch/crossbatch/core/provider"
)

// clients are the SDK's clients of one block.
type clients struct {
	jobs        *sdk.Client
	logs        *cloudwatchlogs.Client
	credentials aws.CredentialsProvider
	transport   *http.Transport
}

// answerTimeout is how long the service may take to begin its answer.
const answerTimeout = time.Minute

// connect begins a call: it gives the clients, which the first call makes, and sees
// to credentials.
func (b *Backend) connect(ctx context.Context) (*clients, error) {
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	c, err := b.make(ctx)
	if err != nil {
		return nil, err
	}
	if c.credentials == nil {
		return nil, errNoCredentials
	}
	if _, err := c.credentials.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errNoCredentials
	}
	return c, nil
}

// errNoCredentials does not tell what the chain said, which may hold what it found.
// The chain is that of aws-sdk-go-v2/config, resolveCredentialChain.
var errNoCredentials = &provider.Error{
	Code: provider.Unauthenticated, Message: "no AWS credentials were found",
	Hint: "looked at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the shared config and credentials files, web identity, and the metadata of container and instance",
}

func (b *Backend) make(ctx context.Context) (*clients, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.clients != nil {
		return b.clients, nil
	}
	load := b.deps.AWS
	if load == nil {
		load = func(ctx context.Context) (aws.Config, error) {
			return config.LoadDefaultConfig(ctx, config.WithRegion(b.config.Region), config.WithLogger(logging.Nop{}))
		}
	}
	cfg, err := load(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, provider.Errorf(provider.Unauthenticated, "the AWS configuration cannot be read: %w", err)
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 8,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: answerTimeout,
	}
	var endpoint *string
	if b.config.Endpoint != "" {
		endpoint = aws.String(b.config.Endpoint)
	}
	c := &clients{credentials: cfg.Credentials, transport: transport}
	// Retries are the broker's: a start that the SDK sends again would find its own
	// job in the way.
	c.jobs = sdk.NewFromConfig(cfg, func(o *sdk.Options) {
		o.Region, o.HTTPClient, o.Retryer = b.config.Region, &http.Client{Transport: memory{transport}}, aws.NopRetryer{}
		if endpoint != nil {
			o.BaseEndpoint = endpoint
		}
	})
	c.logs = cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) {
		o.Region, o.HTTPClient, o.Retryer = b.config.Region, &http.Client{Transport: memory{transport}}, aws.NopRetryer{}
		if endpoint != nil {
			o.BaseEndpoint = endpoint
		}
	})
	b.clients = c
	return c, nil
}

// The kinds of what is made, as SageMaker's ARNs call them.
const (
	modelKind = "model"
	jobKind   = "transform-job"
)

// decoded is the input of a request: one of the two is set.
type decoded struct {
	model *sdk.CreateModelInput
	job   *sdk.CreateTransformJobInput
}

// read refuses what no Translate made, or made for another region.
func (b *Backend) read(r provider.Request) (d decoded, err error) {
	if r.Target != b.config.Region {
		return d, provider.Errorf(provider.Invalid, "the request is for the region %q, this is %s", r.Target, b.config.Region)
	}
	name := ""
	switch r.Op {
	case createModel:
		d.model = &sdk.CreateModelInput{}
		err = decode(r.Body, d.model)
		name = aws.ToString(d.model.ModelName)
	case createJob:
		d.job = &sdk.CreateTransformJobInput{}
		err = decode(r.Body, d.job)
		name = aws.ToString(d.job.TransformJobName)
	default:
		return d, provider.Errorf(provider.Invalid, "unknown operation %q", r.Op)
	}
	if err == nil && name != r.Name {
		err = provider.Errorf(provider.Invalid, "the request of %s is named %q in its body", r.Name, name)
	}
	return d, err
}

// Send makes a model or a transform job. Both are usable at once.
func (b *Backend) Send(ctx context.Context, r provider.Request) (provider.Native, error) {
	c, err := b.connect(ctx)
	if err != nil {
		return provider.Native{}, err
	}
	d, err := b.read(r)
	if err != nil {
		return provider.Native{}, err
	}
	if d.model != nil {
		out, err := c.jobs.CreateModel(ctx, d.model)
		if err != nil {
			return provider.Native{}, b.failed("creating the model "+r.Name, err)
		}
		return b.native(modelID, modelKind, r.Name, aws.ToString(out.ModelArn)), nil
	}
	out, err := c.jobs.CreateTransformJob(ctx, d.job)
	if err != nil {
		return provider.Native{}, b.failed("creating the transform job "+r.Name, err)
	}
	return b.native(jobID, jobKind, r.Name, aws.ToString(out.TransformJobArn)), nil
}

// Find looks for what stands under a request's name.
func (b *Backend) Find(ctx context.Context, r provider.Request) (provider.Native, error) {
	c, err := b.connect(ctx)
	if err != nil {
		return provider.Native{}, err
	}
	d, err := b.read(r)
	if err != nil {
		return provider.Native{}, err
	}
	if d.model != nil {
		out, err := c.jobs.DescribeModel(ctx, &sdk.DescribeModelInput{ModelName: aws.String(r.Name)})
		if err != nil {
			return provider.Native{}, b.failed("looking for the model "+r.Name, err)
		}
		there := sdk.CreateModelInput{
			ModelName: out.ModelName, Containers: out.Containers, EnableNetworkIsolation: out.EnableNetworkIsolation, ExecutionRoleArn: out.ExecutionRoleArn,
			InferenceExecutionConfig: out.InferenceExecutionConfig, PrimaryContainer: out.PrimaryContainer, VpcConfig: out.VpcConfig,
		}
		asked := *d.model
		asked.Tags = nil // Describe does not tell them
		if !covers(reflect.ValueOf(there), reflect.ValueOf(asked)) || len(there.Containers) > 0 || (there.VpcConfig != nil) != (asked.VpcConfig != nil) {
			return provider.Native{}, taken(r)
		}
		return b.native(modelID, modelKind, r.Name, aws.ToString(out.ModelArn)), nil
	}
	out, err := c.jobs.DescribeTransformJob(ctx, &sdk.DescribeTransformJobInput{TransformJobName: aws.String(r.Name)})
	if err != nil {
		return provider.Native{}, b.failed("looking for the transform job "+r.Name, err)
	}
	there := sdk.CreateTransformJobInput{
		ModelName: out.ModelName, TransformInput: out.TransformInput, TransformJobName: out.TransformJobName, TransformOutput: out.TransformOutput,
		TransformResources: out.TransformResources, BatchStrategy: out.BatchStrategy, DataProcessing: out.DataProcessing, Environment: out.Environment,
		MaxConcurrentTransforms: out.MaxConcurrentTransforms, MaxPayloadInMB: out.MaxPayloadInMB,
	}
	asked := *d.job
	asked.Tags = nil
	if !covers(reflect.ValueOf(there), reflect.ValueOf(asked)) || processed(out) {
		return provider.Native{}, taken(r)
	}
	return b.native(jobID, jobKind, r.Name, aws.ToString(out.TransformJobArn)), nil
}

// processed says that a job filters or joins its records, which none of ours does.
func processed(out *sdk.DescribeTransformJobOutput) bool {
	p := out.DataProcessing
	if p == nil {
		return false
	}
	other := func(path *string) bool { return aws.ToString(path) != "" && aws.ToString(path) != "$" }
	return other(p.InputFilter) || other(p.OutputFilter) || p.JoinSource == "Input"
}

func taken(r provider.Request) error {
	return provider.Errorf(provider.Conflict, "%s is there already, and is not what %s asks for", r.Name, r.Op)
}

// native names something that was made.
func (b *Backend) native(request, kind, name, arn string) provider.Native {
	return provider.Native{Request: request, Kind: kind, Name: name, ID: arn, Part: 0, Parts: 1, Console: b.console("#/" + kind + "s/" + name)}
}

// console is a page of the service's console; empty where the block names another
// endpoint.
func (b *Backend) console(page string) string {
	if b.config.Endpoint != "" {
		return ""
	}
	_, partition := b.config.account()
	host := b.config.Region + "." + map[string]string{
		"aws": "console.aws.amazon.com", "aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com",
	}[partition]
	if strings.HasSuffix(host, ".") {
		return ""
	}
	return "https://" + host + "/sagemaker/home?region=" + b.config.Region + page
}

// known refuses what is no native of this package: nobody can have made it.
func known(n provider.Native, kind string) error {
	if n.Kind != kind || n.Name == "" {
		return provider.Errorf(provider.NotFound, "there is no %s %q", kind, n.Name)
	}
	return nil
}

// Cancel asks a transform job to end. To who stops one that is over the service
// answers with an error.
func (b *Backend) Cancel(ctx context.Context, n provider.Native) error {
	c, err := b.connect(ctx)
	if err != nil {
		return err
	}
	if err := known(n, jobKind); err != nil {
		return err
	}
	_, err = c.jobs.StopTransformJob(ctx, &sdk.StopTransformJobInput{TransformJobName: aws.String(n.Name)})
	if err == nil {
		return nil
	}
	err = b.failed("stopping "+n.Name, err)
	if code := provider.CodeOf(err); code != provider.Invalid && code != provider.Conflict {
		return err
	}
	// Refused, for what reason its words hardly tell: look.
	o, derr := b.describe(ctx, c, n)
	switch {
	case derr != nil:
		return derr
	case o.State.Terminal(), o.State == provider.Cancelling:
		return nil
	}
	return err
}

// Delete removes a model. Transform jobs cannot be deleted: those that are over stay
// in SageMaker's list and cost nothing.
func (b *Backend) Delete(ctx context.Context, n provider.Native) error {
	c, err := b.connect(ctx)
	if err != nil {
		return err
	}
	if n.Kind != modelKind {
		return nil
	}
	_, err = c.jobs.DeleteModel(ctx, &sdk.DeleteModelInput{ModelName: aws.String(n.Name)})
	if err = b.failed("deleting the model "+n.Name, err); errors.Is(err, provider.NotFound) {
		return nil
	}
	return err
}
