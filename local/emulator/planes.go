package emulator

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/crossbatch/crossbatch/local/emulator/fault"
	"github.com/crossbatch/crossbatch/local/emulator/s3"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker"
	"github.com/crossbatch/crossbatch/local/emulator/vertex"
)

// openSageMaker answers for SageMaker and for CloudWatch Logs, whose operations
// have names of their own.
func openSageMaker(p place) (*running, error) {
	s, err := sagemaker.New(sagemaker.Options{Clock: p.clock, S3: p.endpointOf("s3"), Start: p.container.start, Disturb: disturbSageMaker(p.dice)})
	if err != nil {
		return nil, err
	}
	url := p.endpoint()
	return &running{
		Service: Service{
			Title: "Amazon SageMaker Batch Transform",
			Variables: []Variable{
				{Name: "AWS_ENDPOINT_URL_SAGEMAKER", Value: url},
				{Name: "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", Value: url},
			},
			Lines: []Line{
				{"crossbatch", fmt.Sprintf("provider \"sagemaker\": endpoint = %q", url)},
				{"aws CLI", "aws --endpoint-url " + url + " --region " + s3.DefaultRegion + " sagemaker list-transform-jobs"},
				{"Go SDK", fmt.Sprintf("sagemaker.NewFromConfig(cfg, func(o *sagemaker.Options) { o.BaseEndpoint = aws.String(%q) })", url)},
				{"boto3", fmt.Sprintf("boto3.client(\"sagemaker\", endpoint_url=%q)", url)},
			},
		},
		handler: s, close: s.Close,
	}, nil
}

// disturbSageMaker says faults as SageMaker and CloudWatch Logs do. Want of machines
// is seen there as a job that fails, some time after it was made.
func disturbSageMaker(d *fault.Dice) func(context.Context, sagemaker.Call) sagemaker.Disturbance {
	if d == nil {
		return nil
	}
	return func(_ context.Context, c sagemaker.Call) (out sagemaker.Disturbance) {
		call := fault.Call{Operation: c.Operation, Starts: c.Operation == "CreateTransformJob"}
		if c.After {
			out.Drop = d.After(call).Kind == fault.Lost
			return out
		}
		f := d.Before(call)
		out.Delay, out.Stale = f.Delay, f.Late
		switch f.Kind {
		case fault.Throttle:
			out.Status, out.Code, out.Message = http.StatusBadRequest, "ThrottlingException", "Rate exceeded"
		case fault.Error:
			out.Status, out.Code, out.Message = http.StatusInternalServerError, "InternalFailure", "We encountered an internal error. Please try again."
		case fault.Capacity:
			out.Fail = "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
		}
		return out
	}
}

// vertexProject is the one project that the emulated Vertex AI has.
const vertexProject = "emulated-project"

// openVertex answers for Vertex AI and for Cloud Logging, whose methods have names
// of their own. Containers find the emulated Cloud Storage as clients do.
func openVertex(p place) (*running, error) {
	objects := p.endpointOf("gcs")
	c := p.container.with("STORAGE_EMULATOR_HOST=" + strings.TrimPrefix(objects, "http://"))
	s, err := vertex.New(vertex.Options{Clock: p.clock, GCS: objects, Start: c.start, Project: vertexProject, Disturb: disturbVertex(p.dice)})
	if err != nil {
		return nil, err
	}
	url := p.endpoint()
	return &running{
		Service: Service{
			Title: "Google Vertex AI batch prediction",
			Lines: []Line{
				{"crossbatch", fmt.Sprintf("provider \"vertex\": endpoint = %q, project = %q", url, vertexProject)},
				{"Go SDK", fmt.Sprintf("aiplatform.NewJobClient(ctx, option.WithEndpoint(%q), option.WithoutAuthentication(), "+
					"option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))) // project %s", p.host, vertexProject)},
				{"Go REST", fmt.Sprintf("aiplatform.NewService(ctx, option.WithEndpoint(%q), option.WithoutAuthentication())", url+"/")},
				{"Python", fmt.Sprintf("aiplatform.init(project=%q, location=\"us-central1\", api_endpoint=%q, api_transport=\"rest\")", vertexProject, p.host)},
				{"gcloud CLI", "gcloud config set api_endpoint_overrides/aiplatform " + url + "/"},
			},
		},
		handler: s, protocols: vertex.Protocols(), close: s.Close,
	}, nil
}

// disturbVertex says faults as Vertex AI and Cloud Logging do. Want of machines is
// seen there as a job that fails, some time after it was made.
func disturbVertex(d *fault.Dice) func(context.Context, vertex.Call) vertex.Disturbance {
	if d == nil {
		return nil
	}
	return func(_ context.Context, c vertex.Call) (out vertex.Disturbance) {
		call := fault.Call{Operation: c.Operation, Starts: c.Operation == "CreateBatchPredictionJob"}
		if c.After {
			out.Drop = d.After(call).Kind == fault.Lost
			return out
		}
		f := d.Before(call)
		out.Delay, out.Stale = f.Delay, f.Late
		switch f.Kind {
		case fault.Throttle:
			out.Code, out.Message = codes.ResourceExhausted, "Quota exceeded for quota metric 'Resource management (CRUD) requests' and limit 'Resource management (CRUD) requests per minute per region'."
		case fault.Error:
			out.Code, out.Message = codes.Internal, "Internal error encountered."
		case fault.Capacity:
			out.Fail = "There are not enough resources available to fulfill the request. Please try again later."
		}
		return out
	}
}
