package vertex

import (
	"errors"
	"maps"
	"slices"
	"strings"

	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// The request of an attempt, and the operation that it calls.
const jobID, createJob = "job", "CreateBatchPredictionJob"

// outFolder is what an attempt writes to below its own prefix.
const outFolder = "out/"

// The variables that tell the scorer what to do: see local/modelserver.
const (
	mappingVariable = "CROSSBATCH_MAPPING"
	budgetVariable  = "CROSSBATCH_BUDGET"
	ownVariable     = "CROSSBATCH_"
)

// The routes of the scorer. The service's own defaults name endpoints, of which a
// batch job has none.
const (
	healthRoute  = "/ping"
	predictRoute = "/predict"
	port         = 8080
)

// The labels by which jobs are found. One names the attempt, and is the key that
// the service itself does not have.
const (
	attemptLabel = ownLabel + "attempt"
	runLabel     = ownLabel + "run"
)

// Translate makes the request of an attempt: a batch prediction job. Its body is
// that of the call over REST, with the parent that is in the URL there.
func (b *Backend) Translate(s provider.Spec) (provider.Translation, error) {
	if b.closed.Load() {
		return provider.Translation{}, provider.ErrClosed
	}
	if s.Staged == nil {
		return provider.Translation{}, provider.Errorf(provider.Invalid, "nothing says where the input lies")
	}
	start, err := b.job(s)
	if err != nil {
		return provider.Translation{}, err
	}
	body, err := encode(&pb.CreateBatchPredictionJobRequest{Parent: b.config.parent(), BatchPredictionJob: start})
	if err != nil {
		return provider.Translation{}, err
	}
	return provider.Translation{Requests: []provider.Request{{
		ID: jobID, Role: provider.Start, Op: createJob, Name: start.GetDisplayName(), Parts: 1, Target: b.config.parent(), Body: body,
	}}}, nil
}

// job is the batch prediction job of an attempt.
func (b *Backend) job(s provider.Spec) (*pb.BatchPredictionJob, error) {
	name := provider.NativeName(s.Job.Address, s.Run, s.Attempt, 0, 1)
	if err := displayRule.Check("the job's name", name); err != nil {
		return nil, err
	}
	out := &pb.BatchPredictionJob{DisplayName: name, ServiceAccount: b.config.ServiceAccount, InstanceConfig: instances()}
	var err error
	if err = b.model(s, out); err != nil {
		return nil, err
	}
	if out.InputConfig, err = input(s); err != nil {
		return nil, err
	}
	if out.OutputConfig, err = output(s); err != nil {
		return nil, err
	}
	m, none := choose(s.Job.Compute)
	if none != nil {
		return nil, none
	}
	if out.DedicatedResources, err = resources(m, s.Job.Compute); err != nil {
		return nil, err
	}
	if s.Job.Batching.Payload > 0 {
		return nil, provider.Errorf(provider.Unsupported, "batching.payload: %s", noPayload)
	}
	if n := s.Job.Batching.Records; n > 0 {
		if n > mostRecords {
			return nil, provider.Errorf(provider.Invalid, "batching.records is %d; Vertex AI takes at most %d", n, mostRecords)
		}
		out.ManualBatchTuningParameters = &pb.ManualBatchTuningParameters{BatchSize: int32(n)}
	}
	if b.config.KMSKey != "" {
		out.EncryptionSpec = &pb.EncryptionSpec{KmsKeyName: b.config.KMSKey}
	}
	out.Labels, err = b.jobLabels(s, name)
	return out, err
}

// mostRecords is the bound of the member's type.
const mostRecords = 1<<31 - 1

// model says what answers: one that is registered, or a container that is not.
func (b *Backend) model(s provider.Spec, out *pb.BatchPredictionJob) error {
	m := s.Job.Model
	if len(m.Registered) > 0 {
		name, err := b.registered(m.Registered[Kind])
		if err != nil {
			return err
		}
		out.Model = name
		return nil
	}
	image, artifact := b.config.Image, s.Staged.Model
	switch {
	case m.Container != nil:
		if f := checkContainer(m.Container); f.Level == provider.Lost {
			return provider.Errorf(provider.Unsupported, "model.container: %s", f.Message)
		}
		image, artifact = m.Container.Image, m.Container.Artifact
		if _, local := storage.LocalPath(artifact); local && artifact != "" {
			return provider.Errorf(provider.Unsupported, "the container's artifact %s lies on this machine: put it into Cloud Storage and name it there", artifact)
		}
	case image == "":
		return provider.Errorf(provider.Invalid, "the provider block names no image: it is what scores model %s, which is given by its artifact", m.Name)
	}
	if err := imageRule.Check("the image", image); err != nil {
		return err
	}
	out.UnmanagedContainerModel = &pb.UnmanagedContainerModel{}
	if artifact != "" {
		uri, err := bare(artifact)
		if err != nil {
			return err
		}
		out.UnmanagedContainerModel.ArtifactUri = strings.TrimSuffix(uri, "/")
	}
	env, err := environment(s)
	if err != nil {
		return err
	}
	c := &pb.ModelContainerSpec{
		ImageUri: image, Env: env, Ports: []*pb.Port{{ContainerPort: port}}, HealthRoute: healthRoute, PredictRoute: predictRoute,
	}
	if m.Container == nil {
		c.Args = []string{"serve"}
	}
	out.UnmanagedContainerModel.ContainerSpec = c
	return nil
}

// registered is the resource of a model that the service keeps, which may be given
// by its id alone.
func (b *Backend) registered(name string) (string, error) {
	if name == "" {
		return "", provider.Errorf(provider.Unsupported, "model.registered names no model that Vertex AI keeps")
	}
	if err := modelRule.Check("model.registered: the model", name); err != nil {
		return "", err
	}
	if !strings.Contains(name, "/") {
		return b.config.parent() + "/models/" + name, nil
	}
	if !strings.Contains(name, "/locations/"+b.config.Location+"/") {
		return "", provider.Errorf(provider.Invalid, "model.registered: %s is not in the provider block's location, %s", name, b.config.Location)
	}
	return name, nil
}

func output(s provider.Spec) (*pb.BatchPredictionJob_OutputConfig, error) {
	uri, err := bare(storage.Join(s.Output, outFolder))
	if err != nil {
		return nil, err
	}
	return &pb.BatchPredictionJob_OutputConfig{
		PredictionsFormat: jsonl,
		Destination:       &pb.BatchPredictionJob_OutputConfig_GcsDestination{GcsDestination: &pb.GcsDestination{OutputUriPrefix: uri}},
	}, nil
}

// mostReplicas bounds what a typing error can cost; the service's own bound is the
// project's quota.
const mostReplicas = 1000

// resources are the replicas. Batch prediction does not scale them: it starts so
// many, and ignores how many there might be.
func resources(m provider.Machine, c job.Compute) (*pb.BatchDedicatedResources, error) {
	n := max(c.Instances, 1)
	if n > mostReplicas {
		return nil, provider.Errorf(provider.Invalid, "compute.instances is %d; at most %d are asked for", n, mostReplicas)
	}
	out := &pb.BatchDedicatedResources{
		MachineSpec: &pb.MachineSpec{MachineType: m.Name}, StartingReplicaCount: int32(n), MaxReplicaCount: int32(n),
	}
	if m.GPUs > 0 {
		out.MachineSpec.AcceleratorType, out.MachineSpec.AcceleratorCount = accelerators()[m.GPU], int32(m.GPUs)
	}
	return out, nil
}

// jobLabels are the labels of the job and of the block, and which run it is.
func (b *Backend) jobLabels(s provider.Spec, name string) (map[string]string, error) {
	all := maps.Clone(b.config.Labels)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, s.Job.Labels)
	out, err := labels("labels", all)
	if err != nil {
		return nil, err
	}
	maps.Copy(out, map[string]string{
		attemptLabel: labelValue(name), runLabel: labelValue(s.Run), ownLabel + "ledger": labelValue(s.Ledger),
		ownLabel + "project": labelValue(s.Job.Project), ownLabel + "address": labelValue(s.Job.Address),
	})
	return out, checkLabels("labels", out)
}

