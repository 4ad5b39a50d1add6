package job

// What to do when no object matches an input's sources.
const (
	EmptyError = "error"
	EmptyOK    = "ok"
)

// When input is copied to where a provider can read it.
const (
	StagingAuto   = "auto" // in place when possible
	StagingAlways = "always"
	StagingNever  = "never"
)

// PartitionsHive reads the k=v parts of an object's path as fields.
const PartitionsHive = "hive"

// How records are sent to a model in a container.
const (
	ContentJSONL     = "jsonl"
	ContentCSV       = "csv"
	ContentInstances = "instances" // one JSON object {"instances": [...]}
)

// How result files are compressed.
const (
	CompressionNone   = "none"
	CompressionGzip   = "gzip"
	CompressionZstd   = "zstd"
	CompressionSnappy = "snappy" // Parquet only
)

// What a run does with a result that stands at its destination.
const (
	ExistingReplace = "replace" // only a result of this same job
	ExistingFail    = "fail"
)

// How a provider is chosen among several.
const (
	StrategyFirst    = "first"
	StrategyCheapest = "cheapest"
)

// ImplicitProvider is where jobs run when the job file names no provider.
const (
	ImplicitKind  = "local"
	ImplicitAlias = "default"
)

// DefaultRetries is how many attempts follow a failed first one.
const DefaultRetries = 2
