package jobfile

func jobBlock() Block {
	return Block{
		Name: "job", Labels: []string{"name"}, Many: true, State: Built, Doc: "one batch of records to score",
		Fields: []Field{
			{Name: "for_each", Type: MapOrSet, State: Built, Doc: "one job for each element; each.key and each.value inside"},
			{Name: "count", Type: Number, State: Built, Doc: "this many jobs; count.index inside"},
			{Name: "model", Type: ModelRef, Required: true, State: Built, Doc: "what scores the records: model.NAME"},
			{Name: "provider", Type: ProviderRef, State: Built, Doc: "where it runs: short for a placement with one provider"},
			{Name: "depends_on", Type: JobRefs, State: Built, Doc: "jobs that must succeed first"},
			{Name: "env", Type: StringMap, State: Built, Doc: "environment of the scorer; not for secrets"},
			{Name: "labels", Type: StringMap, State: Built, Doc: "labels of what is made for the job"},
		},
		Blocks: []Block{
			inputBlock(), resultBlock(), batchingBlock(), computeBlock(), limitsBlock(), placementBlock(),
			overrideBlock(),
		},
	}
}

func formats() []Value {
	return values(Built, "jsonl", "csv", "parquet")
}

func inputBlock() Block {
	return Block{
		Name: "input", Required: true, State: Built, Doc: "the records",
		Fields: []Field{
			{Name: "source", Type: StringsOrJobs, Required: true, State: Built, Doc: "files, folders, globs and jobs whose results are read, in this order"},
			{Name: "format", Type: String, Values: formats(), State: Built, Doc: "default: by extension"},
			{Name: "key", Type: StringOrList, State: Built, Doc: "the field, or fields, that name a record; default: SHARD:ROW"},
			{Name: "empty", Type: String, Default: "error", Values: values(Built, "error", "ok"), State: Built, Doc: "what to do when nothing matches"},
			{Name: "staging", Type: String, Default: "auto", Values: values(Built, "auto", "always", "never"), State: Built, Doc: "whether input is copied for the provider"},
			{Name: "partitions", Type: String, Values: values(Built, "hive"), State: Built, Doc: "hive: k=v parts of a path become string fields"},
			{Name: "allow_partial", Type: Bool, Default: "false", State: Built, Doc: "whether a partial result of another job is read too"},
		},
		Blocks: []Block{
			{
				Name: "csv", State: Built, Doc: "how CSV input is written; only for csv",
				Fields: []Field{
					{Name: "header", Type: Bool, Default: "true", State: Built, Doc: "false: fields are c0, c1, ..."},
					{Name: "delimiter", Type: String, Default: ",", State: Built, Doc: "one byte"},
				},
			},
			{
				Name: "tensor", Labels: []string{"model input"}, Many: true, State: Built, Doc: "what feeds an input of the model; default: the field of its name",
				Fields: []Field{
					{Name: "field", Type: String, State: Built, Doc: "one field as it is, by name or dotted path"},
					{Name: "fields", Type: Strings, State: Built, Doc: "fields in order; lists are flattened"},
					{Name: "null", Type: LiteralOrMap, Default: "fail", State: Built, Doc: "a missing value: fail, nan, or a literal"},
					{Name: "pad", Type: Literal, State: Built, Doc: "fills the symbolic axis up to max"},
					{Name: "max", Type: Number, State: Built, Doc: "length of the padded axis"},
				},
			},
		},
	}
}

func resultBlock() Block {
	return Block{
		Name: "output", Required: true, State: Built, Doc: "the results",
		Fields: []Field{
			{Name: "destination", Type: String, Required: true, State: Built, Doc: "the folder that is published"},
			{Name: "format", Type: String, Default: "jsonl", Values: formats(), State: Built, Doc: "how results are written"},
			{Name: "compression", Type: String, Default: "none", Values: values(Built, "none", "gzip", "zstd", "snappy"), State: Built, Doc: "how result files are compressed; zstd in Parquet unless set, snappy only there"},
			{Name: "keep", Type: ListOrMap, State: Built, Doc: "input fields carried along; as a map: new name = field"},
			{Name: "select", Type: ListOrMap, State: Built, Doc: "model outputs; as a map: name = output or element of it"},
			{Name: "existing", Type: String, Default: "replace", Values: values(Built, "replace", "fail"), State: Built, Doc: "what to do with a result that is there"},
		},
	}
}

