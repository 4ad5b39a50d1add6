package vertex

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/crossbatch/crossbatch/local/emulator/vertex/predict"
)

// What the service demands of a job, as far as its documents say. Texts are mostly
// ours, in the form that the service gives them.
const (
	maxDisplayName = 128
	maxLabel       = 64 // characters of a key or a value
	maxLabels      = 64
	maxDeployment  = 2 * time.Hour
)

// violations are what is wrong with a request, field by field.
type violations []*errdetails.BadRequest_FieldViolation

func (v *violations) add(field, format string, args ...any) {
	*v = append(*v, &errdetails.BadRequest_FieldViolation{Field: field, Description: fmt.Sprintf(format, args...)})
}

func (v *violations) required(field string) { v.add(field, "Required field is not set.") }

// notEmulated refuses what the service would do and this emulator does not.
func (v *violations) notEmulated(field, what string) {
	v.add(field, "%s is not emulated here; the service accepts it.", what)
}

// err is all of them as the service puts it; nil when there are none.
func (v violations) err() error {
	if len(v) == 0 {
		return nil
	}
	var text strings.Builder
	text.WriteString("List of found errors:\t")
	for n, one := range v {
		fmt.Fprintf(&text, "%d.Field: %s; Message: %s\t", n+1, one.GetField(), one.GetDescription())
	}
	out := status.New(codes.InvalidArgument, text.String())
	if detailed, err := out.WithDetails(&errdetails.BadRequest{FieldViolations: v}); err == nil {
		out = detailed
	}
	return out.Err()
}

// check holds a job against the rules.
func check(j *aiplatformpb.BatchPredictionJob, location string) error {
	var v violations
	if j == nil {
		v.required("batch_prediction_job")
		return v.err()
	}
	v.text("batch_prediction_job.display_name", j.GetDisplayName(), maxDisplayName)
	v.labels("batch_prediction_job.labels", j.GetLabels())
	v.model(j, location)
	v.input(j)
	v.output(j)
	v.instances(j.GetInstanceConfig())
	v.resources(j)
	v.others(j, location)
	return v.err()
}

func (v *violations) text(field, value string, most int) {
	switch n := utf8.RuneCountInString(value); {
	case n == 0:
		v.required(field)
	case n > most:
		v.add(field, "It has %d characters; at most %d are allowed.", n, most)
	}
}

// labels: https://docs.cloud.google.com/resource-manager/docs/labels-overview
func (v *violations) labels(field string, labels map[string]string) {
	if len(labels) > maxLabels {
		v.add(field, "There are %d labels; at most %d are allowed.", len(labels), maxLabels)
	}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		first, _ := utf8.DecodeRuneInString(key)
		switch {
		case !unicode.IsLetter(first):
			v.add(field, "Label key %q does not begin with a lowercase letter.", key)
		case !labelText(key):
			v.add(field, "Label key %q may have at most %d lowercase letters, digits, underscores and dashes.", key, maxLabel)
		case !labelText(labels[key]):
			v.add(field, "Label value %q of %q may have at most %d lowercase letters, digits, underscores and dashes.", labels[key], key, maxLabel)
		}
	}
}

func labelText(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxLabel && !strings.ContainsFunc(s, func(c rune) bool {
		letter := unicode.IsLetter(c) && !unicode.IsUpper(c) && !unicode.IsTitle(c) || unicode.IsMark(c)
		return !letter && !unicode.IsDigit(c) && c != '_' && c != '-'
	})
}

func (v *violations) uri(field, uri string) {
	if _, _, ok := predict.SplitURI(uri); !ok {
		v.add(field, "%q is not a Cloud Storage URI of the form gs://BUCKET/PATH.", uri)
	}
}

// Formats that the service knows. One alone is run here.
var (
	inputFormats  = []string{"jsonl", "csv", "bigquery", "tf-record", "tf-record-gzip", "file-list"}
	outputFormats = []string{"jsonl", "csv", "bigquery"}
)

func (v *violations) format(field, format string, known []string) {
	switch {
	case format == "":
		v.required(field)
	case !slices.Contains(known, format):
		v.add(field, "Format %q is not one of %s.", format, strings.Join(known, ", "))
	case format != "jsonl":
		v.notEmulated(field, "Format "+format)
	}
}

