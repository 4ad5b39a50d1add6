package job

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// Shard is one input object.
type Shard struct {
	URI    string `json:"uri"`
	Size   int64  `json:"size"`   // bytes
	Digest string `json:"digest"` // core/digest; empty: it is not known

	// Version is the strongest mark that the object's store gives it: a generation,
	// a version id or an entity tag, as in "generation:5". Of files it is empty.
	Version string `json:"version,omitempty"`
}

// Shards is the input of a run, in order; its index is the shard's number.
type Shards []Shard

// Digest names the input: hex SHA-256 over every shard in order. A shard is told
// from others by its digest, or by its version where the digest is not known.
func (s Shards) Digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "crossbatch input 1\n")
	for _, x := range s {
		if x.Digest == "" && x.Version != "" {
			fmt.Fprintf(h, "%d %s %d  %d %s\n", len(x.URI), x.URI, x.Size, len(x.Version), x.Version)
			continue
		}
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
// how large its batches are and what it may cost is not in it; so it is taken
// of the job as the files say it, before On.
//
// The model's digest is that of its ONNX package. For a container or a
// registered model it may be empty: Model.Digest stands for it.
func Fingerprint(j Job, modelDigest string, input Shards) (string, error) {
	out := j.Output
	out.Existing = ""
	doc, err := json.Marshal(struct {
		Version    int               `json:"version"`
		Model      string            `json:"model"`
		Container  *Container        `json:"container,omitempty"`
		Env        map[string]string `json:"env"`
		Input      string            `json:"input"`
		Format     Format            `json:"format"`
		Partitions string            `json:"partitions,omitempty"`
		CSV        Dialect           `json:"csv"`
		Key        []string          `json:"key"`
		Tensors    []Tensor          `json:"tensors"`
		Limit      int64             `json:"limit,omitempty"`
		Output     Output            `json:"output"`
	}{
		1, cmp.Or(modelDigest, j.Model.Digest()), j.Model.fingerprinted(), j.Env, input.Digest(), j.Input.Format, j.Input.Partitions,
		j.Input.CSV, j.Input.Key, j.Input.Tensors, j.Input.Limit, out,
	})
	if err != nil {
		return "", fmt.Errorf("fingerprint of %s: %w", j.Address, err)
	}
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:]), nil
}

// Identity is what makes a job the same job: runs of one identity follow and
// replace each other, and never touch what another identity published.
type Identity struct {
	Project     string `json:"project"`
	Address     string `json:"address"`
	Destination string `json:"destination"`
}

// Identity is the job's.
func (j Job) Identity() Identity {
	return Identity{Project: j.Project, Address: j.Address, Destination: j.Output.Destination}
}

// RunID names a run: the first 20 hex digits of SHA-256 over the ledger's id,
// the job's identity, its fingerprint and the generation, which is how many
// earlier runs of this identity and fingerprint are over.
func RunID(ledger string, id Identity, fingerprint string, generation int) string {
	return shortDigest("crossbatch run 1", ledger, id.Project, id.Address, id.Destination, fingerprint, strconv.Itoa(generation))
}

// ScoreID names a run outside of a ledger: the first 20 hex digits of SHA-256
// over the job's identity and its fingerprint.
func ScoreID(id Identity, fingerprint string) string {
	return shortDigest("crossbatch score 1", id.Project, id.Address, id.Destination, fingerprint)
}

func shortDigest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d %s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))[:20]
}
