package job

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Shard is one input object.
type Shard struct {
	URI    string `json:"uri"`
	Size   int64  `json:"size"`   // bytes
	Digest string `json:"digest"` // hex SHA-256
}

// Shards is the input of a run, in order; its index is the shard's number.
type Shards []Shard

// Digest names the input: hex SHA-256 over every shard in order.
func (s Shards) Digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "crossbatch input 1\n")
	for _, x := range s {
		fmt.Fprintf(h, "%d %s %d %s\n", len(x.URI), x.URI, x.Size, x.Digest)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Bytes is the size of all shards together.
func (s Shards) Bytes() int64 {
	var n int64
	for _, x := range s {
		n += x.Size
	}
	return n
}

// Fingerprint names what can change a run's results: model, input, and the
// parts of the job that say how the one meets the other. Where the job runs,
// how large its batches are and what it may cost is not in it.
func Fingerprint(j Job, modelDigest string, input Shards) (string, error) {
	out := j.Output
	out.Existing = ""
	doc, err := json.Marshal(struct {
		Version int               `json:"version"`
		Model   string            `json:"model"`
		Env     map[string]string `json:"env"`
		Input   string            `json:"input"`
		Format  Format            `json:"format"`
		CSV     Dialect           `json:"csv"`
		Key     []string          `json:"key"`
		Tensors []Tensor          `json:"tensors"`
		Output  Output            `json:"output"`
	}{1, modelDigest, j.Env, input.Digest(), j.Input.Format, j.Input.CSV, j.Input.Key, j.Input.Tensors, out})
	if err != nil {
		return "", fmt.Errorf("fingerprint of %s: %w", j.Address, err)
	}
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:]), nil
}

// RunID names a run outside of a ledger: the first 20 hex digits of SHA-256
// over the job's identity (project, address, destination) and its fingerprint.
func RunID(j Job, fingerprint string) string {
	h := sha256.New()
	for _, part := range []string{"crossbatch run 1", j.Project, j.Address, j.Output.Destination, fingerprint} {
		fmt.Fprintf(h, "%d %s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))[:20]
}
