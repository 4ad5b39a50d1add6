package vertex

import (
	"fmt"
	"regexp"
	"strings"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
)

var (
	modelForm    = regexp.MustCompile(`^projects/[^/]+/locations/([^/]+)/models/[^/@]+(@[^/@]+)?$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	imageForm    = regexp.MustCompile(`^([a-z0-9-]+)-docker\.pkg\.dev/[^/\s]+/[^/\s]+/\S+$`)
)

// model checks which model a job has: a registered one or a container.
func (v *violations) model(j *aiplatformpb.BatchPredictionJob, location string) {
	const field = "batch_prediction_job.model"
	unmanaged := j.GetUnmanagedContainerModel()
	switch {
	case (j.GetModel() == "") == (unmanaged == nil):
		v.add(field, "Exactly one of model and unmanaged_container_model must be set.")
	case unmanaged != nil:
		v.artifact("batch_prediction_job.unmanaged_container_model.artifact_uri", unmanaged.GetArtifactUri())
		v.container("batch_prediction_job.unmanaged_container_model.container_spec", unmanaged.GetContainerSpec(), location)
	case strings.HasPrefix(j.GetModel(), "publishers/") || strings.Contains(j.GetModel(), "/publishers/"):
		v.notEmulated(field, "A publisher's model")
	default:
		name := modelForm.FindStringSubmatch(j.GetModel())
		switch {
		case name == nil:
			v.add(field, "%q is not of the form projects/PROJECT/locations/LOCATION/models/MODEL[@VERSION].", j.GetModel())
		case name[1] != location:
			v.add(field, "The model is in %s; it must be in the location of the job, %s.", name[1], location)
		}
	}
}

func (v *violations) artifact(field, uri string) {
	if uri != "" {
		v.uri(field, uri)
	}
}

// container checks a container:
// https://docs.cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
func (v *violations) container(field string, c *aiplatformpb.ModelContainerSpec, location string) {
	if c == nil {
		v.required(field)
		return
	}
	v.image(field+".image_uri", c.GetImageUri(), location)
	if len(c.GetCommand()) > 0 && c.GetCommand()[0] == "" {
		v.add(field+".command", "The first of the command is empty.")
	}
	for n, e := range c.GetEnv() {
		at := fmt.Sprintf("%s.env[%d].name", field, n)
		switch {
		case !variableForm.MatchString(e.GetName()):
			v.add(at, "%q is not a valid C identifier.", e.GetName())
		case strings.HasPrefix(e.GetName(), "AIP_"):
			v.add(at, "%q begins with AIP_, which is reserved for the service.", e.GetName())
		}
	}
	for n, p := range c.GetPorts() {
		if p.GetContainerPort() < 1 || p.GetContainerPort() > 65535 {
			v.add(fmt.Sprintf("%s.ports[%d].container_port", field, n), "%d is no port.", p.GetContainerPort())
		}
	}
	for name, route := range map[string]string{"predict_route": c.GetPredictRoute(), "health_route": c.GetHealthRoute()} {
		if route != "" && !strings.HasPrefix(route, "/") {
			v.add(field+"."+name, "%q does not begin with a slash.", route)
		}
	}
	if d := c.GetDeploymentTimeout(); d != nil && (!d.IsValid() || d.AsDuration() <= 0 || d.AsDuration() > maxDeployment) {
		v.add(field+".deployment_timeout", "It must be positive, and at most %v.", maxDeployment)
	}
	if len(c.GetGrpcPorts()) > 0 || c.GetInvokeRoutePrefix() != "" {
		v.notEmulated(field+".grpc_ports", "A container that is not asked by its predict_route")
	}
}

// image wants a repository of Artifact Registry in the job's region, or in the
// multi-region around it, where the service's own images are.
func (v *violations) image(field, uri, location string) {
	if uri == "" {
		v.required(field)
		return
	}
	found := imageForm.FindStringSubmatch(uri)
	switch {
	case found == nil:
		v.add(field, "%q is not in Artifact Registry: want %s-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE.", uri, location)
	case found[1] != location && !strings.HasPrefix(location, found[1]+"-"):
		v.add(field, "The repository of %q is in %s; it must be in the region of the job, %s.", uri, found[1], location)
	}
}
