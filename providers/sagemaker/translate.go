package sagemaker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// The requests of an attempt, and the operations that they call.
const (
	modelID, createModel = "model", "CreateModel"
	jobID, createJob     = "job", "CreateTransformJob"
)

// namePrefix begins the names of all that is made here.
const namePrefix = "cb-"

// What an attempt writes and reads below its own prefix.
const (
	outFolder    = "out/"
	manifestName = "input.manifest"
)

// The variables that tell the scorer what to do: see local/modelserver.
const (
	mappingVariable = "CROSSBATCH_MAPPING"
	budgetVariable  = "CROSSBATCH_BUDGET"
	ownVariable     = "CROSSBATCH_"
)

// Translate makes the requests of an attempt: the model, unless it is there already
// by the user's own hand, and the transform job. Bodies are the SDK's inputs.
func (b *Backend) Translate(s provider.Spec) (provider.Translation, error) {
	if b.closed.Load() {
		return provider.Translation{}, provider.ErrClosed
	}
	if s.Staged == nil {
		return provider.Translation{}, provider.Errorf(provider.Invalid, "nothing says where the input lies")
	}
	var t provider.Translation
	model, err := b.model(s)
	if err != nil {
		return t, err
	}
	name := s.Job.Model.Registered[Kind]
	if model != nil {
		name = aws.ToString(model.ModelName)
		body, err := encode(model)
		if err != nil {
			return t, err
		}
		t.Requests = append(t.Requests, provider.Request{
			ID: modelID, Role: provider.Ensure, Op: createModel, Name: name, Parts: 1, Target: b.config.Region, Body: body,
		})
	}
	in, upload, err := input(s)
	if err != nil {
		return t, err
	}
	if upload != nil {
		t.Uploads = append(t.Uploads, *upload)
	}
	start, err := b.job(s, name, in)
	if err != nil {
		return t, err
	}
	body, err := encode(start)
	if err != nil {
		return t, err
	}
	t.Requests = append(t.Requests, provider.Request{
		ID: jobID, Role: provider.Start, Op: createJob, Name: aws.ToString(start.TransformJobName), Parts: 1, Target: b.config.Region, Body: body,
	})
	return t, nil
}

// model is the model of a run; nil for one that exists already.
func (b *Backend) model(s provider.Spec) (*sdk.CreateModelInput, error) {
	m := s.Job.Model
	in := &sdk.CreateModelInput{ExecutionRoleArn: aws.String(b.config.RoleARN), PrimaryContainer: &types.ContainerDefinition{}}
	image, data := b.config.Image, &types.S3ModelDataSource{S3DataType: types.S3ModelDataTypeS3Prefix, CompressionType: types.ModelCompressionTypeNone}
	var err error
	switch {
	case len(m.Registered) > 0:
		if m.Registered[Kind] == "" {
			return nil, provider.Errorf(provider.Unsupported, "model %s: registered names no model that SageMaker keeps", m.Name)
		}
		return nil, modelRule.Check("model.registered: the name of the model", m.Registered[Kind])
	case m.Container != nil:
		if checkContainer(m.Container).Level == provider.Lost {
			return nil, provider.Errorf(provider.Unsupported, "model.container: %s", checkContainer(m.Container).Message)
		}
		image = m.Container.Image
		if data, err = dataSource(m.Container.Artifact); err != nil {
			return nil, err
		}
	case image == "":
		return nil, provider.Errorf(provider.Invalid, "the provider block names no image: it is what scores model %s, which is given by its artifact", m.Name)
	default:
		uri, err := bare(s.Staged.Model)
		if err != nil {
			return nil, err
		}
		data.S3Uri = aws.String(uri)
	}
	if err := imageRule.Check("the image", image); err != nil {
		return nil, err
	}
	in.PrimaryContainer.Image = aws.String(image)
	if data != nil {
		in.PrimaryContainer.ModelDataSource = &types.ModelDataSource{S3DataSource: data}
	}
	if len(b.config.Subnets) > 0 {
		in.VpcConfig = &types.VpcConfig{Subnets: append([]string(nil), b.config.Subnets...), SecurityGroupIds: append([]string(nil), b.config.SecurityGroups...)}
	}
	if b.config.Isolated {
		in.EnableNetworkIsolation = aws.Bool(true)
	}
	if in.Tags, err = tags("tags", b.config.Tags); err != nil {
		return nil, err
	}
	in.Tags = append(in.Tags, label("ledger", s.Ledger))
	if len(in.Tags) > mostTags {
		return nil, tooManyTags(len(in.Tags))
	}
	content, err := encode(in)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	in.ModelName = aws.String(namePrefix + short(s.Ledger, 8) + "-" + hex.EncodeToString(sum[:])[:12])
	return in, modelRule.Check("the model's name", aws.ToString(in.ModelName))
}

