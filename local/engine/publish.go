package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/crossbatch/crossbatch/core/record"
)

// Errors of the destination that callers tell apart.
var (
	ErrConflict = errors.New("conflict")
	ErrBusy     = errors.New("another run is writing there")
)

// workFolder holds what a run has not published yet. Readers of results skip
// names that start with a dot.
const workFolder = ".crossbatch"

// destination is a folder that one run holds.
type destination struct {
	dir  string
	work string
	lock *flock.Flock
	made []string // folders that were not there before, outermost first
}

// existing reads the manifest of the result that is there; nil when there is none.
func existing(dir string) (*record.Manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, record.ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for a result: %w", err)
	}
	m, err := record.ParseManifest(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, record.ManifestName), err)
	}
	return m, nil
}

// destinationFree refuses a destination whose result must not be replaced.
func (r *Run) destinationFree() error {
	dir := r.job.Output.Destination
	if info, err := os.Stat(filepath.Clean(dir)); err == nil && !info.IsDir() {
		return fmt.Errorf("the destination %s is a file, not a folder", dir)
	}
	m, err := existing(dir)
	switch {
	case errors.Is(err, record.ErrManifest):
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case err != nil || m == nil:
		return err
	}
	if m.Project != r.job.Project || m.Address != r.job.Address {
		return fmt.Errorf("%w: %s holds the result of another job (%s, run %s); choose another destination or remove it", ErrConflict, dir, identity(m), m.Run)
	}
	if r.job.Output.Existing == "fail" && r.ID != "" && m.Run != r.ID {
		return fmt.Errorf("%w: %s holds the result of run %s, and output.existing is \"fail\"", ErrConflict, dir, m.Run)
	}
	return nil
}

func identity(m *record.Manifest) string {
	if m.Project == "" {
		return m.Address
	}
	return m.Project + "/" + m.Address
}

// claim takes the destination for this run, makes its work folder, and clears
// what runs that were killed left there.
func (r *Run) claim() (*destination, error) {
	d := &destination{dir: filepath.Clean(r.job.Output.Destination)}
	root := filepath.Join(d.dir, workFolder)
	for p := root; ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); err == nil || p == filepath.Dir(p) {
			break
		}
		d.made = slices.Insert(d.made, 0, p)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("making the destination: %w", err)
	}
	if err := d.take(root); err != nil {
		return nil, err
	}
	if err := r.destinationFree(); err != nil { // of a run that ended since Prepare, too
		d.release()
		return nil, err
	}
	d.work = filepath.Join(root, r.ID)
	left, err := os.ReadDir(root)
	for _, e := range left {
		if e.IsDir() && err == nil {
			err = os.RemoveAll(filepath.Join(root, e.Name()))
		}
	}
	if err == nil {
		err = os.Mkdir(d.work, 0o755)
	}
	if err != nil {
		d.release()
		return nil, fmt.Errorf("making the destination: %w", err)
	}
	return d, nil
}

// take locks the work folder. The file that was locked must still be the one
// under that name: its last holder removes it.
func (d *destination) take(root string) error {
	path := filepath.Join(root, "lock")
	for {
		d.lock = flock.New(path)
		ok, err := d.lock.TryLock()
		if errors.Is(err, fs.ErrNotExist) { // the last holder removed the folder
			if err := os.MkdirAll(root, 0o755); err != nil {
				return fmt.Errorf("making the destination: %w", err)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("locking the destination: %w", err)
		}
		if !ok {
			return fmt.Errorf("%w: %s", ErrBusy, d.dir)
		}
		held, err := d.lock.Stat()
		named, nerr := os.Stat(path)
		if err == nil && nerr == nil && os.SameFile(held, named) {
			return nil
		}
		_ = d.lock.Close()
	}
}

// release removes the work folder and what else the run made for nothing.
func (d *destination) release() {
	if d.work != "" {
		_ = os.RemoveAll(d.work)
	}
	root := filepath.Join(d.dir, workFolder)
	_ = os.Remove(filepath.Join(root, "lock")) // still locked, so nobody else holds it
	_ = os.Remove(root)
	_ = d.lock.Close()
	for _, p := range slices.Backward(d.made) {
		_ = os.Remove(p) // fails where there is a result
	}
}

// manifest accounts for the run.
func (r *Run) manifest(state State, s *sink, fills map[string]int64, started time.Time) *record.Manifest {
	if len(fills) == 0 {
		fills = nil
	}
	cols := r.scorer.Columns()
	return &record.Manifest{
		FormatVersion: record.ManifestVersion,
		State:         record.State(state),
		Project:       r.job.Project,
		Address:       r.job.Address,
		Run:           r.ID,
		Fingerprint:   r.Fingerprint,
		Model:         record.ModelInfo{Name: r.job.Model.Name, Digest: r.pkg.Digest},
		Provider:      r.job.Placement.Providers[0].String(),
		Machine:       runtime.GOOS + "/" + runtime.GOARCH,
		Engine: record.Engine{
			Crossbatch:  r.opts.Version,
			ONNXRuntime: r.opts.Runtime.Version,
			Device:      r.opts.Device.String(),
			Batch:       r.scorer.Batch(),
		},
		Format:   string(r.job.Output.Format),
		Columns:  cols.Table(),
		Totals:   s.total,
		Fills:    fills,
		Started:  started.UTC(),
		Finished: r.opts.Now().UTC(),
		Shards:   s.shards,
	}
}

// publish puts the run's parts beside those that are there, commits them with
// the manifest, and then removes the parts that the replaced manifest named.
func (d *destination) publish(ctx context.Context, m *record.Manifest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	old, err := existing(d.dir)
	if err != nil {
		return err
	}
	files, replaced := m.Files(), []string(nil)
	if old != nil {
		replaced = old.Files()
	}
	if err := d.commit(m, files); err != nil {
		_ = d.remove(files, replaced)
		return fmt.Errorf("publishing: %w", err)
	}
	if err := syncFolder(d.dir); err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	if err := d.remove(replaced, files); err != nil {
		return fmt.Errorf("removing the replaced result: %w", err)
	}
	return nil
}

// commit moves the parts to their place and then the manifest. After an error
// the old manifest, if any, is in force.
func (d *destination) commit(m *record.Manifest, files []string) error {
	body, err := m.Encode()
	if err != nil {
		return err
	}
	temp := filepath.Join(d.work, record.ManifestName)
	if err := writeFile(temp, body); err != nil {
		return err
	}
	for _, name := range files {
		if err := os.Rename(filepath.Join(d.work, name), filepath.Join(d.dir, name)); err != nil {
			return err
		}
	}
	if err := syncFolder(d.dir); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(d.dir, record.ManifestName))
}

// remove deletes files of the destination but those to keep. Names that lead
// out of the folder are passed over: a manifest is data.
func (d *destination) remove(names, keep []string) error {
	for _, name := range names {
		if filepath.Base(name) != name || slices.Contains(keep, name) {
			continue
		}
		if err := os.Remove(filepath.Join(d.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func writeFile(path string, body []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
