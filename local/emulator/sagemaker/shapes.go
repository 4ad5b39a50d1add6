package sagemaker

import "github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

// The shapes of sagemaker/2017-07-24: what requests may hold. They are built once a
// server.

const maxPages = 8192 // of a token

type shapes struct {
	createModel, nameModel, listModels         *shape
	createTransformJob, nameJob, listJobs      *shape
	addTags, listTags, deleteTags              *shape
	filterLogEvents, getLogEvents, findStreams *shape
}

// patterns are those that several requests use.
type patterns struct{ model, job, uri, key, tag, arn *pattern }

func newShapes() shapes {
	p := patterns{
		model: matching(`[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?`),
		job:   matching(`[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}`),
		uri:   matching(`(https|s3)://([^/]+)/?(.*)`),
		key:   matching(`[a-zA-Z0-9:/_-]*`),
		tag:   matching(`([\p{L}\p{Z}\p{N}_.:/=+\-@]*)`),
		arn:   matching(`arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:.+`),
	}
	tags := aList(0, 50, aStructure(members{"Key": aText(1, 128, p.tag), "Value": aText(0, 256, p.tag)}, "Key", "Value"))
	modelName, jobName, arn := aText(0, 63, p.model), aText(1, 63, p.job), aText(0, 256, p.arn)
	return shapes{
		createModel: p.createModel(modelName, tags),
		nameModel:   aStructure(members{"ModelName": modelName}, "ModelName"),
		listModels: p.lists(members{
			"NameContains": aText(0, 63, matching(`[a-zA-Z0-9-]+`)), "SortBy": oneOf("Name", "CreationTime"),
		}),
		createTransformJob: p.createTransformJob(jobName, modelName, tags),
		nameJob:            aStructure(members{"TransformJobName": jobName}, "TransformJobName"),
		listJobs: p.lists(members{
			"NameContains": aText(0, 63, matching(`[a-zA-Z0-9\-]+`)), "SortBy": oneOf("Name", "CreationTime", "Status"),
			"StatusEquals":          oneOf("InProgress", "Completed", "Failed", "Stopping", "Stopped"),
			"LastModifiedTimeAfter": {kind: timestamp}, "LastModifiedTimeBefore": {kind: timestamp},
		}),
		addTags:         aStructure(members{"ResourceArn": arn, "Tags": tags}, "ResourceArn", "Tags"),
		listTags:        aStructure(members{"ResourceArn": arn, "NextToken": aText(0, maxPages, nil), "MaxResults": aNumber(50, 0)}, "ResourceArn"),
		deleteTags:      aStructure(members{"ResourceArn": arn, "TagKeys": aList(1, 50, aText(1, 128, p.tag))}, "ResourceArn", "TagKeys"),
		filterLogEvents: filterLogEvents(), getLogEvents: getLogEvents(), findStreams: describeLogStreams(),
	}
}

// lists is what all lists take, and own.
func (p patterns) lists(own members) *shape {
	for name, s := range (members{
		"SortOrder": oneOf("Ascending", "Descending"), "NextToken": aText(0, maxPages, nil), "MaxResults": aNumber(1, 100),
		"CreationTimeAfter": {kind: timestamp}, "CreationTimeBefore": {kind: timestamp},
	}) {
		own[name] = s
	}
	return aStructure(own)
}

func (p patterns) createModel(name, tags *shape) *shape {
	container := p.container()
	id := aText(0, 32, matching(`[-0-9a-zA-Z]+`))
	return aStructure(members{
		"ModelName": name, "PrimaryContainer": container, "Containers": aList(0, 15, container), "Tags": tags,
		"InferenceExecutionConfig": aStructure(members{"Mode": oneOf("Serial", "Direct")}, "Mode"),
		"ExecutionRoleArn":         aText(20, 2048, matching(`arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`)),
		"VpcConfig": aStructure(members{
			"SecurityGroupIds": aList(1, 5, id), "Subnets": aList(1, 16, id),
		}, "SecurityGroupIds", "Subnets"),
		"EnableNetworkIsolation": {kind: boolean},
	}, "ModelName")
}

