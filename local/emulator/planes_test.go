package emulator

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/crossbatch/crossbatch/local/emulator/fault"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker"
	"github.com/crossbatch/crossbatch/local/emulator/vertex"
)

// Each fault is said as its service says it.
func TestFaultsOfSageMaker(t *testing.T) {
	create, list := sagemaker.Call{Operation: "CreateTransformJob"}, sagemaker.Call{Operation: "ListTransformJobs"}
	after := func(c sagemaker.Call) sagemaker.Call { c.After = true; return c }
	for _, c := range []struct {
		spec fault.Spec
		call sagemaker.Call
		want sagemaker.Disturbance
	}{
		{fault.Spec{Throttle: 1}, list, sagemaker.Disturbance{Status: 400, Code: "ThrottlingException", Message: "Rate exceeded"}},
		{fault.Spec{Error: 1}, list, sagemaker.Disturbance{Status: 500, Code: "InternalFailure", Message: "We encountered an internal error. Please try again."}},
		{fault.Spec{Lost: 1}, create, sagemaker.Disturbance{}},
		{fault.Spec{Lost: 1}, after(create), sagemaker.Disturbance{Drop: true}},
		{fault.Spec{Late: time.Minute, Delay: time.Second}, list, sagemaker.Disturbance{Stale: time.Minute, Delay: time.Second}},
		{fault.Spec{Late: time.Minute, Delay: time.Second}, after(list), sagemaker.Disturbance{}},
		{fault.Spec{Capacity: 1}, list, sagemaker.Disturbance{}},
	} {
		if got := disturbSageMaker(fault.For("sagemaker", []fault.Spec{c.spec}))(t.Context(), c.call); got != c.want {
			t.Errorf("%s does %+v to %s, want %+v", c.spec, got, c.call.Operation, c.want)
		}
	}
	got := disturbSageMaker(fault.For("sagemaker", []fault.Spec{{Capacity: 1}}))(t.Context(), create)
	if got.Status != 0 || !strings.HasPrefix(got.Fail, "CapacityError: ") {
		t.Errorf("a job without machines: %+v", got)
	}
	if disturbSageMaker(fault.For("sagemaker", []fault.Spec{{Service: "other", Lost: 1}})) != nil {
		t.Error("another service's faults are taken")
	}
}

// As SageMaker's.
func TestFaultsOfVertex(t *testing.T) {
	create, list := vertex.Call{Operation: "CreateBatchPredictionJob"}, vertex.Call{Operation: "ListBatchPredictionJobs"}
	after := func(c vertex.Call) vertex.Call { c.After = true; return c }
	for _, c := range []struct {
		spec fault.Spec
		call vertex.Call
		code codes.Code
		want vertex.Disturbance
	}{
		{fault.Spec{Throttle: 1}, create, codes.ResourceExhausted, vertex.Disturbance{}},
		{fault.Spec{Error: 1}, list, codes.Internal, vertex.Disturbance{}},
		{fault.Spec{Lost: 1}, create, codes.OK, vertex.Disturbance{}},
		{fault.Spec{Lost: 1}, after(create), codes.OK, vertex.Disturbance{Drop: true}},
		{fault.Spec{Late: time.Minute, Delay: time.Second}, create, codes.OK, vertex.Disturbance{Stale: time.Minute, Delay: time.Second}},
		{fault.Spec{Late: time.Minute}, after(list), codes.OK, vertex.Disturbance{}},
	} {
		got := disturbVertex(fault.For("vertex", []fault.Spec{c.spec}))(t.Context(), c.call)
		if got.Code != c.code || (got.Message == "") != (c.code == codes.OK) {
			t.Errorf("%s does %+v to %s", c.spec, got, c.call.Operation)
		}
		if got.Code, got.Message = codes.OK, ""; got != c.want {
			t.Errorf("%s does %+v to %s, want %+v", c.spec, got, c.call.Operation, c.want)
		}
	}
	if got := disturbVertex(fault.For("vertex", []fault.Spec{{Capacity: 1}}))(t.Context(), create); got.Code != codes.OK || got.Fail == "" {
		t.Errorf("a job without machines: %+v", got)
	}
	if disturbVertex(fault.For("vertex", []fault.Spec{{Service: "other", Lost: 1}})) != nil {
		t.Error("another service's faults are taken")
	}
}

func TestFaultsOfNoService(t *testing.T) {
	o := Options{Faults: []fault.Spec{{Service: "s3", Lost: 1}}, Container: Container{Path: "/bin/true"}}
	_, err := Start(t.Context(), o)
	if err == nil || err.Error() != `faults of "s3": no such service has faults; there are sagemaker, vertex` {
		t.Errorf("%v", err)
	}
}