func (v *violations) input(j *aiplatformpb.BatchPredictionJob) {
	const field = "batch_prediction_job.input_config"
	in := j.GetInputConfig()
	if in == nil {
		v.required(field)
		return
	}
	v.format(field+".instances_format", in.GetInstancesFormat(), inputFormats)
	switch source := in.GetSource().(type) {
	case nil:
		v.required(field + ".source")
	case *aiplatformpb.BatchPredictionJob_InputConfig_GcsSource:
		if len(source.GcsSource.GetUris()) == 0 {
			v.required(field + ".gcs_source.uris")
		}
		for n, uri := range source.GcsSource.GetUris() {
			at := fmt.Sprintf("%s.gcs_source.uris[%d]", field, n)
			v.uri(at, uri)
			if _, key, ok := predict.SplitURI(uri); ok && key == "" {
				v.add(at, "%q names no object.", uri)
			}
		}
	default:
		v.notEmulated(field+".source", "A source other than gcs_source")
	}
}

func (v *violations) output(j *aiplatformpb.BatchPredictionJob) {
	const field = "batch_prediction_job.output_config"
	out := j.GetOutputConfig()
	if out == nil {
		v.required(field)
		return
	}
	v.format(field+".predictions_format", out.GetPredictionsFormat(), outputFormats)
	switch to := out.GetDestination().(type) {
	case nil:
		v.required(field + ".destination")
	case *aiplatformpb.BatchPredictionJob_OutputConfig_GcsDestination:
		v.uri(field+".gcs_destination.output_uri_prefix", to.GcsDestination.GetOutputUriPrefix())
	default:
		v.notEmulated(field+".destination", "A destination other than gcs_destination")
	}
}

func (v *violations) instances(c *aiplatformpb.BatchPredictionJob_InstanceConfig) {
	const field = "batch_prediction_job.instance_config"
	if t := c.GetInstanceType(); t != "" && t != predict.Object && t != predict.Array {
		v.add(field+".instance_type", "Instance type %q is neither object nor array.", t)
	}
	if len(c.GetIncludedFields()) > 0 && len(c.GetExcludedFields()) > 0 {
		v.add(field+".excluded_fields", "It must be empty when included_fields is populated.")
	}
	for name, list := range map[string][]string{"included_fields": c.GetIncludedFields(), "excluded_fields": c.GetExcludedFields()} {
		seen := map[string]bool{}
		for _, f := range list {
			if f == "" || seen[f] {
				v.add(field+"."+name, "The field %q is empty or there twice.", f)
			}
			seen[f] = true
		}
	}
}

func (v *violations) resources(j *aiplatformpb.BatchPredictionJob) {
	const field = "batch_prediction_job.dedicated_resources"
	r := j.GetDedicatedResources()
	if r == nil {
		v.required(field)
		return
	}
	if r.GetMachineSpec() == nil {
		v.required(machineField)
	} else {
		v.machine(r.GetMachineSpec())
	}
	if r.GetStartingReplicaCount() < 0 || r.GetMaxReplicaCount() < 0 {
		v.add(field+".starting_replica_count", "Replica counts must not be negative.")
	}
	if t := j.GetManualBatchTuningParameters(); t.GetBatchSize() < 0 { // 0 is nothing said
		v.add("batch_prediction_job.manual_batch_tuning_parameters.batch_size", "It is %d; it must not be negative.", t.GetBatchSize())
	}
}

var (
	keyForm     = regexp.MustCompile(`^projects/[^/]+/locations/([^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+$`)
	accountForm = regexp.MustCompile(`^[^@\s/]+@[^@\s/]+\.[^@\s/]+$`)
)

func (v *violations) others(j *aiplatformpb.BatchPredictionJob, location string) {
	if j.GetEncryptionSpec() != nil {
		const field = "batch_prediction_job.encryption_spec.kms_key_name"
		key := keyForm.FindStringSubmatch(j.GetEncryptionSpec().GetKmsKeyName())
		switch {
		case key == nil:
			v.add(field, "%q is not of the form projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY.", j.GetEncryptionSpec().GetKmsKeyName())
		case key[1] != location:
			v.add(field, "The key is in %s; it must be in the region of the job, %s.", key[1], location)
		}
	}
	if a := j.GetServiceAccount(); a != "" && !accountForm.MatchString(a) {
		v.add("batch_prediction_job.service_account", "%q is not the e-mail address of a service account.", a)
	}
	if j.GetGenerateExplanation() || j.GetExplanationSpec() != nil {
		v.notEmulated("batch_prediction_job.generate_explanation", "An explanation")
	}
}
