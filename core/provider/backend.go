package provider

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// Backend is one configured provider block. It is safe for concurrent use and
// never retries: a call that fails says so at once. After Close every call
// fails with ErrClosed.
type Backend interface {
	// Capabilities are what the broker acts on. They never change.
	Capabilities() Capabilities

	// Inspect reads what is there before a run: credentials, region, limits.
	// It changes nothing.
	Inspect(ctx context.Context) (Facts, error)

	// Check says of every field of the specification (Fields) how far it will
	// hold here: exactly one finding each, in the order of Fields. Pure.
	Check(s Spec) []Finding

	// Translate says what will be sent for an attempt. Pure: no network, no
	// clock, no randomness; equal specs give equal translations.
	Translate(s Spec) (Translation, error)

	// Send makes one native call. A start that finds its name taken fails with
	// AlreadyExists; an ensure waits until the object is usable.
	Send(ctx context.Context, r Request) (Native, error)

	// Find looks for what an earlier Send of this request may have made, by
	// name, token, label or output path: NotFound when there is none, Conflict
	// when something else stands under that name.
	Find(ctx context.Context, r Request) (Native, error)

	// Describe tells how one native job is doing: NotFound when it is unknown. An
	// owned object that is there is Succeeded.
	Describe(ctx context.Context, n Native) (Observation, error)

	// List yields native jobs, the latest first, in pages. A consumer that has
	// seen enough stops early.
	List(ctx context.Context, q Query) iter.Seq2[Observation, error]

	// Cancel asks a native job to end. Idempotent: nil when it is over already.
	// NotFound when it is unknown.
	Cancel(ctx context.Context, n Native) error

	// Results yields what the native jobs of an attempt have finished so far,
	// in any order. Read again after the end it yields the same and more.
	Results(ctx context.Context, s Spec, natives []Native) iter.Seq2[Piece, error]

	// Logs yields log lines, the oldest first. With Follow it goes on until the
	// native jobs are over.
	Logs(ctx context.Context, natives []Native, o LogOptions) iter.Seq2[LogLine, error]

	// Delete removes a native job or an owned object. Idempotent: nil when it is
	// absent. What a live run uses is not deleted: the broker sees to that.
	Delete(ctx context.Context, n Native) error

	// Code classifies an error of this backend. Of nil it is OK.
	Code(err error) Code

	Close() error
}

// Guarantee is what a service offers against a second start of one request.
type Guarantee string

// The guarantees.
const (
	Named  Guarantee = "named"  // the name is the key: a second start answers AlreadyExists
	Token  Guarantee = "token"  // a retry token is the key: a second start answers the first one's job
	Lookup Guarantee = "lookup" // no key: what was started is found by label or output path, some time later
)

// Capabilities are the facts of a service that change what the broker does.
type Capabilities struct {
	Guarantee     Guarantee
	Visibility    time.Duration // Lookup: how long after Send was called a job may stay unseen by Find, the call itself included
	KeepsOnCancel bool          // a cancelled job leaves what it finished
	KeepsJobs     bool          // native jobs cannot be deleted: what is over stays in the service's list
	Rate          Rate          // calls that the service bears; zero: unlimited
	Starts        Rate          // starts among them; zero: as any other
	Poll          Poll          // how often watching makes sense
	Staging       *Staging      // what lies in object storage before a start; nil: nothing, things are read where they lie
}

// Rate bounds calls per second.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Poll bounds the time between two looks at live jobs.
type Poll struct{ Min, Max time.Duration }

// Facts are what Inspect found; they stand in the plan. Nil values are the
// documented defaults.
type Facts struct {
	Account  string            `json:"account,omitempty"`
	Region   string            `json:"region,omitempty"`
	Console  string            `json:"console,omitempty"` // URL of the service's page
	Machines []Machine         `json:"machines,omitempty"`
	Notes    map[string]string `json:"notes,omitempty"` // versions and limits, by name
}

// Machine is a type of machine that the service offers.
type Machine struct {
	Name   string `json:"name"`
	CPUs   int    `json:"cpus"`
	Memory int64  `json:"memory"` // bytes
	GPU    string `json:"gpu,omitempty"`
	GPUs   int    `json:"gpus,omitempty"`
}

// Spec is everything that an attempt is made of, resolved.
type Spec struct {
	Ledger  string // the ledger's id
	Run     string // run id, 20 hex digits
	Attempt int    // from 1
	Job     job.Job
	Model   Model
	Input   Input
	Output  string        // URI prefix for this attempt alone; ends in a slash
	Budget  time.Duration // what is left of limits.timeout; 0: no limit
	Facts   Facts
	Made    Made    // what the scorer publishes, as far as it is known before it runs
	Staged  *Staged // nil where Capabilities.Staging is
}

// Model is the model package of a run.
type Model struct {
	Name     string `json:"name"`
	Artifact string `json:"artifact"` // path or URI of the ONNX file
	Digest   string `json:"digest"`   // hex SHA-256, external data included
}

// Input is what an attempt covers.
type Input struct {
	Shards job.Shards `json:"shards"` // all of the run, in order
	Format job.Format `json:"format"` // as read; empty where there is no shard
	Take   []int      `json:"take"`   // the shards of this attempt, ascending

	// Rows are those that are scored of the shards of Take, one for each, in their
	// order; nil: all rows.
	Rows []Rows `json:"rows,omitempty"`
}

