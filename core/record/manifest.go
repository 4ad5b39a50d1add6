package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/crossbatch/crossbatch/core/digest"
)

// ManifestVersion is the version of the manifest's form. Readers refuse others.
const ManifestVersion = 1

// State is how a published run ended.
type State string

// The states of results. Failed and cancelled runs publish nothing: these stand
// in manifests of what was fetched of such runs on request.
const (
	Succeeded State = "succeeded"
	Partial   State = "partial"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Manifest is _manifest.json: it commits a result and accounts for every record.
type Manifest struct {
	FormatVersion int              `json:"format_version"`
	State         State            `json:"state"`
	Project       string           `json:"project"`
	Address       string           `json:"address"`
	Run           string           `json:"run"`
	Fingerprint   string           `json:"fingerprint"`
	Model         ModelInfo        `json:"model"`
	Provider      string           `json:"provider"` // KIND.ALIAS
	Machine       string           `json:"machine"`
	Engine        Engine           `json:"engine"`
	Format        string           `json:"format"`
	Compression   string           `json:"compression,omitempty"` // of the parts: gzip | zstd; failed-* is never compressed
	Columns       []Column         `json:"columns"`
	Totals        Counts           `json:"totals"`
	Fills         map[string]int64 `json:"fills,omitempty"` // nulls that the job's null rules filled, by field
	Started       time.Time        `json:"started"`
	Finished      time.Time        `json:"finished"`
	Shards        []Shard          `json:"shards"`

	// Retried is the run whose failed and skipped records this one tried again. All other
	// records are as that run published them; what else stands here is of this run.
	Retried string `json:"retried,omitempty"`
}

// ModelInfo names the model that scored.
type ModelInfo struct {
	Name   string `json:"name"`
	Digest string `json:"digest"` // SHA-256, external data included
}

// Engine is what ran the model.
type Engine struct {
	Crossbatch  string `json:"crossbatch"`
	ONNXRuntime string `json:"onnxruntime"`
	Device      string `json:"device"`
	Batch       int    `json:"batch"` // records a call
}

// Column is one column of the result, as in its CSV header.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // of a prediction: as the model says; of others: as a typed input says
}

// Counts accounts for records: In = OK + Failed + Skipped.
type Counts struct {
	In      int64 `json:"in"`
	OK      int64 `json:"ok"`
	Failed  int64 `json:"failed"`
	Skipped int64 `json:"skipped"`
}

// Add adds o to c.
func (c *Counts) Add(o Counts) {
	c.In += o.In
	c.OK += o.OK
	c.Failed += o.Failed
	c.Skipped += o.Skipped
}

// Balanced says whether every record is accounted for.
func (c Counts) Balanced() bool { return c.In == c.OK+c.Failed+c.Skipped }

// Shard accounts for one input object.
type Shard struct {
	URI     string `json:"uri"`
	Size    int64  `json:"size"`
	Digest  string `json:"digest"`            // of the input: core/digest; empty where only its version tells
	Version string `json:"version,omitempty"` // the store's mark of the input object
	Counts
	SkippedRows [][2]int64 `json:"skipped_rows,omitempty"` // ranges, the last row included
	Part        File       `json:"part"`
	FailedPart  *File      `json:"failed_part,omitempty"` // only where records failed
}

// File is a published object.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"` // core/digest
}

// Files are the names of all published objects but the manifest.
func (m *Manifest) Files() []string {
	var names []string
	for _, s := range m.Shards {
		names = append(names, s.Part.Name)
		if s.FailedPart != nil {
			names = append(names, s.FailedPart.Name)
		}
	}
	return names
}

// Left is how many records have no prediction.
func (c Counts) Left() int64 { return c.Failed + c.Skipped }

// Digest names what the manifest says.
func (m *Manifest) Digest() (string, error) {
	body, err := m.Encode()
	return digest.Of(body), err
}

// Encode writes the manifest as it is published.
func (m *Manifest) Encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return b.Bytes(), nil
}

// ErrManifest says that a _manifest.json is not one that this version reads.
var ErrManifest = errors.New("not a result manifest of this version")

// ParseManifest reads a manifest.
func ParseManifest(b []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if err := readable(int64(m.FormatVersion)); err != nil {
		return nil, err
	}
	return &m, nil
}

func readable(version int64) error {
	if version != ManifestVersion {
		return fmt.Errorf("%w: format_version is %d, this crossbatch reads %d", ErrManifest, version, ManifestVersion)
	}
	return nil
}
