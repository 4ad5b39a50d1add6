package sagemaker

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
)

// TestValidation holds the texts of refusals. What the service's model demands
// comes in the service's words.
func TestValidation(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	long := func(n int) *string { return aws.String(strings.Repeat("x", n)) }
	const one = "1 validation error detected: Value "
	const must = " failed to satisfy constraint: Member must "
	for _, c := range []struct {
		name  string
		tweak tweak
		want  string
	}{
		{"job name's form", func(in *sdk.CreateTransformJobInput) { in.TransformJobName = aws.String("bad_name_$$") },
			one + "'bad_name_$$' at 'transformJobName'" + must + "satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"},
		{"job name's end", func(in *sdk.CreateTransformJobInput) { in.TransformJobName = aws.String("bad-") }, "at 'transformJobName'" + must + "satisfy regular expression pattern"},
		{"job name's length", func(in *sdk.CreateTransformJobInput) { in.TransformJobName = long(64) }, "at 'transformJobName'" + must + "have length less than or equal to 63"},
		{"job name empty", func(in *sdk.CreateTransformJobInput) { in.TransformJobName = aws.String("") },
			"2 validation errors detected: Value '' at 'transformJobName'" + must + "have length greater than or equal to 1; Value '' at 'transformJobName'" + must + "satisfy regular expression pattern"},
		{"model name", func(in *sdk.CreateTransformJobInput) { in.ModelName = aws.String("a.b") }, one + "'a.b' at 'modelName'"},
		{"strategy", func(in *sdk.CreateTransformJobInput) { in.BatchStrategy = "All" }, one + "'All' at 'batchStrategy'" + must + "satisfy enum value set: [MultiRecord, SingleRecord]"},
		{"concurrency", func(in *sdk.CreateTransformJobInput) { in.MaxConcurrentTransforms = aws.Int32(-1) }, one + "'-1' at 'maxConcurrentTransforms'" + must + "have value greater than or equal to 0"},
		{"payload over the limit", payload(101), "MaxPayloadInMB 101 is greater than the limit of 100."},
		{"product", func(in *sdk.CreateTransformJobInput) {
			in.MaxConcurrentTransforms, in.MaxPayloadInMB = aws.Int32(17), aws.Int32(6)
		}, "The product of MaxConcurrentTransforms 17 and MaxPayloadInMB 6 exceeds 100 MB."},
		{"timeout", func(in *sdk.CreateTransformJobInput) {
			in.ModelClientConfig = &types.ModelClientConfig{InvocationsTimeoutInSeconds: aws.Int32(3601), InvocationsMaxRetries: aws.Int32(4)}
		}, "2 validation errors detected: Value '4' at 'modelClientConfig.invocationsMaxRetries'" + must + "have value less than or equal to 3; " +
			"Value '3601' at 'modelClientConfig.invocationsTimeoutInSeconds'" + must + "have value less than or equal to 3600"},
		{"no timeout", func(in *sdk.CreateTransformJobInput) {
			in.ModelClientConfig = &types.ModelClientConfig{InvocationsTimeoutInSeconds: aws.Int32(0)}
		}, "have value greater than or equal to 1"},
		{"environment's entries", func(in *sdk.CreateTransformJobInput) {
			in.Environment = map[string]string{}
			for n := range 17 {
				in.Environment["K"+string(rune('a'+n))] = ""
			}
		}, "at 'environment'" + must + "have length less than or equal to 16"},
		{"environment's value", func(in *sdk.CreateTransformJobInput) { in.Environment = map[string]string{"K": *long(10241)} },
			"at 'environment' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 10240]"},
		{"environment's key", func(in *sdk.CreateTransformJobInput) { in.Environment = map[string]string{"1K": ""} },
			"Value '{\"1K\":\"\"}' at 'environment' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z_][a-zA-Z0-9_]{0,1023}]"},
		{"input's type", func(in *sdk.CreateTransformJobInput) { in.TransformInput.DataSource.S3DataSource.S3DataType = "Folder" },
			"at 'transformInput.dataSource.s3DataSource.s3DataType'" + must + "satisfy enum value set: [ManifestFile, S3Prefix, AugmentedManifestFile, Converse]"},
		{"augmented manifest", func(in *sdk.CreateTransformJobInput) {
			in.TransformInput.DataSource.S3DataSource.S3DataType = types.S3DataTypeAugmentedManifestFile
		}, "S3DataType AugmentedManifestFile is not supported"},
		{"input's URI", func(in *sdk.CreateTransformJobInput) {
			in.TransformInput.DataSource.S3DataSource.S3Uri = aws.String("/a/b")
		},
			one + "'/a/b' at 'transformInput.dataSource.s3DataSource.s3Uri'" + must + "satisfy regular expression pattern: (https|s3)://([^/]+)/?(.*)"},
		{"output's URI", func(in *sdk.CreateTransformJobInput) { in.TransformOutput.S3OutputPath = long(1025) }, "at 'transformOutput.s3OutputPath'" + must + "have length less than or equal to 1024"},
		{"https", func(in *sdk.CreateTransformJobInput) { in.TransformOutput.S3OutputPath = aws.String("https://b/out") }, "not emulated here"},
		{"content type", func(in *sdk.CreateTransformJobInput) { in.TransformInput.ContentType = long(257) }, "at 'transformInput.contentType'" + must + "have length less than or equal to 256"},
		{"split", func(in *sdk.CreateTransformJobInput) { in.TransformInput.SplitType = types.SplitTypeTfrecord }, "SplitType TFRecord is not emulated here; the service accepts it."},
		{"other split", func(in *sdk.CreateTransformJobInput) { in.TransformInput.SplitType = types.SplitTypeRecordio }, "SplitType RecordIO is not emulated here"},
		{"no such split", func(in *sdk.CreateTransformJobInput) { in.TransformInput.SplitType = "CSV" }, "at 'transformInput.splitType'"},
		{"compression", func(in *sdk.CreateTransformJobInput) { in.TransformInput.CompressionType = "Zstd" }, "satisfy enum value set: [None, Gzip]"},
		{"assembly", func(in *sdk.CreateTransformJobInput) { in.TransformOutput.AssembleWith = "CSV" }, "at 'transformOutput.assembleWith'"},
		{"instance type", func(in *sdk.CreateTransformJobInput) { in.TransformResources.InstanceType = "ml.p5.48xlarge" },
			one + "'ml.p5.48xlarge' at 'transformResources.instanceType'" + must + "satisfy enum value set: ["},
		{"no instance", func(in *sdk.CreateTransformJobInput) { in.TransformResources.InstanceCount = aws.Int32(0) }, "at 'transformResources.instanceCount'" + must + "have value greater than or equal to 1"},
		{"instances", func(in *sdk.CreateTransformJobInput) { in.TransformResources.InstanceCount = aws.Int32(101) }, "InstanceCount 101"},
		{"volume's key", func(in *sdk.CreateTransformJobInput) { in.TransformResources.VolumeKmsKeyId = aws.String("a b") },
			one + "'a b' at 'transformResources.volumeKmsKeyId'" + must + "satisfy regular expression pattern: [a-zA-Z0-9:/_-]*"},
		{"volume of local disks", func(in *sdk.CreateTransformJobInput) {
			in.TransformResources.VolumeKmsKeyId, in.TransformResources.InstanceType = aws.String("k"), types.TransformInstanceTypeMlG5Xlarge
		}, "VolumeKmsKeyId cannot be specified for the instance type ml.g5.xlarge"},
		{"filter's length", processing(*long(64), "", ""), "at 'dataProcessing.inputFilter'" + must + "have length less than or equal to 63"},
		{"filter", processing("$..a", "", ""), `Invalid DataProcessing InputFilter: "$..a" is not a JSONPath expression`},
		{"join", processing("", "", "Output"), "at 'dataProcessing.joinSource'"},
		{"names of CSV", processing("$.a", "", ""), "text/csv takes indexes only"},
		{"join of unlike types", func(in *sdk.CreateTransformJobInput) {
			processing("", "", "Input")(in)
			media("text/csv", "application/json")(in)
		}, "must be equal"},
		{"join of images", func(in *sdk.CreateTransformJobInput) {
			processing("", "", "Input")(in)
			media("image/png", "image/png")(in)
		}, `not "image/png"`},
		{"join of unsplit CSV", func(in *sdk.CreateTransformJobInput) {
			processing("", "", "Input")(in)
			undivided(in)
		}, "must be Line to join CSV"},
		{"join, split otherwise", func(in *sdk.CreateTransformJobInput) {
			processing("", "", "Input")(in)
			in.TransformOutput.AssembleWith = types.AssemblyTypeNone
		}, "SplitType Line and AssembleWith None must be equal"},
		{"data capture", func(in *sdk.CreateTransformJobInput) {
			in.DataCaptureConfig = &types.BatchDataCaptureConfig{DestinationS3Uri: aws.String("s3://b/c")}
		}, "DataCaptureConfig is not emulated here"},
		{"experiment", func(in *sdk.CreateTransformJobInput) {
			in.ExperimentConfig = &types.ExperimentConfig{TrialName: aws.String("a_b")}
		}, one + "'a_b' at 'experimentConfig.trialName'"},
		{"tags", func(in *sdk.CreateTransformJobInput) {
			for range 51 {
				in.Tags = append(in.Tags, types.Tag{Key: aws.String("k"), Value: aws.String("v")})
			}
		}, "at 'tags'" + must + "have length less than or equal to 50"},
		{"tag's key", func(in *sdk.CreateTransformJobInput) {
			in.Tags = []types.Tag{{Key: aws.String("ok"), Value: aws.String("")}, {Key: aws.String("a*"), Value: aws.String("")}}
		}, one + "'a*' at 'tags.2.member.key'" + must + `satisfy regular expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*)`},
		{"tag's value", func(in *sdk.CreateTransformJobInput) {
			in.Tags = []types.Tag{{Key: aws.String("ok"), Value: long(257)}}
		}, "at 'tags.1.member.value'" + must + "have length less than or equal to 256"},
		{"reserved tag", func(in *sdk.CreateTransformJobInput) {
			in.Tags = []types.Tag{{Key: aws.String("AWS:x"), Value: aws.String("")}}
		}, "may not begin with aws:"},
	} {
		t.Run(c.name, func(*testing.T) {
			_, err := w.CreateTransformJob(t.Context(), aJob("j", c.tweak))
			w.refused(err, "ValidationException", c.want)
		})
	}
	if got := w.list(sdk.ListTransformJobsInput{}); got != "" {
		t.Errorf("refused jobs were made: %s", got)
	}
}

