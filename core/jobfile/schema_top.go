package jobfile

func crossbatchBlock() Block {
	return Block{
		Name: "crossbatch", State: Built, Doc: "settings of the whole set of files; at most one",
		Fields: []Field{
			{Name: "required_version", Type: String, State: Built, Doc: "the versions of crossbatch that may read these files, like \">= 0.1\""},
			{Name: "project", Type: String, State: Built, Doc: "the scope of the addresses; default: the folder's name; required on a ledger in an object store"},
			{Name: "ledger", Type: String, State: Built, Doc: "the folder or object store prefix that keeps the history of runs; default: .crossbatch beside the job file"},
		},
	}
}

func variableBlock() Block {
	return Block{
		Name: "variable", Labels: []string{"name"}, Many: true, State: Built, Doc: "a value given from outside, used as var.NAME",
		Fields: []Field{
			{Name: "type", Type: TypeExpr, State: Built, Doc: "the type that the value is converted to; default: the default's, when that is a scalar"},
			{Name: "default", Type: Any, State: Built, Doc: "the value when none is given; without it the variable must be set"},
			{Name: "description", Type: String, State: Built, Doc: "what the variable is for"},
			{Name: "sensitive", Type: Bool, Default: "false", State: Built, Doc: "hides the value in output"},
		},
		Blocks: []Block{{
			Name: "validation", Many: true, State: Built, Doc: "a condition that the value must meet",
			Fields: []Field{
				{Name: "condition", Type: Bool, Required: true, State: Built, Doc: "true for a good value"},
				{Name: "error_message", Type: String, Required: true, State: Built, Doc: "what is shown when the condition is false"},
			},
		}},
	}
}

func modelBlock() Block {
	return Block{
		Name: "model", Labels: []string{"name"}, Many: true, State: Built, Doc: "what scores the records, used as model.NAME",
		Fields: []Field{
			{Name: "artifact", Type: String, State: Built, Doc: "path or object URI of an ONNX file; external data files beside it belong to it"},
			{Name: "registered", Type: StringMap, State: NotYet, Doc: "a model that exists already, by provider kind; azureml names ENDPOINT/DEPLOYMENT"},
			{Name: "for_each", Type: MapOrSet, State: Built, Doc: "one model for each element, used as model.NAME[\"KEY\"]; each.key and each.value inside"},
			{Name: "count", Type: Number, State: Built, Doc: "this many models, used as model.NAME[0]; count.index inside"},
		},
		Blocks: []Block{{
			Name: "container", State: NotYet, Doc: "any framework: the user's own image",
			Fields: []Field{
				{Name: "image", Type: String, Required: true, State: NotYet, Doc: "the image by its digest: NAME@sha256:..."},
				{Name: "artifact", Type: String, State: NotYet, Doc: "path or object URI that the image is given"},
				{Name: "content_type", Type: String, Default: "jsonl", Values: values(NotYet, "jsonl", "csv", "instances"), State: NotYet, Doc: "how records are sent to it; it answers one item a record, in order"},
			},
		}},
	}
}

func outputBlock() Block {
	return Block{
		Name: "output", Labels: []string{"name"}, Many: true, State: Built, Doc: "a value shown by `crossbatch output`",
		Fields: []Field{
			{Name: "value", Type: Any, Required: true, State: Built, Doc: "the value; may use job.NAME.output.destination and model.NAME.artifact"},
		},
	}
}
