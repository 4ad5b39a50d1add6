package jobfile

// Kinds of providers.
const (
	kindLocal     = "local"
	kindSageMaker = "sagemaker"
	kindVertex    = "vertex"
	kindAzureML   = "azureml"
	kindOCI       = "oci"
)

const (
	endpointDoc  = "another address of the service, such as an emulator's"
	retentionDoc = "how long staged files are kept"
)

// providerBlock lists the provider kinds with their fields. What a value means
// to a service is the provider's own affair.
func providerBlock() Block {
	return Block{
		Name: "provider", Labels: []string{"kind", "alias"}, Many: true, State: Built, Doc: "a place to run, used as provider.KIND.ALIAS",
		unchecked: true,
		Variants: []Block{
			{
				Name: kindLocal, State: Built, Doc: "this machine",
				Fields: []Field{
					{Name: "device", Type: String, Default: "auto", State: Built, Doc: "auto, cpu, cuda, cuda:N, or another device of the installed ONNX Runtime"},
					{Name: "endpoint", Type: String, State: NotYet, Doc: endpointDoc},
					{Name: "retention", Type: Duration, State: NotYet, Doc: retentionDoc},
				},
			},
			{
				Name: kindSageMaker, State: Built, Doc: "Amazon SageMaker Batch Transform",
				Fields: []Field{
					cloud("region", String, true, "such as us-east-1"),
					cloud("role_arn", String, true, "the execution role of models and jobs"),
					image(),
					cloud("staging", String, true, "s3:// prefix for what is copied to the service"),
					cloud("subnets", Strings, false, "the subnets of the models' network, with security_groups"),
					cloud("security_groups", Strings, false, "the security groups of the models' network, with subnets"),
					cloud("network_isolation", Bool, false, "true: the models' containers reach no network at all"),
					cloud("kms_key", String, false, "the key that encrypts output, and volumes whose hardware has no key of its own"),
					cloud("tags", StringMap, false, "tags of what is made"),
					cloud("endpoint", String, false, endpointDoc),
					cloud("retention", Duration, false, retentionDoc),
				},
			},
			{
				Name: kindVertex, State: Built, Doc: "Google Vertex AI Batch Prediction",
				Fields: []Field{
					cloud("project", String, true, "the project's id"),
					cloud("location", String, true, "such as europe-west4"),
					image(),
					cloud("staging", String, true, "gs:// prefix for what is copied to the service"),
					cloud("service_account", String, false, "the account that the model runs as"),
					cloud("kms_key", String, false, "the key that encrypts jobs"),
					cloud("labels", StringMap, false, "labels of jobs"),
					cloud("endpoint", String, false, endpointDoc),
					cloud("retention", Duration, false, retentionDoc),
				},
			},
			{
				Name: kindAzureML, State: NotYet, Doc: "Azure Machine Learning batch endpoints",
				Fields: []Field{
					cloud("subscription_id", String, true, "the subscription"),
					cloud("resource_group", String, true, "the resource group of the workspace"),
					cloud("workspace", String, true, "the workspace"),
					cloud("compute", String, true, "the cluster that deployments run on"),
					cloud("datastore", String, true, "the datastore of the staging container"),
					image(),
					cloud("staging", String, true, "azblob:// container and prefix for what is copied to the service"),
					cloud("tags", StringMap, false, "tags of what is made"),
					cloud("endpoint", String, false, endpointDoc),
					cloud("retention", Duration, false, retentionDoc),
				},
			},
			{
				Name: kindOCI, State: NotYet, Doc: "OCI Data Science Jobs",
				Fields: []Field{
					cloud("region", String, true, "such as us-phoenix-1"),
					cloud("compartment_id", String, true, "the compartment of jobs and runs"),
					cloud("project_id", String, true, "the Data Science project"),
					image(),
					cloud("staging", String, true, "oci:// bucket, namespace and prefix for what is copied to the service"),
					cloud("subnet_id", String, false, "the subnet of job runs; default: managed egress"),
					cloud("log_group_id", String, false, "the log group that job runs write to"),
					cloud("tags", StringMap, false, "freeform tags of what is made"),
					cloud("endpoint", String, false, endpointDoc),
					cloud("retention", Duration, false, retentionDoc),
				},
			},
		},
	}
}

func cloud(name string, t Type, required bool, doc string) Field {
	return Field{Name: name, Type: t, Required: required, State: Built, Doc: doc}
}

func image() Field {
	return cloud("image", String, false, "the crossbatch image that scores there; required for a model given by its artifact")
}
