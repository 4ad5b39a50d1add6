package jobfile

// providerBlock lists the provider kinds. Fields of a kind are known here so
// that a misspelt one is found; what they mean is the provider's own affair.
func providerBlock() Block {
	return Block{
		Name: "provider", Labels: []string{"kind", "alias"}, Many: true, State: Built, Doc: "a place to run, used as provider.KIND.ALIAS",
		Fields: []Field{
			{Name: "endpoint", Type: String, State: NotYet, Doc: "another address of the service, such as an emulator's"},
			{Name: "retention", Type: Duration, State: NotYet, Doc: "how long staged files are kept"},
		},
		Variants: []Block{
			{
				Name: "local", State: Built, Doc: "this machine",
				Fields: []Field{{Name: "device", Type: String, Default: "auto", State: Built, Doc: "auto, cpu, cuda, cuda:N, or another device of the installed ONNX Runtime"}},
			},
			{
				Name: "sagemaker", State: NotYet, Doc: "Amazon SageMaker Batch Transform",
				Fields: cloudFields("region", "role_arn", "image", "staging", "subnets*", "security_groups*", "kms_key", "tags{}"),
			},
			{
				Name: "vertex", State: NotYet, Doc: "Google Vertex AI Batch Prediction",
				Fields: cloudFields("project", "location", "image", "staging", "service_account"),
			},
			{
				Name: "azureml", State: NotYet, Doc: "Azure Machine Learning batch endpoints",
				Fields: cloudFields("subscription_id", "resource_group", "workspace", "compute", "datastore", "image", "staging"),
			},
			{
				Name: "oci", State: NotYet, Doc: "OCI Data Science Jobs",
				Fields: cloudFields("region", "compartment_id", "project_id", "image", "staging", "subnet_id", "log_group_id"),
			},
		},
	}
}

// cloudFields makes fields of names; a trailing * is a list, {} a map.
func cloudFields(names ...string) []Field {
	out := make([]Field, 0, len(names))
	for _, n := range names {
		f := Field{Name: n, Type: String, State: NotYet, Doc: "see the provider's page"}
		if cut := len(n) - 1; n[cut] == '*' {
			f.Name, f.Type = n[:cut], Strings
		}
		if cut := len(n) - 2; n[cut:] == "{}" {
			f.Name, f.Type = n[:cut], StringMap
		}
		out = append(out, f)
	}
	return out
}
