package emulator

import (
	"fmt"
	"strings"

	"github.com/crossbatch/crossbatch/local/emulator/s3"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker"
	"github.com/crossbatch/crossbatch/local/emulator/vertex"
)

// openSageMaker answers for SageMaker and for CloudWatch Logs, whose operations
// have names of their own.
func openSageMaker(p place) (*running, error) {
	s, err := sagemaker.New(sagemaker.Options{Clock: p.clock, S3: p.endpointOf("s3"), Start: p.container.start})
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
				{"aws CLI", "aws --endpoint-url " + url + " --region " + s3.DefaultRegion + " sagemaker list-transform-jobs"},
				{"Go SDK", fmt.Sprintf("sagemaker.NewFromConfig(cfg, func(o *sagemaker.Options) { o.BaseEndpoint = aws.String(%q) })", url)},
				{"boto3", fmt.Sprintf("boto3.client(\"sagemaker\", endpoint_url=%q)", url)},
			},
		},
		handler: s, close: s.Close,
	}, nil
}

// vertexProject is the one project that the emulated Vertex AI has.
const vertexProject = "emulated-project"

// openVertex answers for Vertex AI and for Cloud Logging, whose methods have names
// of their own. Containers find the emulated Cloud Storage as clients do.
func openVertex(p place) (*running, error) {
	objects := p.endpointOf("gcs")
	c := p.container.with("STORAGE_EMULATOR_HOST=" + strings.TrimPrefix(objects, "http://"))
	s, err := vertex.New(vertex.Options{Clock: p.clock, GCS: objects, Start: c.start, Project: vertexProject})
	if err != nil {
		return nil, err
	}
	url := p.endpoint()
	return &running{
		Service: Service{
			Title: "Google Vertex AI batch prediction",
			Lines: []Line{
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