func TestModelValidation(t *testing.T) {
	w := newWorld(t, Options{})
	image := types.ContainerDefinition{Image: aws.String("i")}
	of := func(change func(*types.ContainerDefinition)) *sdk.CreateModelInput {
		c := image
		change(&c)
		return &sdk.CreateModelInput{PrimaryContainer: &c}
	}
	from := func(key string, of types.S3ModelDataType, compression types.ModelCompressionType) *types.ModelDataSource {
		return &types.ModelDataSource{S3DataSource: data(key, of, compression)}
	}
	for _, c := range []struct {
		name string
		in   *sdk.CreateModelInput
		want string
	}{
		{"no container", &sdk.CreateModelInput{}, "You must specify PrimaryContainer or Containers."},
		{"both", &sdk.CreateModelInput{PrimaryContainer: &image, Containers: []types.ContainerDefinition{image}}, "not both"},
		{"name", &sdk.CreateModelInput{ModelName: aws.String("-a"), PrimaryContainer: &image}, `Value '-a' at 'modelName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?`},
		{"role", &sdk.CreateModelInput{ExecutionRoleArn: aws.String("arn:aws:iam::12:role/too-short"), PrimaryContainer: &image}, "at 'executionRoleArn'"},
		{"no image", &sdk.CreateModelInput{PrimaryContainer: &types.ContainerDefinition{}}, "must have an Image"},
		{"image", of(func(c *types.ContainerDefinition) { c.Image = aws.String("a b") }), "Value 'a b' at 'primaryContainer.image'"},
		{"second image", &sdk.CreateModelInput{Containers: []types.ContainerDefinition{image, {Image: aws.String("a b")}}}, "at 'containers.2.member.image'"},
		{"environment", of(func(c *types.ContainerDefinition) {
			c.Environment = map[string]string{"A": strings.Repeat("x", 1025)}
		}), "Map value must satisfy constraint: [Member must have length less than or equal to 1024]"},
		{"two sources", of(func(c *types.ContainerDefinition) {
			c.ModelDataUrl, c.ModelDataSource = aws.String("s3://b/m.tar.gz"), from("m/", "S3Prefix", "None")
		}), "either ModelDataUrl or ModelDataSource"},
		{"prefix without slash", of(func(c *types.ContainerDefinition) { c.ModelDataSource = from("m", "S3Prefix", "None") }), "must end with a forward slash"},
		{"compressed prefix", of(func(c *types.ContainerDefinition) { c.ModelDataSource = from("m/", "S3Prefix", "Gzip") }), "goes with S3DataType S3Object only"},
		{"source's type", of(func(c *types.ContainerDefinition) { c.ModelDataSource = from("m/", "Folder", "None") }), "at 'primaryContainer.modelDataSource.s3DataSource.s3DataType'"},
		{"multi-model", of(func(c *types.ContainerDefinition) { c.Mode = types.ContainerModeMultiModel }), "Mode MultiModel is not emulated"},
		{"package", of(func(c *types.ContainerDefinition) { c.ModelPackageName = aws.String("p") }), "ModelPackageName is not emulated"},
		{"direct", &sdk.CreateModelInput{
			Containers: []types.ContainerDefinition{image, image}, InferenceExecutionConfig: &types.InferenceExecutionConfig{Mode: types.InferenceExecutionModeDirect},
		}, "Direct is not emulated"},
		{"channels", of(func(c *types.ContainerDefinition) {
			source := types.AdditionalModelDataSource{ChannelName: aws.String("c"), S3DataSource: data("m/", "S3Prefix", "None")}
			c.AdditionalModelDataSources = []types.AdditionalModelDataSource{source, source}
		}), "Two AdditionalModelDataSources"},
		{"subnets", &sdk.CreateModelInput{PrimaryContainer: &image, VpcConfig: &types.VpcConfig{SecurityGroupIds: []string{"sg"}, Subnets: []string{}}},
			"at 'vpcConfig.subnets' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"tags", &sdk.CreateModelInput{PrimaryContainer: &image, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("")}, {Key: aws.String("a"), Value: aws.String("")}}}, "given twice"},
	} {
		t.Run(c.name, func(*testing.T) {
			if c.in.ModelName == nil {
				c.in.ModelName = aws.String("m")
			}
			_, err := w.CreateModel(t.Context(), c.in)
			w.refused(err, "ValidationException", c.want)
		})
	}
	for _, in := range []sdk.ListTransformJobsInput{{MaxResults: aws.Int32(101)}, {MaxResults: aws.Int32(0)}, {NameContains: aws.String("a_b")}, {StatusEquals: "Gone"}, {SortBy: "Size"}} {
		_, err := w.ListTransformJobs(t.Context(), &in)
		w.refused(err, "ValidationException", "failed to satisfy constraint")
	}
}

// TestAllInstanceTypes holds that the enum is the SDK's.
func TestAllInstanceTypes(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	w.put("in/a", "1\n")
	all := types.TransformInstanceType("").Values()
	if len(all) != 116 {
		t.Errorf("the SDK knows %d types", len(all))
	}
	for _, kind := range all {
		w.create(aJob(strings.ReplaceAll(string(kind), ".", "-"), func(in *sdk.CreateTransformJobInput) { in.TransformResources.InstanceType = kind }))
	}
	for _, kind := range all {
		w.ends(strings.ReplaceAll(string(kind), ".", "-"))
	}
}
