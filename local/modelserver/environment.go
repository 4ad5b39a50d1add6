package modelserver

import (
	"strconv"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
)

// The variables that set a server up, besides those that the services set.
const (
	ModelVariable   = "CROSSBATCH_MODEL"   // a file or folder, or the URI of a folder of objects
	MappingVariable = "CROSSBATCH_MAPPING" // a file or the URI of an object
	BudgetVariable  = "CROSSBATCH_BUDGET"  // such as 2h30m
)

// SageMakerModel is the folder into which SageMaker puts the model.
const SageMakerModel = "/opt/ml/model"

// Environment is what a container is told by its service, and by who made its job.
// Zero values say nothing.
type Environment struct {
	Model   string // path or URI
	Mapping string // path or URI
	Scorer  []byte // the mapping itself
	Port    string

	HealthRoute, PredictRoute string

	Concurrency int
	MaxPayload  int64
	Strategy    string
	Budget      time.Duration
}

// ReadEnvironment reads the environment of SageMaker, Vertex AI and crossbatch.
// Errors are provider.Invalid and name the variable.
func ReadEnvironment(getenv func(string) string) (Environment, error) {
	e := Environment{
		Model: getenv(ModelVariable), Mapping: getenv(MappingVariable),
		Port: getenv("AIP_HTTP_PORT"), HealthRoute: getenv("AIP_HEALTH_ROUTE"), PredictRoute: getenv("AIP_PREDICT_ROUTE"),
		Strategy: getenv("SAGEMAKER_BATCH_STRATEGY"),
	}
	if e.Model == "" {
		e.Model = getenv("AIP_STORAGE_URI")
	}
	var err error
	if e.Scorer, err = mapping.Join(getenv); err != nil {
		return e, invalidMapping(err)
	}
	if e.Scorer != nil && e.Mapping != "" {
		return e, provider.Errorf(provider.Invalid, "%s and %s0 are both set: one of them says how records feed the model", MappingVariable, mapping.VariablePrefix)
	}
	if e.Port != "" {
		if n, err := strconv.ParseUint(e.Port, 10, 16); err != nil || n == 0 {
			return e, provider.Errorf(provider.Invalid, "AIP_HTTP_PORT is %q: it is no port", e.Port)
		}
	}
	for name, route := range map[string]string{"AIP_HEALTH_ROUTE": e.HealthRoute, "AIP_PREDICT_ROUTE": e.PredictRoute} {
		if route != "" && route[0] != '/' {
			return e, provider.Errorf(provider.Invalid, "%s is %q: a route begins with a slash", name, route)
		}
	}
	n, err := count(getenv, "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS") // 0: the service asks /execution-parameters
	if err != nil {
		return e, err
	}
	e.Concurrency = int(n)
	if n, err = count(getenv, "SAGEMAKER_MAX_PAYLOAD_IN_MB"); err != nil { // 0: the service has no limit, we have ours
		return e, err
	}
	e.MaxPayload = n * job.MiB
	if b := getenv(BudgetVariable); b != "" {
		if e.Budget, err = time.ParseDuration(b); err != nil || e.Budget <= 0 {
			return e, provider.Errorf(provider.Invalid, "%s is %q: write a duration such as 2h30m", BudgetVariable, b)
		}
	}
	return e, nil
}

func count(getenv func(string) string, name string) (int64, error) {
	text := getenv(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, provider.Errorf(provider.Invalid, "%s is %q: it is no number of 0 to 65535", name, text)
	}
	return int64(n), nil
}
