package vertex

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/crossbatch/crossbatch/local/emulator/vertex/filter"
)

const modelKind = "models"

// AddModel registers a model, as UploadModel would, and gives its name. The id is the
// last part of its Name, else one of the service's own. Its only version is 1.
func (s *Server) AddModel(location string, m *aiplatformpb.Model) (name string, err error) {
	if !locationForm.MatchString(location) {
		return "", errors.New("vertex: the location of a model is a region, such as us-central1")
	}
	var v violations
	v.text("model.display_name", m.GetDisplayName(), maxDisplayName)
	v.labels("model.labels", m.GetLabels())
	v.artifact("model.artifact_uri", m.GetArtifactUri())
	v.container("model.container_spec", m.GetContainerSpec(), location)
	if err := v.err(); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := place{location, m.GetName()[strings.LastIndexByte(m.GetName(), '/')+1:]}
	if at.id == "" {
		at.id = s.newID()
	}
	m = proto.CloneOf(m)
	m.Name, m.VersionId, m.VersionAliases = s.name(modelKind, at), "1", append(m.GetVersionAliases(), "default")
	now := timestamppb.New(s.now())
	m.CreateTime, m.UpdateTime, m.VersionCreateTime, m.VersionUpdateTime = now, now, now, now
	s.models[at] = m
	return m.Name, nil
}

// model finds one by its name, in which a version or its alias may stand behind an
// @. It is called under the lock.
func (s *Server) model(name string) (*aiplatformpb.Model, error) {
	bare, version, versioned := strings.Cut(name, "@")
	at, err := s.find(bare, modelKind)
	if err != nil {
		return nil, err
	}
	m := s.models[at]
	if m == nil || versioned && version != m.GetVersionId() && !slices.Contains(m.GetVersionAliases(), version) {
		return nil, absent(name)
	}
	return m, nil
}

// modelOf is the model of a job. One that is not registered has no name. It is called
// under the lock.
func (s *Server) modelOf(spec *aiplatformpb.BatchPredictionJob, location string) (*aiplatformpb.Model, error) {
	if u := spec.GetUnmanagedContainerModel(); u != nil {
		return &aiplatformpb.Model{ArtifactUri: u.GetArtifactUri(), ContainerSpec: u.GetContainerSpec()}, nil
	}
	m, err := s.model(spec.GetModel())
	if err != nil {
		return nil, err
	}
	for supported, given := range map[*[]string]string{
		&m.SupportedInputStorageFormats: spec.GetInputConfig().GetInstancesFormat(), &m.SupportedOutputStorageFormats: spec.GetOutputConfig().GetPredictionsFormat(),
	} {
		if len(*supported) > 0 && !slices.Contains(*supported, given) {
			return nil, invalid("The model %s does not support the format %s, but %s.", m.GetName(), given, strings.Join(*supported, ", "))
		}
	}
	return m, nil
}

// modelService is the part of ModelService that reads.
type modelService struct {
	aiplatformpb.UnimplementedModelServiceServer
	*Server
}

// GetModel shows a model.
func (s *modelService) GetModel(_ context.Context, in *aiplatformpb.GetModelRequest) (*aiplatformpb.Model, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.model(in.GetName())
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(m), nil
}

// ListModels lists the models of a location, the newest first.
func (s *modelService) ListModels(ctx context.Context, in *aiplatformpb.ListModelsRequest) (*aiplatformpb.ListModelsResponse, error) {
	location, err := s.location(in.GetParent())
	if err != nil {
		return nil, err
	}
	f, err := readFilter(in.GetFilter(), modelFields)
	if err != nil {
		return nil, err
	}
	if in.GetOrderBy() != "" {
		return nil, invalid("An order of models is not emulated here; the service accepts it.")
	}
	seen := s.seen(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []*aiplatformpb.Model
	for at, m := range s.models {
		if at.location == location && !m.GetCreateTime().AsTime().After(seen) && f.Match(func(c filter.Comparison) bool { return modelHolds(c, m) }) {
			items = append(items, m)
		}
	}
	p := pager{in.GetPageSize(), in.GetPageToken(), in.GetParent() + "\n" + in.GetFilter()}
	items, next, err := page(p, items, func(m *aiplatformpb.Model) mark { return markOf(m.GetCreateTime(), m.GetName()) })
	if err != nil {
		return nil, err
	}
	out := &aiplatformpb.ListModelsResponse{NextPageToken: next}
	for _, m := range items {
		masked, err := mask(proto.CloneOf(m), in.GetReadMask())
		if err != nil {
			return nil, err
		}
		out.Models = append(out.Models, masked)
	}
	return out, nil
}

var modelFields = fields{"model": {"=", "!="}, "display_name": {"=", "!="}, labelsField: {"=", "!=", ":"}}

func modelHolds(c filter.Comparison, m *aiplatformpb.Model) bool {
	switch c.Field {
	case "model":
		return (cmp.Compare(m.GetName()[strings.LastIndexByte(m.GetName(), '/')+1:], c.Value) == 0) == (c.Op == "=")
	case "display_name":
		return (m.GetDisplayName() == c.Value) == (c.Op == "=")
	}
	return labelHolds(c, m.GetLabels())
}