// Rows are some rows of one shard.
type Rows struct {
	Shard int         `json:"shard"`
	Rows  record.Rows `json:"rows"`
}

// Level is how far a field of the specification holds on a provider.
type Level string

// The levels.
const (
	Exact    Level = "exact"    // the service does it
	Emulated Level = "emulated" // our scorer or staging does it
	Watched  Level = "watched"  // holds while a watcher runs on the ledger
	Lost     Level = "lost"     // does not hold here
)

// Because is a finding of this level that says how it holds, or why not.
func (l Level) Because(message string) Finding { return Finding{Level: l, Message: message} }

// Finding is what becomes of one field of the specification.
type Finding struct {
	Field   string `json:"field"` // one of Fields
	Level   Level  `json:"level"`
	Message string `json:"message,omitempty"` // how, or why not
}

// Translation is what an attempt sends, in order: ensures before starts.
type Translation struct {
	Uploads  []Upload  `json:"uploads,omitempty"`
	Requests []Request `json:"requests"`
}

// Upload is a small object that is written before the requests are sent. Written
// again it is the same.
type Upload struct {
	URI  string `json:"uri"`
	Body string `json:"body"`
}

// Role says what a request is for.
type Role string

// The roles of requests.
const (
	Ensure Role = "ensure" // an owned object, which runs of one ledger share
	Start  Role = "start"  // a native job: a part of the attempt
)

// Request is one native call.
type Request struct {
	ID     string            `json:"id"` // unique in its translation
	Role   Role              `json:"role"`
	Op     string            `json:"op"`             // the service's own name of the operation
	Name   string            `json:"name,omitempty"` // of what it makes
	Part   int               `json:"part"`           // from 0
	Parts  int               `json:"parts"`
	Target string            `json:"target,omitempty"` // URL, resource or folder
	Header map[string]string `json:"header,omitempty"`
	Body   json.RawMessage   `json:"body"` // canonical JSON
}

// Native names what a request made.
type Native struct {
	Request string            `json:"request"` // Request.ID
	Kind    string            `json:"kind"`    // the service's own word
	Name    string            `json:"name"`
	ID      string            `json:"id"` // what Describe needs: ARN, resource name, folder
	Part    int               `json:"part"`
	Parts   int               `json:"parts"`
	Outputs map[string]string `json:"outputs,omitempty"` // late values that requests name by $ref
	Console string            `json:"console,omitempty"` // URL of the service's page
}

// State is where a native job is. States only move forwards; the last three end it.
type State string

// The states of native jobs.
const (
	Queued     State = "queued"
	Preparing  State = "preparing"
	Running    State = "running"
	Cancelling State = "cancelling"
	Succeeded  State = "succeeded"
	Failed     State = "failed"
	Cancelled  State = "cancelled"
)

// Observation is what a service says of a native job.
type Observation struct {
	Native   Native
	State    State
	Detail   string    // the service's own state and words
	Code     Code      // why it failed; OK else
	Progress *Progress // nil where the service does not tell
	Started  time.Time // zero: unknown
	Ended    time.Time // zero: not over, or unknown
}

// Progress is how much of a native job is done. Zero All means unknown.
type Progress struct {
	Counts record.Counts `json:"counts"`
	Bytes  int64         `json:"bytes"` // of input, read
	All    int64         `json:"all"`
}

// Query bounds List.
type Query struct {
	Since time.Time // only jobs made at or after this time; zero: all
}

// Piece is a finished part of the results: of one whole shard, or of some rows
// of it. Exactly one of Part and Lines is set.
type Piece struct {
	Shard int

	// Part: the shard's published objects, ready to be copied as they are.
	Part *Part
	// Lines: scorer lines, to be split into predictions and failures.
	Lines *Lines
}

// Part is a shard that our scorer finished in the form it is published in.
type Part struct {
	Folder string       // URI prefix of the objects; ends in a slash
	Shard  record.Shard // counts, digests and names
	Fills  map[string]int64
	Made   Made
}

// Lines are scorer lines of a shard, in input order, one for each record from
// row First on.
type Lines struct {
	URI     string
	First   int64
	Records int64 // how many lines; 0: not known, as of a whole shard
	Last    bool  // the shard ends with these
	Made    Made

	// Rows are those of the lines where they do not follow one another: ranges, the last
	// row included.
	Rows [][2]int64

	// Sparse is set of a whole shard some of whose records may have no line: each
	// line says which record it is of, as mapping.AppendIdentity writes it.
	Sparse *Sparse
}

// Sparse is what lines do not tell that may be missing.
type Sparse struct {
	Rows int64    // of the shard; Lines.Records is how many have a line
	From []string // URIs of the objects that the lines were taken from: others may need them, too
}

// Made says what computed a piece.
type Made struct {
	Engine  record.Engine   `json:"engine"`
	Machine string          `json:"machine"`
	Columns []record.Column `json:"columns"`
	Outputs []record.Output `json:"outputs,omitempty"` // what lines hold: published CSV is made with them
}

// LogOptions choose log lines.
type LogOptions struct {
	Follow bool
	Tail   int // only the last lines; 0: all
}

// LogLine is one line of a native job's log.
type LogLine struct {
	Part int       `json:"part"`
	Time time.Time `json:"time"` // zero: unknown
	Text string    `json:"text"`
}
