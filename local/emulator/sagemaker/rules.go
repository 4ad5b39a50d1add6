package sagemaker

import (
	"mime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/jsonpath"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

// What the service demands beyond the shapes of its model. Texts that no public
// report shows are ours.
// https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
const (
	maxPayload     = 100 // MiB, also of all requests at a time
	maxInstances   = 100
	defaultTimeout = 600 * time.Second
	defaultRetries = 3
)

// localDisks are families whose disks are encrypted by the hardware, with no key
// of the user's.
var localDisks = []string{"ml.g4dn.", "ml.g5.", "ml.g6.", "ml.g6e.", "ml.trn1.", "ml.trn1n."}

// task is the job's work, defaults filled in.
func (in createJobInput) task(region string) (transform.Task, error) {
	t := transform.Task{
		Job: in.TransformJobName, Region: region, Environment: in.Environment, Instances: in.TransformResources.InstanceCount,
		MaxConcurrent: aws.ToInt(in.MaxConcurrentTransforms), MaxPayload: in.MaxPayloadInMB, Strategy: in.BatchStrategy,
		Timeout: defaultTimeout, Retries: defaultRetries,
		Manifest: in.TransformInput.DataSource.S3DataSource.S3DataType == "ManifestFile", Input: in.TransformInput.DataSource.S3DataSource.S3URI,
		ContentType: in.TransformInput.ContentType, Gzip: in.TransformInput.CompressionType == "Gzip", Split: or(in.TransformInput.SplitType, transform.None),
		Output: in.TransformOutput.S3OutputPath, Accept: in.TransformOutput.Accept, Assemble: or(in.TransformOutput.AssembleWith, transform.None),
		KMSKey: in.TransformOutput.KmsKeyID,
	}
	if n := in.ModelClientConfig.InvocationsTimeoutInSeconds; n != nil {
		t.Timeout = time.Duration(*n) * time.Second
	}
	if n := in.ModelClientConfig.InvocationsMaxRetries; n != nil {
		t.Retries = *n
	}
	for _, check := range []func() error{in.checkLimits, in.checkResources, in.checkData} {
		if err := check(); err != nil {
			return t, err
		}
	}
	var err error
	t.Processing, err = in.processing(t)
	return t, err
}

func or(given, otherwise string) string {
	if given == "" {
		return otherwise
	}
	return given
}

func (in createJobInput) checkLimits() error {
	concurrent, payload := aws.ToInt(in.MaxConcurrentTransforms), aws.ToInt(in.MaxPayloadInMB)
	switch {
	case payload > maxPayload:
		return invalid("MaxPayloadInMB %d is greater than the limit of %d.", payload, maxPayload)
	case concurrent > maxPayload:
		return invalid("MaxConcurrentTransforms %d is greater than the limit of %d.", concurrent, maxPayload)
	case concurrent*payload > maxPayload:
		return invalid("The product of MaxConcurrentTransforms %d and MaxPayloadInMB %d exceeds %d MB.", concurrent, payload, maxPayload)
	}
	return nil
}

func (in createJobInput) checkResources() error {
	r := in.TransformResources
	if r.InstanceCount > maxInstances {
		return invalid("InstanceCount %d is greater than the limit of %d.", r.InstanceCount, maxInstances)
	}
	for _, family := range localDisks {
		if r.VolumeKmsKeyID != "" && strings.HasPrefix(r.InstanceType, family) {
			return invalid("VolumeKmsKeyId cannot be specified for the instance type %s, which has local storage.", r.InstanceType)
		}
	}
	return nil
}

func (in createJobInput) checkData() error {
	from := in.TransformInput.DataSource.S3DataSource
	switch from.S3DataType {
	case "AugmentedManifestFile", "Converse":
		return invalid("S3DataType %s is not supported for transform jobs.", from.S3DataType)
	}
	for _, uri := range []string{from.S3URI, in.TransformOutput.S3OutputPath} {
		if !strings.HasPrefix(uri, "s3://") {
			return notEmulated("The S3 URI " + uri + ", which is not s3://,")
		}
	}
	switch split := in.TransformInput.SplitType; split {
	case "RecordIO", "TFRecord":
		return notEmulated("SplitType " + split)
	}
	if in.DataCaptureConfig != nil {
		return notEmulated("DataCaptureConfig")
	}
	return nil
}

// processing is what is done to records on their way.
// https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
func (in createJobInput) processing(t transform.Task) (transform.Processing, error) {
	d := in.DataProcessing
	p := transform.Processing{Join: d.JoinSource == "Input"}
	var err error
	for _, f := range []struct {
		name, text string
		path       *jsonpath.Path
	}{{"InputFilter", d.InputFilter, &p.InputFilter}, {"OutputFilter", d.OutputFilter, &p.OutputFilter}} {
		if f.text == "" {
			continue
		}
		if *f.path, err = jsonpath.Parse(f.text); err != nil {
			return p, invalid("Invalid DataProcessing %s: %v", f.name, err)
		}
	}
	if !p.Join && p.InputFilter.Whole() && p.OutputFilter.Whole() {
		return p, nil
	}
	media := t.ContentType
	if !p.Join && p.InputFilter.Whole() {
		media = t.Accept
	}
	formats := map[string]transform.Format{"text/csv": transform.CSV, "application/jsonlines": transform.JSONLines, "application/json": transform.JSON}
	base, _, _ := mime.ParseMediaType(media) // what is none is not among the formats
	var ok bool
	if p.Format, ok = formats[base]; !ok {
		return p, invalid("DataProcessing needs the ContentType and Accept text/csv, application/json or application/jsonlines, not %q.", media)
	}
	if (p.Join || !p.InputFilter.Whole() && !p.OutputFilter.Whole()) && t.Accept != t.ContentType {
		return p, invalid("ContentType %q and Accept %q must be equal for DataProcessing.", t.ContentType, t.Accept)
	}
	if p.Join && t.Split != t.Assemble {
		return p, invalid("SplitType %s and AssembleWith %s must be equal to join the input.", t.Split, t.Assemble)
	}
	if p.Join && p.Format == transform.CSV && t.Split != transform.Line {
		return p, invalid("SplitType and AssembleWith must be Line to join CSV.")
	}
	if p.Format == transform.CSV && (!p.InputFilter.OfRows() || !p.OutputFilter.OfRows()) {
		return p, invalid("DataProcessing of text/csv takes indexes only, such as $[1:].")
	}
	return p, nil
}
