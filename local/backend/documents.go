package backend

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// The files of an attempt's folder.
const (
	requestFile   = "request.json"
	lockFile      = "lock"
	markerFile    = "worker.json"
	cancelFile    = "cancel"
	statusFile    = "status.json"
	endFile       = "end.json"
	logFile       = "worker.log"
	resultsFolder = "results"
)

// documentVersion is the version of the documents below. A worker ends a
// request of another one as invalid.
const documentVersion = 1

// chosenVersion is the version of a request for some rows only, which an earlier
// crossbatch would not know of.
const chosenVersion = 2

// request is request.json: everything that an attempt is made of.
type request struct {
	FormatVersion int             `json:"format_version"`
	Name          string          `json:"name"`
	Job           job.Job         `json:"job"`
	Run           string          `json:"run"`
	Attempt       int             `json:"attempt"`
	Model         provider.Model  `json:"model"`
	Shards        job.Shards      `json:"shards"`
	Format        job.Format      `json:"format"`
	Take          []int           `json:"take"`
	Rows          []provider.Rows `json:"rows,omitempty"` // of Take; none: all rows
	Device        string          `json:"device"`
	Budget        time.Duration   `json:"budget"` // nanoseconds; 0: no limit
}

// marker is worker.json: a worker began.
type marker struct {
	FormatVersion int       `json:"format_version"`
	PID           int       `json:"pid"` // for people; whether it lives is told by the lock
	Started       time.Time `json:"started"`
}

// status is status.json: how far a worker is.
type status struct {
	FormatVersion int               `json:"format_version"`
	State         provider.State    `json:"state"` // preparing or running
	Progress      provider.Progress `json:"progress"`
}

// end is end.json: how a worker ended.
type end struct {
	FormatVersion int               `json:"format_version"`
	State         provider.State    `json:"state"`
	Code          provider.Code     `json:"code"`
	Message       string            `json:"message,omitempty"`
	Progress      provider.Progress `json:"progress"`
	Started       time.Time         `json:"started"`
	Ended         time.Time         `json:"ended"`
}

// readDocument reads a document of a folder.
func readDocument(dir, name string, into any) error {
	body, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("reading %s: %w", filepath.Join(dir, name), err)
	}
	return nil
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}
