package predict

import (
	"encoding/json"
	"time"
)

// Values of Instance.Type.
const (
	Object = "object"
	Array  = "array"
)

// Task is the part of a job that its data are concerned with. Whatever has a
// default is filled in.
type Task struct {
	Job string // its id

	Image       string
	Command     []string
	User        []Variable        // environment that the job asks for
	Environment map[string]string // and the service's own, but AIP_STORAGE_URI
	HealthRoute string
	// PredictRoute takes {"instances":[...]}.
	PredictRoute string
	ReadyFor     time.Duration // how long a server may take to be ready; 0: Options.ReadyFor
	Artifact     string        // gs://BUCKET/FOLDER; empty: none
	Replicas     int           // containers; as many of them as Options.Replicas leaves free

	Inputs     []string // gs://BUCKET/KEY, where a * stands for anything but a slash, ** for anything
	Instance   Instance
	Batch      int // instances of a request
	Parameters json.RawMessage

	Output string // gs://BUCKET/FOLDER/ of the job's own
}

// Variable is an environment variable. Its value may hold $(NAME) of others.
type Variable struct{ Name, Value string }

// Instance is how a line becomes an instance.
type Instance struct {
	Type     string // Object, Array, or empty: as the line is
	Key      string // field that the results carry in place of the instance
	Included []string
	Excluded []string
}

// Counts are how many rows a job has dealt with.
type Counts struct {
	Succeeded, Failed int64
	Incomplete        int64 // -1: unknown
}

// Report is how a job went.
type Report struct {
	Counts
	Unreadable []string // what went wrong with inputs as a whole
}

// Uncertain are points on which the service's documents are silent. The zero value
// is the likelier of both.
type Uncertain struct {
	// TextKept leaves the text of instances and predictions as it is; else both are
	// read, and written as Python's json module does, as the spaces in recorded
	// results suggest.
	TextKept bool
	// BatchesSpanFiles fills batches up with lines of the next file.
	BatchesSpanFiles bool
	// KeyKept leaves the key field in what the model sees.
	KeyKept bool
	// ParametersDropped leaves the job's parameters out of requests, as a report
	// (googleapis/python-aiplatform issue 2666) has it.
	ParametersDropped bool
	// ScalarsRefused fails lines that are neither an object nor a list; else they
	// are instances as they are.
	ScalarsRefused bool
}
