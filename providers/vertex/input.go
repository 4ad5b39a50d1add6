package vertex

import (
	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"

	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
)

// jsonl is the format of input and output, as the service calls it.
const jsonl = "jsonl"

// input is what a job reads: all that was staged, or the objects that are left to
// be scored.
func input(s provider.Spec) (*pb.BatchPredictionJob_InputConfig, error) {
	if s.Staged.Input == "" {
		return nil, provider.Errorf(provider.Invalid, "the input is not staged: Vertex AI could not say which record an answer is of")
	}
	var uris []string
	if s.Attempt == 1 {
		folder, err := bare(s.Staged.Input)
		if err != nil {
			return nil, err
		}
		uris = append(uris, folder+"*")
	} else {
		for _, e := range s.Staged.Entries {
			uri, err := bare(e.URI)
			if err != nil {
				return nil, err
			}
			uris = append(uris, uri)
		}
	}
	return &pb.BatchPredictionJob_InputConfig{
		InstancesFormat: jsonl,
		Source:          &pb.BatchPredictionJob_InputConfig_GcsSource{GcsSource: &pb.GcsSource{Uris: uris}},
	}, nil
}

// instances says that each line is a record, and which of its fields names it: the
// model does not see that one, and the answer carries it.
func instances() *pb.BatchPredictionJob_InstanceConfig {
	return &pb.BatchPredictionJob_InstanceConfig{InstanceType: "object", KeyField: mapping.IdentityField}
}
