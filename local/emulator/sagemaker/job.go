package sagemaker

import (
	"encoding/json"
	"time"

	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

// The states of a job.
const (
	inProgress = "InProgress"
	completed  = "Completed"
	failed     = "Failed"
	stopping   = "Stopping"
	stopped    = "Stopped"
)

// job is a transform job. There is no way to delete one.
type job struct {
	place
	arn     string
	input   createJobInput
	members map[string]json.RawMessage // as given
	stop    func()                     // ends the work; several calls are as one
	fail    string                     // why it fails instead of running

	created, started, ended time.Time
	changes                 []change // of the state, oldest first
}

// change is a state that a job came into.
type change struct {
	at     time.Time
	status string
	reason string
	ended  time.Time
}

// state is the one that the job is in.
func (j *job) state() change { return j.changes[len(j.changes)-1] }

// stateAt is the one that it was in; ok is false before it was made.
func (j *job) stateAt(t time.Time) (c change, ok bool) {
	for _, next := range j.changes {
		if next.at.After(t) {
			break
		}
		c, ok = next, true
	}
	return c, ok
}

func (c change) over() bool {
	return c.status == completed || c.status == failed || c.status == stopped
}

// become is called under the lock.
func (s *Server) become(j *job, status, reason string) {
	c := change{at: s.now(), status: status, reason: reason}
	if c.over() {
		c.ended, j.ended = c.at, c.at
	}
	j.changes = append(j.changes, c)
}

type createJobInput struct {
	TransformJobName        string
	ModelName               string
	MaxConcurrentTransforms *int
	MaxPayloadInMB          *int
	BatchStrategy           string
	ModelClientConfig       struct {
		InvocationsTimeoutInSeconds *int
		InvocationsMaxRetries       *int
	}
	Environment    map[string]string
	TransformInput struct {
		DataSource struct {
			S3DataSource struct {
				S3DataType string
				S3URI      string `json:"S3Uri"`
			}
		}
		ContentType, CompressionType, SplitType string
	}
	TransformOutput struct {
		S3OutputPath, Accept, AssembleWith, KmsKeyID string
	}
	TransformResources struct {
		InstanceType   string
		InstanceCount  int
		VolumeKmsKeyID string
	}
	DataProcessing struct {
		InputFilter, OutputFilter, JoinSource string
	}
	DataCaptureConfig *struct{}
	Tags              []tag
}

func (s *Server) jobARN(region, name string) string { return s.arn(region, "transform-job", name) }

func (s *Server) createTransformJob(c *call) (any, error) {
	j := &job{created: s.now(), fail: c.fail}
	if err := c.into(&j.input); err != nil {
		return nil, err
	}
	if err := c.into(&j.members); err != nil {
		return nil, err
	}
	delete(j.members, "Tags")
	j.place = at(c.region, j.input.TransformJobName)
	j.arn = s.jobARN(c.region, j.name)
	task, err := j.input.task(c.region)
	if err != nil {
		return nil, err
	}
	if err := checkTags(j.input.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if s.jobs[j.place] != nil {
		return nil, jobExists(s.jobs[j.place].arn)
	}
	m, err := s.findModel(c.region, j.input.ModelName)
	if err != nil {
		return nil, err
	}
	if err := s.checkQuota(j); err != nil {
		return nil, err
	}
	task.Definitions = m.definition
	s.become(j, inProgress, "")
	s.jobs[j.place] = j
	s.tags[j.arn] = j.input.Tags
	s.begin(j, task)
	return map[string]string{"TransformJobArn": j.arn}, nil
}

// checkQuota is called under the lock.
func (s *Server) checkQuota(j *job) error {
	want := j.input.TransformResources
	limit, ok := s.o.Quotas[want.InstanceType]
	if !ok {
		return nil
	}
	used := 0
	for _, other := range s.jobs {
		if r := other.input.TransformResources; other.region == j.region && r.InstanceType == want.InstanceType && !other.state().over() {
			used += r.InstanceCount
		}
	}
	if used+want.InstanceCount > limit {
		return overQuota(want.InstanceType, limit, used, want.InstanceCount)
	}
	return nil
}

type jobName struct{ TransformJobName string }

// findJob is called under the lock.
func (s *Server) findJob(c *call, message string) (*job, error) {
	var in jobName
	if err := c.into(&in); err != nil {
		return nil, err
	}
	if j := s.jobs[at(c.region, in.TransformJobName)]; j != nil {
		return j, nil
	}
	return nil, s.noJob(message + in.TransformJobName)
}

func (s *Server) describeTransformJob(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.findJob(c, "Could not find requested job with name: ")
	if err != nil {
		return nil, err
	}
	out := described(j.members)
	if !s.o.Uncertain.DefaultsUnsaid {
		if err := j.input.defaults(j.members, out); err != nil {
			return nil, err
		}
	}
	out["TransformJobArn"], out["TransformJobStatus"], out["CreationTime"] = j.arn, j.state().status, epoch(j.created)
	if reason := j.state().reason; reason != "" {
		out["FailureReason"] = reason
	}
	if !j.started.IsZero() {
		out["TransformStartTime"] = epoch(j.started)
	}
	if !j.ended.IsZero() {
		out["TransformEndTime"] = epoch(j.ended)
	}
	return out, nil
}

// defaults fills in what Describe says where Create was told nothing, as responses
// in notebooks of users show.
func (in createJobInput) defaults(given map[string]json.RawMessage, out map[string]any) error {
	for name, defaults := range map[string]map[string]any{
		"TransformInput":  {"CompressionType": transform.None, "SplitType": transform.None},
		"TransformOutput": {"AssembleWith": transform.None, "KmsKeyId": ""},
		"DataProcessing":  {"InputFilter": "$", "OutputFilter": "$", "JoinSource": transform.None},
	} {
		var own map[string]any
		if text, ok := given[name]; ok {
			if err := json.Unmarshal(text, &own); err != nil {
				return err
			}
		} else {
			own = map[string]any{}
		}
		for member, v := range defaults {
			if _, ok := own[member]; !ok {
				own[member] = v
			}
		}
		out[name] = own
	}
	return nil
}

func (s *Server) stopTransformJob(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.findJob(c, "Could not find job to update with name ")
	if err != nil {
		return nil, err
	}
	switch state := j.state(); {
	case state.over():
		return nil, invalid("The request was rejected because the transform job is in status %s", state.status)
	case state.status == inProgress:
		s.become(j, stopping, "")
		if !s.o.Uncertain.StopComesLate {
			j.stop()
		}
	}
	return nil, nil
}
