package collect

import (
	"errors"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// Errors that callers tell apart.
var (
	ErrConflict = errors.New("conflict")
	ErrPiece    = errors.New("a piece of the results is not what it says")
)

// Source is a run whose results are collected. What is published depends on
// nothing else: two collectors of one Source write the same bytes.
type Source struct {
	Job               job.Job
	Run, Fingerprint  string
	Shards            job.Shards
	Format            job.Format // of the input
	Model             record.ModelInfo
	Provider          string // KIND.ALIAS
	Started, Finished time.Time
	Pieces            []provider.Piece

	// Base is the result that the pieces mend; nil: they are of a whole run.
	Base *Base

	// Made is what scored, for a run that no piece tells of: one without records.
	Made provider.Made
}

// Options are what watching and testing need. The zero value is fine.
type Options struct {
	// Step is called before and after every object that is written, with the
	// step's name, by one goroutine at a time. Crash tests end the process in it.
	Step func(point string)
	// Progress is told how many shards of all are written, by one goroutine at
	// a time.
	Progress func(done, all int64)
	// Always writes the parts of a failed run, too: for results that are fetched
	// whatever became of it.
	Always bool
}

// Verdict is what a run came to.
type Verdict struct {
	State  record.State
	Reason string // why it failed; else empty
	Counts record.Counts
}