// environment is the job's env and what the scorer is told.
func environment(s provider.Spec) ([]*pb.EnvVar, error) {
	env := map[string]string{}
	for name, value := range s.Job.Env {
		if strings.HasPrefix(name, ownVariable) || strings.HasPrefix(name, "AIP_") {
			return nil, provider.Errorf(provider.Invalid, "env: %s begins with a prefix that crossbatch or Vertex AI keeps for itself", name)
		}
		env[name] = literal(value)
	}
	if s.Job.Model.Artifact != "" {
		split, err := mapping.Split(s.Staged.Mapping)
		if errors.Is(err, mapping.ErrTooLarge) {
			uri, uerr := storage.WithoutQuery(s.Staged.MappingURI)
			split, err = map[string]string{mappingVariable: uri}, uerr
		}
		if err != nil {
			return nil, err
		}
		for name, value := range split {
			env[name] = literal(value)
		}
		if s.Budget > 0 {
			env[budgetVariable] = s.Budget.String()
		}
	}
	if err := checkVariables(env); err != nil {
		return nil, err
	}
	var out []*pb.EnvVar
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, &pb.EnvVar{Name: name, Value: env[name]})
	}
	return out, nil
}

// literal keeps the service from reading $(NAME) as the value of another variable.
// It reads $$ as $, as Kubernetes does.
func literal(value string) string {
	if strings.Contains(value, "$(") || strings.Contains(value, "$$") {
		return strings.ReplaceAll(value, "$", "$$")
	}
	return value
}
