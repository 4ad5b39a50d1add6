package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// checkpointVersion is the version of the checkpoint's form. Others are not gone
// on with.
const checkpointVersion = 1

// checkpointEvery is how much time a killed run loses at most, besides the chunks
// that are on their way.
const checkpointEvery = time.Second

// checkpoint is how far a shard is whose end is not reached: the files that it
// names hold what became of its first rows. It is not brought to disk, and
// neither are they: after a power cut the digests tell, and the shard begins anew.
type checkpoint struct {
	FormatVersion int              `json:"format_version"`
	Run           string           `json:"run"`
	Shard         int              `json:"shard"`
	Next          position         `json:"next"` // the first record that is not answered
	Counts        record.Counts    `json:"counts"`
	Chosen        bool             `json:"chosen,omitempty"` // only some of the rows are scored
	Fills         map[string]int64 `json:"fills,omitempty"`
	Part          record.File      `json:"part"`
	Failed        *record.File     `json:"failed,omitempty"`
	Notes         [][]byte         `json:"notes,omitempty"` // of the part's chunks
	Made          provider.Made    `json:"made"`
}

// position is a place between two records of a shard.
type position struct {
	Row    int64 `json:"row"`
	Offset int64 `json:"offset"` // bytes of its text, uncompressed; 0 for what is read by row
}

// CheckpointName is the file that says how far a shard is.
func CheckpointName(shard int) string { return fmt.Sprintf("shard-%05d.checkpoint", shard) }

func (c *checkpoint) write(folder string) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	path := filepath.Join(folder, CheckpointName(c.Shard))
	temp := filepath.Join(folder, ".tmp-"+CheckpointName(c.Shard))
	if err = os.WriteFile(temp, append(body, '\n'), 0o644); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	return nil
}

// parseCheckpoint reads a checkpoint; nil when it is none that can be gone on with.
func parseCheckpoint(body []byte) *checkpoint {
	var c checkpoint
	switch {
	case json.Unmarshal(body, &c) != nil, c.FormatVersion != checkpointVersion,
		!c.Counts.Balanced(), min(c.Counts.OK, c.Counts.Failed, c.Counts.Skipped) < 0,
		c.Next.Row < 0, c.Next.Offset < 0, !c.Chosen && c.Next.Row != c.Counts.In, c.Next.Row < c.Counts.In,
		c.Part.Size < 0, c.Failed != nil && c.Failed.Size < 0,
		(c.Failed != nil) != (c.Counts.Failed > 0):
		return nil
	}
	return &c
}

// Unfinished counts the records of a folder that are answered, and whose shards
// are not finished. A folder that is not there holds none.
func Unfinished(folder string) (record.Counts, error) {
	var c record.Counts
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("reading checkpoints: %w", err)
	}
	for _, e := range entries {
		if ok, _ := filepath.Match("shard-*.checkpoint", e.Name()); !ok {
			continue
		}
		body, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return c, fmt.Errorf("reading checkpoints: %w", err)
		}
		if at := parseCheckpoint(body); at != nil {
			c.Add(at.Counts)
		}
	}
	return c, nil
}

// resumed is a shard that is gone on with.
type resumed struct {
	checkpoint
	part, failed *file
}

func (r *resumed) close() {
	for _, f := range []*file{r.part, r.failed} {
		if f != nil {
			f.close()
		}
	}
}

// resume finds what there is to go on with: nil where a shard begins anew, since
// it has no checkpoint, or one of another run, of another engine, or of files
// that are not what it says.
func (r *Run) resume(folder string, shard int) *resumed {
	body, err := os.ReadFile(filepath.Join(folder, CheckpointName(shard)))
	if err != nil {
		return nil
	}
	c := parseCheckpoint(body)
	if c == nil || c.Run != r.task.Run || c.Chosen != (r.task.Rows != nil) || c.Shard != shard || !reflect.DeepEqual(c.Made, r.Made()) ||
		c.Part.Name != r.partName(shard) || c.Failed != nil && c.Failed.Name != r.failedName(shard) {
		return nil
	}
	out := &resumed{checkpoint: *c}
	if out.part, err = reopenFile(folder, c.Part); err == nil && c.Failed != nil {
		out.failed, err = reopenFile(folder, *c.Failed)
	}
	if err != nil {
		out.close()
		return nil
	}
	return out
}

func (r *Run) partName(shard int) string {
	format, compression := r.written()
	return record.PartName(shard, len(r.input.names), r.task.Run, string(format), compression)
}

func (r *Run) failedName(shard int) string {
	return record.FailedName(shard, len(r.input.names), r.task.Run)
}
