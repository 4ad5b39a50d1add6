package transform

import (
	"time"

	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/jsonpath"
)

// Values of a Task, as the API writes them.
const (
	None         = "None"
	Line         = "Line"
	MultiRecord  = "MultiRecord"
	SingleRecord = "SingleRecord"
)

// Task is the part of a job that its data are concerned with. Whatever has a
// default is filled in, but what the container may be asked for.
type Task struct {
	Job         string
	Region      string
	Definitions []Definition      // of the containers; several are a pipeline
	Environment map[string]string // the job's, laid over that of every container
	Instances   int

	// What the request says. Where it says nothing, the container is asked.
	MaxConcurrent int    // requests at a time of one instance; 0 is nothing said
	MaxPayload    *int   // MiB; 0 is no limit, and chunked requests
	Strategy      string // MultiRecord, SingleRecord or empty

	Timeout time.Duration // of one try of a request
	Retries int           // tries after the first

	Manifest    bool   // Input is a manifest, not a prefix
	Input       string // s3://BUCKET/PREFIX
	ContentType string
	Gzip        bool
	Split       string // None or Line

	Output   string // s3://BUCKET/PREFIX
	Accept   string
	Assemble string // None or Line
	KMSKey   string

	Processing Processing
}

// Processing is what is done to records on their way.
type Processing struct {
	Format       Format // ignored unless anything is done
	InputFilter  jsonpath.Path
	OutputFilter jsonpath.Path
	Join         bool // answers are put beside what they answer
}

func (p Processing) active() bool {
	return p.Join || !p.InputFilter.Whole() || !p.OutputFilter.Whole()
}

// Format is how records that are processed are written.
type Format int

// The formats, by their media types text/csv, application/jsonlines and
// application/json.
const (
	CSV Format = iota
	JSONLines
	JSON
)

// Definition is a container as the model has it.
type Definition struct {
	Name        string // in a pipeline, of its log stream; may be empty
	Image       string
	Environment map[string]string
	Data        []Data
}

// Data is something that a container finds below /opt/ml.
type Data struct {
	URI     string // s3://BUCKET/KEY
	Prefix  bool   // all objects below it; else the one object
	Archive bool   // the object is a .tar.gz
	Folder  string // below /opt/ml, such as "model"
}

// Uncertain are points on which the service's documents are silent or disagree. The
// zero value is the likelier of both.
type Uncertain struct {
	// OutputBesideFolder names outputs as the API reference's example does: in a
	// folder called as the last one of the input prefix, other folders dropped.
	// Else the path below the prefix is kept.
	OutputBesideFolder bool
	// GzipNameDropped makes x.csv.out of x.csv.gz, else x.csv.gz.out.
	GzipNameDropped bool
	// NewlineDropped sends requests without the newline behind their last line.
	NewlineDropped bool
	// NewlineOnce lets AssembleWith=Line add a newline only to an answer that does
	// not end in one.
	NewlineOnce bool
	// ClientErrorsRetried repeats requests that were answered 4xx too.
	ClientErrorsRetried bool
	// SliceEndsIncluded is for [start:end] of filters.
	SliceEndsIncluded bool
	// StopKeepsFinished leaves outputs that were complete when the job was stopped;
	// else they go as well.
	StopKeepsFinished bool
}
