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
		return outsideOf(in, j)
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

// outsideOf is Outside for a destination in an object store.
func outsideOf(in storage.Input, j job.Job) error {
	dest, err := storage.ParseURI(j.Output.Destination)
	if err != nil {
		return err
	}
	beside := func(u storage.URI, err error) bool {
		return err == nil && u.Scheme == dest.Scheme && u.Bucket == dest.Bucket && u.Query == dest.Query
	}
	for _, o := range in.Objects {
		if u, err := storage.ParseURI(o.URI); beside(u, err) && strings.HasPrefix(u.Key, dest.Key) {
			return fmt.Errorf("the input %s lies in the destination %s: a run must not read what it writes", o.URI, j.Output.Destination)
		}
	}
	part := record.PartName(0, 1, "00000000", string(j.Output.Format), j.Output.Compression)
	for _, s := range j.Input.Source {
		u, err := storage.ParseURI(s)
		if !beside(u, err) {
			continue
		}
		match, merr := doublestar.Match(u.Key, dest.Key+part)
		if inside := strings.TrimSuffix(u.Key, "/") + "/"; merr == nil && match || strings.HasPrefix(dest.Key, inside) || u.Key == "" {
			return fmt.Errorf("the destination %s lies in the source %s, whose next run would read it", j.Output.Destination, s)
		}
	}
	return nil
}
