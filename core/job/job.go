// Package job is the portable job specification: what to score, with which
// model, under which limits. Every other package speaks of jobs in these types.
//
// It holds values and pure functions only. It must not know how a job file is
// written (core/jobfile), how a record is read (core/record) or where a job
// runs (local, providers).
package job

import "time"

// Format names the encoding of records.
type Format string

// The formats of input and output.
const (
	JSONL   Format = "jsonl"
	CSV     Format = "csv"
	Parquet Format = "parquet"
)

// Job is one job, fully resolved: no variable, reference or default is open.
// Local paths are absolute and clean; object URIs stand as written.
type Job struct {
	Project   string            `json:"project"`
	Address   string            `json:"address"` // job.NAME, job.NAME["key"] or job.NAME[0]
	Model     Model             `json:"model"`
	Input     Input             `json:"input"`
	Output    Output            `json:"output"`
	Batching  Batching          `json:"batching"`
	Compute   Compute           `json:"compute"`
	Limits    Limits            `json:"limits"`
	Placement Placement         `json:"placement"`
	DependsOn []string          `json:"depends_on,omitempty"` // addresses of jobs that must succeed first, besides those of Input.From
	Env       map[string]string `json:"env,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Overrides []Override        `json:"overrides,omitempty"` // see On; kinds before aliases, each once
}

// Model names what scores the records. Exactly one of Artifact, Container and
// Registered is set.
type Model struct {
	Name       string            `json:"name"`     // the block's label, and the instance's key: m, m["key"] or m[0]
	Artifact   string            `json:"artifact"` // path or URI of an ONNX file
	Container  *Container        `json:"container,omitempty"`
	Registered map[string]string `json:"registered,omitempty"` // a model that exists already, by provider kind
}

// Container is a model of any framework in the user's own image.
type Container struct {
	Image       string `json:"image"`              // NAME@sha256:DIGEST
	Artifact    string `json:"artifact,omitempty"` // path or URI that the image is given
	ContentType string `json:"content_type"`       // jsonl | csv | instances
}

// Input says where records come from and how a record feeds the model.
type Input struct {
	Source       []string  `json:"source"`                  // files, folders, globs and object URIs, in this order
	From         []JobRead `json:"from,omitempty"`          // jobs whose published results are sources too; Sources gives the order of both
	AllowPartial bool      `json:"allow_partial,omitempty"` // a partial result of a job is read too
	Format       Format    `json:"format,omitempty"`        // empty: by extension
	Partitions   string    `json:"partitions,omitempty"`    // hive: k=v path parts become string fields
	Key          []string  `json:"key,omitempty"`           // fields; one field is a plain key, several a composite; none: "<shard>:<row>"
	Empty        string    `json:"empty"`                   // error | ok: what to do when no object matches
	Staging      string    `json:"staging"`                 // auto | always | never
	CSV          Dialect   `json:"csv"`
	Tensors      []Tensor  `json:"tensors,omitempty"` // sorted by Input; none: fields named as the model's inputs
	Limit        int64     `json:"limit,omitempty"`   // a preview: only the first records; 0: all
}

// Dialect is how CSV input is written. It is never empty, whatever the format.
type Dialect struct {
	Header    bool   `json:"header"`    // false: fields are c0, c1, ...
	Delimiter string `json:"delimiter"` // one byte
}

// Tensor feeds one input of the model. Exactly one of Field and Fields is set.
type Tensor struct {
	Input  string   `json:"input"`
	Field  string   `json:"field,omitempty"`  // one field, as it is: a scalar or a nested list
	Fields []string `json:"fields,omitempty"` // in order; lists are flattened
	Null   Null     `json:"null"`
	Pad    *Literal `json:"pad,omitempty"` // fills the one symbolic axis of the input up to Max
	Max    int      `json:"max,omitempty"` // elements; 0: not padded
}

// NullPolicy says what a missing value becomes.
type NullPolicy string

// The null policies.
const (
	NullFail  NullPolicy = "fail"  // the record fails
	NullNaN   NullPolicy = "nan"   // not a number; floating tensors only
	NullValue NullPolicy = "value" // a literal
)

// Null is the policy of one tensor, with exceptions by field.
type Null struct {
	Policy NullPolicy      `json:"policy"`
	Value  *Literal        `json:"value,omitempty"`  // set when Policy is NullValue
	Fields map[string]Null `json:"fields,omitempty"` // by field; one level deep; fields not named here follow Policy
}

// LiteralKind is the type of a Literal.
type LiteralKind string

// The kinds of literals.
const (
	NumberLiteral LiteralKind = "number"
	StringLiteral LiteralKind = "string"
	BoolLiteral   LiteralKind = "bool"
)

// Literal is a scalar as the job file gives it. Text is the shortest decimal
// text for a number, the string itself, or true and false.
type Literal struct {
	Kind LiteralKind `json:"kind"`
	Text string      `json:"text"`
}

// Output says where results go and what they carry.
type Output struct {
	Destination string      `json:"destination"` // folder or URI prefix, ends in a slash
	Format      Format      `json:"format"`
	Compression string      `json:"compression"`      // none | gzip | zstd | snappy
	Keep        []Rename    `json:"keep,omitempty"`   // input fields carried along, in the file's order (a map: sorted by name)
	Select      []Selection `json:"select,omitempty"` // none: every output of the model
	Existing    string      `json:"existing"`         // replace | fail
}

// Rename carries Field along under Name.
type Rename struct {
	Name  string `json:"name"`
	Field string `json:"field"`
}

// Selection publishes a model output, or an element of it, under Name.
// Path is an output's name, followed by any number of [index] or ["key"] picks.
type Selection struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// Batching bounds what one call of the model gets. Zero means unset.
type Batching struct {
	Records     int   `json:"records,omitempty"`
	Payload     int64 `json:"payload,omitempty"`     // bytes
	Concurrency int   `json:"concurrency,omitempty"` // calls at a time, per instance
}

// Compute is what the job asks of the machine. Zero means unset.
type Compute struct {
	Instances int    `json:"instances"`
	CPUs      int    `json:"cpus,omitempty"`
	Memory    int64  `json:"memory,omitempty"` // bytes
	Spot      bool   `json:"spot,omitempty"`
	Machine   string `json:"machine,omitempty"`
	GPU       *GPU   `json:"gpu,omitempty"`
}

// GPU asks for accelerators.
type GPU struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// Limits ends a run that takes too long, fails too often or costs too much.
type Limits struct {
	Timeout       time.Duration `json:"timeout,omitempty"` // nanoseconds; 0: none
	FailedRecords *Tolerance    `json:"failed_records,omitempty"`
	Retries       int           `json:"retries"`
	Cost          *float64      `json:"cost,omitempty"` // USD a run
}

// Placement says where the job may run.
type Placement struct {
	Providers []ProviderRef `json:"providers"` // never empty
	Strategy  string        `json:"strategy"`  // first | cheapest
	Failover  bool          `json:"failover"`
	Accept    []string      `json:"accept,omitempty"` // fields that may be lost
}

// ProviderRef names a provider block. The implicit local provider is local.default.
type ProviderRef struct {
	Kind  string `json:"kind"`
	Alias string `json:"alias"`
}

// String is KIND.ALIAS.
func (r ProviderRef) String() string { return r.Kind + "." + r.Alias }