func tooManyTags(n int) error {
	return provider.Errorf(provider.Invalid, "labels and the provider block's tags are %d with those that crossbatch sets; SageMaker takes at most %d", n, mostTags)
}

func short(s string, n int) string { return s[:min(n, len(s))] }

// dataSource is what a user's own container is given; nil: nothing. A folder is
// handed over as it is, an archive unpacked.
func dataSource(artifact string) (*types.S3ModelDataSource, error) {
	if artifact == "" {
		return nil, nil
	}
	if _, local := storage.LocalPath(artifact); local {
		return nil, provider.Errorf(provider.Unsupported, "the container's artifact %s lies on this machine: put it into S3 and name it there", artifact)
	}
	uri, err := bare(artifact)
	if err != nil {
		return nil, err
	}
	out := &types.S3ModelDataSource{S3Uri: aws.String(uri), S3DataType: types.S3ModelDataTypeS3Object, CompressionType: types.ModelCompressionTypeNone}
	switch {
	case strings.HasSuffix(uri, "/"):
		out.S3DataType = types.S3ModelDataTypeS3Prefix
	case strings.HasSuffix(uri, ".tar.gz"):
		out.CompressionType = types.ModelCompressionTypeGzip
	}
	return out, nil
}

// job is the transform job of an attempt.
func (b *Backend) job(s provider.Spec, model string, in *types.TransformInput) (*sdk.CreateTransformJobInput, error) {
	j := s.Job
	out := &sdk.CreateTransformJobInput{
		TransformJobName: aws.String(provider.NativeName(j.Address, s.Run, s.Attempt, 0, 1)), ModelName: aws.String(model),
		BatchStrategy: types.BatchStrategyMultiRecord, TransformInput: in,
	}
	if err := jobRule.Check("the job's name", aws.ToString(out.TransformJobName)); err != nil {
		return nil, err
	}
	var err error
	if out.Environment, err = b.environment(s); err != nil {
		return nil, err
	}
	if out.MaxConcurrentTransforms, out.MaxPayloadInMB, err = pace(j.Batching); err != nil {
		return nil, err
	}
	m, none := choose(j.Compute)
	if none != nil {
		return nil, none
	}
	if out.TransformResources, err = b.resources(m, j.Compute.Instances); err != nil {
		return nil, err
	}
	if out.TransformOutput, err = b.output(s); err != nil {
		return nil, err
	}
	out.Tags, err = b.jobTags(s)
	return out, err
}

// mostInstances is the bound of the API reference.
const mostInstances = 100

func (b *Backend) resources(m provider.Machine, instances int) (*types.TransformResources, error) {
	if instances = max(instances, 1); instances > mostInstances {
		return nil, provider.Errorf(provider.Invalid, "compute.instances is %d; Batch Transform takes at most %d", instances, mostInstances)
	}
	out := &types.TransformResources{InstanceType: types.TransformInstanceType(m.Name), InstanceCount: aws.Int32(int32(instances))}
	// A key for local disks is refused: their hardware has its own.
	// https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformResources.html
	if b.config.KMSKey != "" && !ownDisks(m) {
		out.VolumeKmsKeyId = aws.String(b.config.KMSKey)
	}
	return out, nil
}

