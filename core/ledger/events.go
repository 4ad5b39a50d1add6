package ledger

import (
	"encoding/json"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// FormatVersion is the version of what this package writes. Readers refuse others.
const FormatVersion = 1

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	Intent          Kind = "intent"           // the run is wanted; holds all it is made of
	Staged          Kind = "staged"           // its input lies where the provider can read it
	Bound           Kind = "bound"            // an owned object is there
	Sent            Kind = "sent"             // a start is about to be sent
	Started         Kind = "started"          // a native job is there
	Abandoned       Kind = "abandoned"        // nobody knows whether a start was made
	Refused         Kind = "refused"          // a start cannot be made while others of its attempt were
	CancelRequested Kind = "cancel_requested" // somebody wants the run to end
	Ended           Kind = "ended"            // an attempt is over
	Collected       Kind = "collected"        // the parts are written; the manifest follows
	Succeeded       Kind = "succeeded"
	Partial         Kind = "partial"
	Failed          Kind = "failed"
	Cancelled       Kind = "cancelled"
	Destroyed       Kind = "destroyed" // what it made in the cloud is removed
	Forgotten       Kind = "forgotten" // it satisfies its job no more
)

// Over says whether a run whose last event is of this kind has ended.
func (k Kind) Over() bool {
	switch k {
	case Succeeded, Partial, Failed, Cancelled, Destroyed, Forgotten:
		return true
	}
	return false
}

// Event is one entry of a run's history.
type Event struct {
	FormatVersion int       `json:"format_version"`
	Seq           int       `json:"seq"` // from 1
	Kind          Kind      `json:"kind"`
	Run           string    `json:"run"`
	Time          time.Time `json:"time"`  // for people: the order is Seq
	Nonce         string    `json:"nonce"` // tells two writers of one body apart

	Intent    *IntentBody      `json:"intent,omitempty"`
	Attempt   int              `json:"attempt,omitempty"`
	Request   string           `json:"request,omitempty"` // provider.Request.ID
	Native    *provider.Native `json:"native,omitempty"`  // bound, started
	Staged    *StagedBody      `json:"staged,omitempty"`
	Ended     *EndedBody       `json:"ended,omitempty"`
	Collected *CollectedBody   `json:"collected,omitempty"`
	Outcome   *OutcomeBody     `json:"outcome,omitempty"` // refused; succeeded, partial, failed, cancelled
	Destroyed *DestroyedBody   `json:"destroyed,omitempty"`
	Reason    string           `json:"reason,omitempty"` // in people's words
}

// IntentBody is everything that a run is made of.
type IntentBody struct {
	Job         job.Job        `json:"job"`
	Provider    Block          `json:"provider"`
	Fingerprint string         `json:"fingerprint"`
	Generation  int            `json:"generation"`
	Model       provider.Model `json:"model"`
	Format      job.Format     `json:"format"`  // of the input
	Input       string         `json:"input"`   // digest of the shards; see PutShards
	Staging     string         `json:"staging"` // URI prefix of the run, ends in a slash
	Facts       provider.Facts `json:"facts"`
	Scoring     Scoring        `json:"scoring"`
	Crossbatch  string         `json:"crossbatch"` // version
	Preview     bool           `json:"preview,omitempty"`
	Retry       *RetryBody     `json:"retry,omitempty"` // nil: it scores all records
}

// RetryBody says of what result a run tries records again.
type RetryBody struct {
	Run      string `json:"run"`      // id of the run whose result it is
	Manifest string `json:"manifest"` // what that result is: record.Manifest.Digest
	Rows     string `json:"rows"`     // digest of the records; see PutRows
}

// Scoring is what checking the job, its model and its data together has told.
type Scoring struct {
	Fields  []string          `json:"fields,omitempty"`  // that are read of a record
	Columns []string          `json:"columns,omitempty"` // of CSV input
	Types   map[string]string `json:"types,omitempty"`   // of fields of typed input
	Made    provider.Made     `json:"made"`
}

// StagedBody says what was staged.
type StagedBody struct {
	Model   string `json:"model,omitempty"` // URIs of folders
	Mapping string `json:"mapping"`         // URI of the object
	Input   string `json:"input,omitempty"` // empty: it is read in place
	Records int64  `json:"records"`         // staged; 0 in place
}

// Block is a provider block as it was resolved.
type Block struct {
	Kind   string          `json:"kind"`
	Alias  string          `json:"alias"`
	Config json.RawMessage `json:"config"` // canonical JSON, without secrets
}

// String is KIND.ALIAS.
func (b Block) String() string { return b.Kind + "." + b.Alias }

// Identity tells blocks apart: equal ones are one provider.
func (b Block) Identity() string { return b.String() + " " + string(b.Config) }

// Range is shards First to Last.
type Range struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

// EndedBody says how an attempt ended.
type EndedBody struct {
	State    provider.State `json:"state"`
	Code     provider.Code  `json:"code"`
	Message  string         `json:"message,omitempty"`
	Complete []Range        `json:"complete"` // the shards it finished
	Started  time.Time      `json:"started"`
	Ended    time.Time      `json:"ended"`
}

// CollectedBody says what is about to be published.
type CollectedBody struct {
	State    string        `json:"state"` // succeeded | partial
	Totals   record.Counts `json:"totals"`
	Reason   string        `json:"reason,omitempty"`
	Replaced []string      `json:"replaced,omitempty"` // objects of the result that stood there
	Finished time.Time     `json:"finished"`
}

// DestroyedBody says what of a run was removed besides what it made where it ran.
type DestroyedBody struct {
	Results bool `json:"results"` // what it published, as far as that still stood
}

// OutcomeBody says how the run ended.
type OutcomeBody struct {
	Totals record.Counts `json:"totals"`
	Code   provider.Code `json:"code"`
	Reason string        `json:"reason,omitempty"`
}
