package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"
)

// ErrBusy says that another process holds a folder.
var ErrBusy = errors.New("another run is writing there")

// Hold is a folder that one process holds, and in it the work folder of one run.
// Holds of killed processes end with them; their work folders stay.
type Hold struct {
	Folder string   // of this run; what an earlier process finished there stays
	Others []string // names of the work folders that other runs left
	root   string
	lock   *flock.Flock
	made   []string // folders that were not there before, outermost first
}

// TakeHold holds the folder root and makes root/run. ErrBusy names what is held.
func TakeHold(root, run string) (*Hold, error) {
	h := &Hold{root: root, Folder: filepath.Join(root, run)}
	for p := root; ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); err == nil || p == filepath.Dir(p) {
			break
		}
		h.made = slices.Insert(h.made, 0, p)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("making the destination: %w", err)
	}
	if err := h.take(); err != nil {
		h.unmake()
		return nil, err
	}
	left, err := os.ReadDir(root)
	for _, e := range left {
		if e.IsDir() && e.Name() != run {
			h.Others = append(h.Others, e.Name())
		}
	}
	if err == nil {
		err = os.MkdirAll(h.Folder, 0o755)
	}
	if err != nil {
		h.Release(false)
		return nil, fmt.Errorf("making the destination: %w", err)
	}
	return h, nil
}

// take locks the folder. The file that was locked must still be the one under
// that name: its last holder removes it.
func (h *Hold) take() error {
	path := filepath.Join(h.root, "lock")
	for {
		h.lock = flock.New(path)
		ok, err := h.lock.TryLock()
		if errors.Is(err, fs.ErrNotExist) { // the last holder removed the folder
			if err := os.MkdirAll(h.root, 0o755); err != nil {
				return fmt.Errorf("making the destination: %w", err)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("locking the destination: %w", err)
		}
		if !ok {
			return fmt.Errorf("%w: %s", ErrBusy, filepath.Dir(h.root))
		}
		held, err := h.lock.Stat()
		named, nerr := os.Stat(path)
		if err == nil && nerr == nil && os.SameFile(held, named) {
			return nil
		}
		_ = h.lock.Close()
	}
}

// Drop removes the work folder of another run.
func (h *Hold) Drop(run string) error {
	if filepath.Base(run) != run {
		return fmt.Errorf("%q is no work folder", run)
	}
	return os.RemoveAll(filepath.Join(h.root, run))
}

// Restart empties the work folder of this run.
func (h *Hold) Restart() error {
	if err := os.RemoveAll(h.Folder); err != nil {
		return err
	}
	return os.Mkdir(h.Folder, 0o755)
}

// Release ends the hold and removes what was made for it and is empty. The work
// folder of this run stays when keep says so.
func (h *Hold) Release(keep bool) {
	if !keep {
		_ = os.RemoveAll(h.Folder)
	}
	_ = os.Remove(filepath.Join(h.root, "lock")) // still locked, so nobody else holds it
	_ = os.Remove(h.root)
	_ = h.lock.Close()
	h.unmake()
}

func (h *Hold) unmake() {
	for _, p := range slices.Backward(h.made) {
		_ = os.Remove(p) // fails where there is something
	}
}
