package emulator

import (
	"fmt"

	"github.com/crossbatch/crossbatch/local/emulator/s3"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker"
)

// openSageMaker answers for SageMaker and for CloudWatch Logs, whose operations
// have names of their own.
func openSageMaker(p place) (*running, error) {
	s, err := sagemaker.New(sagemaker.Options{Clock: p.clock, S3: p.s3, Start: p.container.start})
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
