package emulator

import (
	"context"
	"fmt"
	"net/http"

	"github.com/crossbatch/crossbatch/local/emulator/fault"
	"github.com/crossbatch/crossbatch/local/emulator/s3"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker"
)

// openSageMaker answers for SageMaker and for CloudWatch Logs, whose operations
// have names of their own.
func openSageMaker(p place) (*running, error) {
	s, err := sagemaker.New(sagemaker.Options{Clock: p.clock, S3: p.s3, Start: p.container.start, Disturb: disturbSageMaker(p.dice)})
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
