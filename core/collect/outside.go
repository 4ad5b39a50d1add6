package collect

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Outside refuses a job whose input lies in its destination, or whose result
// would become part of its input.
func Outside(in storage.Input, j job.Job) error {
	destination := j.Output.Destination
	path, ok := storage.LocalPath(destination)
	if !ok {
		return outsideStore(in, j)
	}
	dest := filepath.Clean(path) + string(filepath.Separator)
	for _, o := range in.Objects {
		if strings.HasPrefix(o.Path, dest) {
			return fmt.Errorf("the input %s lies in the destination %s: a run must not read what it writes", o.Path, destination)
		}
	}
	written := []string{
		dest + record.PartName(0, 1, "00000000", string(j.Output.Format), j.Output.Compression),
		dest + record.FailedName(0, 1, "00000000"),
	}
	for _, s := range j.Input.Source {
		s, ok := storage.LocalPath(s)
		if !ok {
			continue
		}
		inside := slices.ContainsFunc(written, func(path string) bool {
			match, err := doublestar.PathMatch(s, path)
			return err == nil && match
		})
		if info, err := os.Stat(s); err == nil {
			inside = info.IsDir() && strings.HasPrefix(dest, filepath.Clean(s)+string(filepath.Separator))
		}
		if inside {
			return fmt.Errorf("the destination %s lies in the source %s, whose next run would read it", destination, s)
		}
	}
	return nil
}

// outsideStore is Outside of a destination in a store.
func outsideStore(in storage.Input, j job.Job) error {
	destination := j.Output.Destination
	for _, o := range in.Objects {
		if storage.Covers(storage.Join(destination, ""), o.URI) {
			return fmt.Errorf("the input %s lies in the destination %s: a run must not read what it writes", o.URI, destination)
		}
	}
	written := []string{
		storage.Join(destination, record.PartName(0, 1, "00000000", string(j.Output.Format), j.Output.Compression)),
		storage.Join(destination, record.FailedName(0, 1, "00000000")),
	}
	for _, s := range j.Input.Source {
		if slices.ContainsFunc(written, func(uri string) bool { return storage.Covers(s, uri) }) {
			return fmt.Errorf("the destination %s lies in the source %s, whose next run would read it", destination, s)
		}
	}
	return nil
}