func (b *Backend) output(s provider.Spec) (*types.TransformOutput, error) {
	uri, err := bare(storage.Join(s.Output, outFolder))
	if err != nil {
		return nil, err
	}
	out := &types.TransformOutput{S3OutputPath: aws.String(strings.TrimSuffix(uri, "/")), AssembleWith: types.AssemblyTypeNone, Accept: aws.String(contentType(job.JSONL))}
	if s.Job.Model.Artifact == "" {
		// Lines of ours end in newlines; what other containers do is not known.
		out.AssembleWith, out.Accept = types.AssemblyTypeLine, aws.String(contentType(s.Staged.Format))
	}
	if b.config.KMSKey != "" {
		out.KmsKeyId = aws.String(b.config.KMSKey)
	}
	return out, nil
}

// jobTags are the labels, the block's tags, and which run it is.
func (b *Backend) jobTags(s provider.Spec) ([]types.Tag, error) {
	all := maps.Clone(b.config.Tags)
	for key, value := range s.Job.Labels {
		if all == nil {
			all = map[string]string{}
		}
		all[key] = value
	}
	out, err := tags("labels", all)
	if err != nil {
		return nil, err
	}
	out = append(out, label("address", s.Job.Address), label("ledger", s.Ledger), label("project", s.Job.Project), label("run", s.Run))
	if len(out) > mostTags {
		return nil, tooManyTags(len(out))
	}
	return out, nil
}

// usualPayload is the service's own bound of a request, in MiB.
const (
	usualPayload = 6
	mostPace     = 100
)

// pace is how many requests are under way and how large one is. What is not set,
// the service asks the scorer for.
func pace(b job.Batching) (concurrency, payload *int32, err error) {
	mib := b.Payload / job.MiB
	switch {
	case b.Payload > 0 && mib == 0:
		return nil, nil, provider.Errorf(provider.Unsupported, "batching.payload is %d bytes: %s", b.Payload, checkPayload(b).Message)
	case mib > mostPace:
		return nil, nil, provider.Errorf(provider.Invalid, "batching.payload is %d MiB; Batch Transform takes at most %d", mib, mostPace)
	}
	if b.Concurrency > 0 {
		size := mib
		if size == 0 {
			size = usualPayload
		}
		if int64(b.Concurrency) > mostPace/size {
			return nil, nil, provider.Errorf(provider.Invalid,
				"batching.concurrency (%d) times batching.payload (%d MiB; %d unless set) is more than %d, which is all that Batch Transform takes of one instance", b.Concurrency, size, usualPayload, mostPace)
		}
		concurrency = aws.Int32(int32(b.Concurrency))
	}
	if mib > 0 {
		payload = aws.Int32(int32(mib))
	}
	return concurrency, payload, nil
}

// environment is the job's env and what the scorer is told.
func (b *Backend) environment(s provider.Spec) (map[string]string, error) {
	env := map[string]string{}
	for name, value := range s.Job.Env {
		if strings.HasPrefix(name, ownVariable) || strings.HasPrefix(name, "SAGEMAKER_") {
			return nil, provider.Errorf(provider.Invalid, "env: %s begins with a prefix that crossbatch or SageMaker keeps for itself", name)
		}
		env[name] = value
	}
	if s.Job.Model.Artifact != "" {
		split, err := mapping.Split(s.Staged.Mapping)
		if errors.Is(err, mapping.ErrTooLarge) && b.config.Isolated {
			return nil, provider.Errorf(provider.Unsupported, "the job's mapping is too large for environment variables, and with network_isolation the scorer cannot fetch it: name fewer or shorter fields, or leave network_isolation out")
		}
		if errors.Is(err, mapping.ErrTooLarge) {
			uri, uerr := storage.WithoutQuery(s.Staged.MappingURI)
			split, err = map[string]string{mappingVariable: uri}, uerr
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(env, split)
		if s.Budget > 0 {
			env[budgetVariable] = s.Budget.String()
		}
	}
	if len(env) == 0 {
		return nil, nil
	}
	return env, checkEnvironment(env)
}

// contentType is how a format is called on the wire; empty: it is not sent.
func contentType(f job.Format) string {
	switch f {
	case job.JSONL:
		return "application/jsonlines"
	case job.CSV:
		return "text/csv"
	}
	return ""
}
