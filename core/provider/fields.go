package provider

// Fields are the fields of a job that a backend answers for in Check, by their
// path in the job file.
func Fields() []string {
	return []string{
		"model.artifact", "model.container", "model.registered",
		"input.source", "input.format", "input.partitions", "input.key", "input.empty", "input.staging", "input.csv", "input.tensor", "input.limit",
		"output.destination", "output.format", "output.compression", "output.keep", "output.select", "output.existing",
		"batching.records", "batching.payload", "batching.concurrency",
		"compute.instances", "compute.cpus", "compute.memory", "compute.spot", "compute.machine", "compute.gpu",
		"limits.timeout", "limits.failed_records", "limits.retries", "limits.cost",
		"placement.failover",
		"env", "labels",
	}
}
