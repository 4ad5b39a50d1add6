package sagemaker

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

// model is a model that was created.
type model struct {
	place
	arn        string
	created    time.Time
	input      createModelInput
	members    map[string]json.RawMessage // as given
	definition []transform.Definition
}

type createModelInput struct {
	ModelName                string
	PrimaryContainer         *containerInput
	Containers               []containerInput
	InferenceExecutionConfig *struct{ Mode string }
	Tags                     []tag
}

type containerInput struct {
	ContainerHostname          string
	Image                      string
	Mode                       string
	ModelDataURL               string `json:"ModelDataUrl"`
	ModelDataSource            *struct{ S3DataSource *dataSource }
	AdditionalModelDataSources []struct {
		ChannelName  string
		S3DataSource dataSource
	}
	Environment      map[string]string
	ModelPackageName string
}

type dataSource struct {
	S3URI           string `json:"S3Uri"`
	S3DataType      string
	CompressionType string
	ManifestS3URI   string `json:"ManifestS3Uri"`
}

func (s *Server) arn(region, kind, name string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return fmt.Sprintf("arn:%s:sagemaker:%s:%s:%s/%s", partition, region, s.o.Account, kind, strings.ToLower(name))
}

func (s *Server) modelARN(region, name string) string { return s.arn(region, "model", name) }

func (s *Server) createModel(c *call) (any, error) {
	m := &model{created: s.now()}
	if err := c.into(&m.input); err != nil {
		return nil, err
	}
	if err := c.into(&m.members); err != nil {
		return nil, err
	}
	delete(m.members, "Tags")
	m.place = at(c.region, m.input.ModelName)
	m.arn = s.modelARN(c.region, m.name)
	var err error
	if m.definition, err = m.input.definitions(); err != nil {
		return nil, err
	}
	if err := checkTags(m.input.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if s.models[m.place] != nil {
		return nil, modelExists(m.arn)
	}
	s.models[m.place] = m
	s.tags[m.arn] = m.input.Tags
	return map[string]string{"ModelArn": m.arn}, nil
}

// definitions are the containers of a model, as far as they can be run here.
func (in createModelInput) definitions() ([]transform.Definition, error) {
	all := in.Containers
	switch {
	case in.PrimaryContainer != nil && len(all) > 0:
		return nil, invalid("You must specify either PrimaryContainer or Containers, not both.")
	case in.PrimaryContainer != nil:
		all = []containerInput{*in.PrimaryContainer}
	case len(all) == 0:
		return nil, invalid("You must specify PrimaryContainer or Containers.")
	case in.InferenceExecutionConfig != nil && in.InferenceExecutionConfig.Mode == "Direct":
		return nil, notEmulated("InferenceExecutionConfig with Mode Direct")
	}
	var out []transform.Definition
	for n, c := range all {
		d, err := c.definition()
		if err != nil {
			return nil, err
		}
		if len(all) > 1 {
			if d.Name = c.ContainerHostname; d.Name == "" {
				d.Name = fmt.Sprintf("container-%d", n+1)
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// definition is a container with what it finds below /opt/ml.
func (c containerInput) definition() (transform.Definition, error) {
	d := transform.Definition{Image: c.Image, Environment: c.Environment}
	switch {
	case c.ModelPackageName != "":
		return d, notEmulated("ModelPackageName")
	case c.Mode == "MultiModel":
		return d, notEmulated("Mode MultiModel")
	case c.Image == "":
		return d, invalid("A container must have an Image or a ModelPackageName.")
	case c.ModelDataURL != "" && c.ModelDataSource != nil:
		return d, invalid("You must specify either ModelDataUrl or ModelDataSource, not both.")
	case c.ModelDataURL != "":
		if !strings.HasPrefix(c.ModelDataURL, "s3://") {
			return d, notEmulated("A ModelDataUrl that is not s3://")
		}
		d.Data = append(d.Data, transform.Data{URI: c.ModelDataURL, Archive: true, Folder: "model"})
	case c.ModelDataSource != nil && c.ModelDataSource.S3DataSource == nil:
		return d, invalid("ModelDataSource must have an S3DataSource.")
	case c.ModelDataSource != nil:
		data, err := c.ModelDataSource.S3DataSource.data("model")
		if err != nil {
			return d, err
		}
		d.Data = append(d.Data, data)
	}
	seen := map[string]bool{}
	for _, more := range c.AdditionalModelDataSources {
		if seen[more.ChannelName] {
			return d, invalid("Two AdditionalModelDataSources have the ChannelName %s.", more.ChannelName)
		}
		seen[more.ChannelName] = true
		data, err := more.S3DataSource.data("additional-model-data-sources/" + more.ChannelName)
		if err != nil {
			return d, err
		}
		d.Data = append(d.Data, data)
	}
	return d, nil
}

func (d dataSource) data(folder string) (transform.Data, error) {
	out := transform.Data{URI: d.S3URI, Prefix: d.S3DataType == "S3Prefix", Archive: d.CompressionType == "Gzip", Folder: folder}
	switch {
	case d.ManifestS3URI != "":
		return out, notEmulated("ManifestS3Uri of model data")
	case !strings.HasPrefix(d.S3URI, "s3://"):
		return out, invalid("The S3Uri %s of model data must begin with s3://.", d.S3URI)
	case out.Prefix && out.Archive:
		return out, invalid("CompressionType Gzip of model data goes with S3DataType S3Object only.")
	case out.Prefix && !strings.HasSuffix(d.S3URI, "/"):
		return out, invalid("The S3Uri %s of model data with S3DataType S3Prefix must end with a forward slash.", d.S3URI)
	}
	return out, nil
}

type modelName struct{ ModelName string }

// findModel is called under the lock.
func (s *Server) findModel(region, name string) (*model, error) {
	if m := s.models[at(region, name)]; m != nil {
		return m, nil
	}
	return nil, noModel(s.modelARN(region, name))
}

func (s *Server) describeModel(c *call) (any, error) {
	var in modelName
	if err := c.into(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.findModel(c.region, in.ModelName)
	if err != nil {
		return nil, err
	}
	out := described(m.members)
	out["ModelArn"], out["CreationTime"] = m.arn, epoch(m.created)
	if !s.o.Uncertain.DefaultsUnsaid && out["EnableNetworkIsolation"] == nil {
		out["EnableNetworkIsolation"] = false
	}
	return out, nil
}

func (s *Server) deleteModel(c *call) (any, error) {
	var in modelName
	if err := c.into(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.findModel(c.region, in.ModelName)
	if err != nil {
		return nil, err
	}
	delete(s.models, m.place)
	delete(s.tags, m.arn)
	return nil, nil
}

// described is what was given, to be given back with more.
func described(given map[string]json.RawMessage) map[string]any {
	out := map[string]any{}
	for name, v := range given {
		out[name] = v
	}
	return out
}