func batchingBlock() Block {
	return Block{
		Name: "batching", State: Built, Doc: "bounds of one call of the model",
		Fields: []Field{
			{Name: "records", Type: Number, State: Built, Doc: "records a call; default: measured"},
			{Name: "payload", Type: Size, State: Built, Doc: "bytes a call"},
			{Name: "concurrency", Type: Number, State: Built, Doc: "calls at a time, per instance"},
		},
	}
}

func computeBlock() Block {
	return Block{
		Name: "compute", State: Built, Doc: "what the job asks of the machine; sizes nothing on local",
		Fields: []Field{
			{Name: "instances", Type: Number, Default: "1", State: Built, Doc: "machines"},
			{Name: "cpus", Type: Number, State: Built, Doc: "at least, per machine"},
			{Name: "memory", Type: Size, State: Built, Doc: "at least, per machine"},
			{Name: "spot", Type: Bool, Default: "false", State: Built, Doc: "machines that may be taken away"},
			{Name: "machine", Type: String, State: Built, Doc: "exact native type, wins over the constraints"},
		},
		Blocks: []Block{{
			Name: "gpu", State: Built, Doc: "accelerators, per machine",
			Fields: []Field{
				{Name: "type", Type: String, Required: true, State: Built, Doc: "such as nvidia-t4"},
				{Name: "count", Type: Number, Default: "1", State: Built, Doc: "how many"},
			},
		}},
	}
}

// overrideName is the block that changes a job for one provider.
const overrideName = "override"

// overrideBlock takes parts of a job without their defaults: what is not set
// there stays as the job has it.
func overrideBlock() Block {
	return Block{
		Name: overrideName, Labels: []string{"provider"}, Many: true, State: Built, Doc: "changes for one provider, KIND or KIND.ALIAS: blocks merge field by field, maps key by key",
		Fields: []Field{
			{Name: "env", Type: StringMap, State: Built, Doc: "more of the environment of the scorer"},
			{Name: "labels", Type: StringMap, State: Built, Doc: "more labels of what is made for the job"},
		},
		Blocks: []Block{withoutDefaults(batchingBlock()), withoutDefaults(computeBlock())},
	}
}

func withoutDefaults(b Block) Block {
	for i := range b.Fields {
		b.Fields[i].Default, b.Fields[i].Required = "", false
	}
	for i := range b.Blocks {
		b.Blocks[i] = withoutDefaults(b.Blocks[i])
	}
	return b
}

func limitsBlock() Block {
	return Block{
		Name: "limits", State: Built, Doc: "when a run ends early",
		Fields: []Field{
			{Name: "timeout", Type: Duration, State: Built, Doc: "from the first submit, over all attempts; default: none"},
			{Name: "failed_records", Type: NumberOrString, State: Built, Doc: "records that may fail, N or \"P%\"; default: any, and the run is partial"},
			{Name: "retries", Type: Number, Default: "2", State: Built, Doc: "attempts after the first"},
			{Name: "cost", Type: Number, State: Built, Doc: "USD a run; default: none"},
		},
	}
}

func placementBlock() Block {
	return Block{
		Name: "placement", State: Built, Doc: "where the job may run",
		Fields: []Field{
			{Name: "providers", Type: ProviderRefs, Required: true, State: Built, Doc: "provider.KIND.ALIAS, in order"},
			{Name: "strategy", Type: String, Default: "first", Values: values(Built, "first", "cheapest"), State: Built, Doc: "which of several is taken"},
			{Name: "failover", Type: Bool, Default: "false", State: DefaultOnly, Doc: "whether the next one is tried"},
			{Name: "accept", Type: Strings, State: Built, Doc: "fields of the job that may be lost on the provider"},
		},
	}
}