func (p patterns) container() *shape {
	source := aStructure(members{
		"S3Uri": aText(0, 1024, p.uri), "S3DataType": oneOf("S3Prefix", "S3Object"), "CompressionType": oneOf("None", "Gzip"),
		"ModelAccessConfig": aStructure(members{"AcceptEula": {kind: boolean}}, "AcceptEula"),
		"HubAccessConfig":   aStructure(members{"HubContentArn": aText(0, 255, nil)}, "HubContentArn"),
		"ManifestS3Uri":     aText(0, 1024, p.uri), "ETag": {}, "ManifestEtag": {},
	}, "S3Uri", "S3DataType", "CompressionType")
	return aStructure(members{
		"ContainerHostname": aText(0, 63, p.job), "Image": aText(0, 255, matching(`[\S]+`)), "Mode": oneOf("SingleModel", "MultiModel"),
		"ModelDataUrl": aText(0, 1024, p.uri), "ModelDataSource": aStructure(members{"S3DataSource": source}),
		"AdditionalModelDataSources": aList(0, 5, aStructure(members{
			"ChannelName": aText(1, 64, matching(`[A-Za-z0-9\.\-_]+`)), "S3DataSource": source,
		}, "ChannelName", "S3DataSource")),
		"Environment": aDictionary(100, aText(0, 1024, matching(`[a-zA-Z_][a-zA-Z0-9_]*`)), aText(0, 1024, nil)),
		"ModelPackageName": aText(1, 176, matchingAs(
			`(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]{9,16}:[0-9]{12}:[a-z\-]*\/)?([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)(\/[0-9]{1,5})?`,
			`(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]{9,16}:[0-9]{12}:[a-z\-]*\/)?[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}(\/[0-9]{1,5})?`,
		)),
		"InferenceSpecificationName": aText(1, 63, p.job),
		"ImageConfig": aStructure(members{
			"RepositoryAccessMode": oneOf("Platform", "Vpc"),
			"RepositoryAuthConfig": aStructure(members{"RepositoryCredentialsProviderArn": aText(1, 2048, nil)}, "RepositoryCredentialsProviderArn"),
		}, "RepositoryAccessMode"),
		"MultiModelConfig": aStructure(members{"ModelCacheSetting": oneOf("Enabled", "Disabled")}),
		"ContainerMetricsConfig": aStructure(members{"MetricsEndpoints": aList(0, 1, aStructure(members{
			"MetricsEndpointPath": {}, "MetricPublishFrequencyInSeconds": {kind: integer},
		}))}),
	})
}

func (p patterns) createTransformJob(name, model, tags *shape) *shape {
	entity := aText(1, 120, matching(`[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}`))
	uri, key := aText(0, 1024, p.uri), aText(0, 2048, p.key)
	path := aText(0, 63, nil)
	var instances []string
	for _, t := range types.TransformInstanceType("").Values() {
		instances = append(instances, string(t))
	}
	return aStructure(members{
		"TransformJobName": name, "ModelName": model, "Tags": tags,
		"MaxConcurrentTransforms": aNumber(0, 0), "MaxPayloadInMB": aNumber(0, 0), "BatchStrategy": oneOf("MultiRecord", "SingleRecord"),
		"ModelClientConfig": aStructure(members{"InvocationsTimeoutInSeconds": aNumber(1, 3600), "InvocationsMaxRetries": {kind: integer, max: 3}}),
		"Environment":       aDictionary(16, aText(0, 1024, matchingAs(`[a-zA-Z_][a-zA-Z0-9_]{0,1023}`, `[a-zA-Z_][a-zA-Z0-9_]*`)), aText(0, 10240, nil)),
		"TransformInput": aStructure(members{
			"DataSource": aStructure(members{"S3DataSource": aStructure(members{
				"S3DataType": oneOf("ManifestFile", "S3Prefix", "AugmentedManifestFile", "Converse"), "S3Uri": uri,
			}, "S3DataType", "S3Uri")}, "S3DataSource"),
			"ContentType": aText(0, 256, nil), "CompressionType": oneOf("None", "Gzip"), "SplitType": oneOf("None", "Line", "RecordIO", "TFRecord"),
		}, "DataSource"),
		"TransformOutput": aStructure(members{
			"S3OutputPath": uri, "Accept": aText(0, 256, nil), "AssembleWith": oneOf("None", "Line"), "KmsKeyId": key,
		}, "S3OutputPath"),
		"DataCaptureConfig": aStructure(members{"DestinationS3Uri": uri, "KmsKeyId": key, "GenerateInferenceId": {kind: boolean}}, "DestinationS3Uri"),
		"TransformResources": aStructure(members{
			"InstanceType": oneOf(instances...), "InstanceCount": aNumber(1, 0), "VolumeKmsKeyId": key, "TransformAmiVersion": aText(1, 63, nil),
		}, "InstanceType", "InstanceCount"),
		"DataProcessing": aStructure(members{"InputFilter": path, "OutputFilter": path, "JoinSource": oneOf("Input", "None")}),
		"ExperimentConfig": aStructure(members{
			"ExperimentName": entity, "TrialName": entity, "TrialComponentDisplayName": entity, "RunName": entity,
		}),
	}, "TransformJobName", "ModelName", "TransformInput", "TransformOutput", "TransformResources")
}
