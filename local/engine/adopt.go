package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Adopt moves what a dead execution left of shards that it did not finish into
// another folder, so that an execution there goes on with them. Shards that have
// a checkpoint there already stay. Stopped half-way, it costs a shard's progress
// and nothing else.
func Adopt(from, to string, take []int) error {
	for _, shard := range take {
		name := CheckpointName(shard)
		if _, err := os.Stat(filepath.Join(to, name)); err == nil {
			continue
		}
		body, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("going on with shard %d: %w", shard, err)
		}
		c := parseCheckpoint(body)
		if c == nil {
			continue
		}
		if err := os.MkdirAll(to, 0o755); err != nil {
			return fmt.Errorf("going on with shard %d: %w", shard, err)
		}
		names := []string{c.Part.Name}
		if c.Failed != nil {
			names = append(names, c.Failed.Name)
		}
		for _, n := range append(names, name) { // the checkpoint last
			n = filepath.Base(n)
			if err := os.Rename(filepath.Join(from, n), filepath.Join(to, n)); err != nil {
				return fmt.Errorf("going on with shard %d: %w", shard, err)
			}
		}
	}
	return nil
}
