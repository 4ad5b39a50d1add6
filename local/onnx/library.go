package onnx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PathVariable names the environment variable that points to the library, or
// to the folder that holds it. It wins over every other place.
const PathVariable = "CROSSBATCH_ONNXRUNTIME"

// CacheVariable names the environment variable that moves the cache which
// Install fills. Unset: the user's cache folder.
const CacheVariable = "CROSSBATCH_CACHE"

// ErrNoLibrary says that no ONNX Runtime was found; the message holds the one
// command that mends it.
var ErrNoLibrary = errors.New("no ONNX Runtime on this machine")

// Source says where a library was found.
type Source string

// The places that Find looks in, in this order.
const (
	FromVariable Source = PathVariable
	FromCache    Source = "cache"
	FromSystem   Source = "system"
	FromPython   Source = "python"
)

// Library is a shared library of ONNX Runtime on this machine.
type Library struct {
	Path   string `json:"path"`
	Source Source `json:"source"`
}

// Finder looks for the library. The zero value of a field means the real thing.
type Finder struct {
	Getenv func(string) string // os.Getenv
	System []string            // folders; nil: those of this operating system
	Python func(context.Context) (string, error)
	GOOS   string
	GOARCH string
}

// Find returns the first library in the order of the Source constants. A
// variable that is set and leads nowhere is an error, not a reason to look on.
func (f Finder) Find(ctx context.Context) (Library, error) {
	f = f.withDefaults()
	if p := f.Getenv(PathVariable); p != "" {
		path, err := f.inPlace(p)
		if err != nil {
			return Library{}, fmt.Errorf("%s is set to %q: %w", PathVariable, p, err)
		}
		return Library{Path: path, Source: FromVariable}, nil
	}
	if p, err := f.CachePath(); err == nil {
		if regular(p) {
			return Library{Path: p, Source: FromCache}, nil
		}
	}
	for _, dir := range f.System {
		if p, err := f.inPlace(dir); err == nil {
			return Library{Path: p, Source: FromSystem}, nil
		}
	}
	if dir, err := f.Python(ctx); err == nil && dir != "" {
		if p, err := f.inPlace(filepath.Join(dir, "capi")); err == nil {
			return Library{Path: p, Source: FromPython}, nil
		}
	}
	return Library{}, fmt.Errorf("%w: run `crossbatch runtime install`, or set %s to its shared library", ErrNoLibrary, PathVariable)
}

// CachePath is where Install puts the library of this operating system and
// processor, whether or not it is there.
func (f Finder) CachePath() (string, error) {
	f = f.withDefaults()
	root, err := f.CacheFolder()
	if err != nil {
		return "", err
	}
	asset, err := assetFor(f.GOOS, f.GOARCH)
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "onnxruntime", Version, f.GOOS+"-"+f.GOARCH, filepath.Base(asset.Path)), nil
}

// CacheFolder is where crossbatch keeps what can be had again.
func (f Finder) CacheFolder() (string, error) {
	if root := f.withDefaults().Getenv(CacheVariable); root != "" {
		return root, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder (%w): set %s", err, CacheVariable)
	}
	return filepath.Join(dir, "crossbatch"), nil
}

func (f Finder) withDefaults() Finder {
	if f.Getenv == nil {
		f.Getenv = os.Getenv
	}
	if f.GOOS == "" {
		f.GOOS = runtime.GOOS
	}
	if f.GOARCH == "" {
		f.GOARCH = runtime.GOARCH
	}
	if f.System == nil {
		f.System = systemFolders(f.GOOS, f.Getenv)
	}
	if f.Python == nil {
		f.Python = pythonPackage
	}
	return f
}

// inPlace takes the path of a library or of a folder that holds one.
func (f Finder) inPlace(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return "", err
	}
	if !info.IsDir() {
		return filepath.Abs(path)
	}
	var found []string
	for _, pattern := range libraryNames(f.GOOS) {
		m, err := filepath.Glob(filepath.Join(path, pattern))
		if err != nil {
			return "", err
		}
		slices.SortFunc(m, func(a, b string) int { return -compareNatural(a, b) }) // the latest version first
		found = append(found, m...)
	}
	for _, p := range found {
		if regular(p) {
			return filepath.Abs(p)
		}
	}
	return "", fmt.Errorf("the folder holds no %s", libraryNames(f.GOOS)[0])
}

// compareNatural orders file names with digits in them by number, so that
// so.1.9 stands before so.1.27.
func compareNatural(a, b string) int {
	number := func(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))] }
	for a != "" && b != "" {
		na, nb := number(a), number(b)
		if na == "" || nb == "" {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		va, _ := strconv.ParseUint(na, 10, 64) // out of range: the greatest
		vb, _ := strconv.ParseUint(nb, 10, 64)
		if va != vb {
			return cmp.Compare(va, vb)
		}
		a, b = a[len(na):], b[len(nb):]
	}
	return cmp.Compare(len(a), len(b))
}

func libraryNames(goos string) []string {
	switch goos {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin":
		return []string{"libonnxruntime.dylib", "libonnxruntime.1*.dylib"}
	default:
		return []string{"libonnxruntime.so", "libonnxruntime.so.1*"}
	}
}

func systemFolders(goos string, getenv func(string) string) []string {
	var dirs []string
	variable := map[string]string{"linux": "LD_LIBRARY_PATH", "darwin": "DYLD_LIBRARY_PATH", "windows": "PATH"}[goos]
	for _, d := range filepath.SplitList(getenv(variable)) {
		if d != "" {
			dirs = append(dirs, d)
		}
	}
	switch goos {
	case "linux":
		dirs = append(dirs, "/usr/local/lib", "/usr/lib", "/usr/lib64",
			"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
	case "darwin":
		dirs = append(dirs, "/opt/homebrew/lib", "/usr/local/lib")
	}
	return dirs
}

// pythonPackage asks the interpreter on the PATH where its onnxruntime package
// lies, without importing it.
func pythonPackage(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	const script = `import importlib.util as u
s = u.find_spec("onnxruntime")
print(s.submodule_search_locations[0] if s and s.submodule_search_locations else "")`
	out, err := exec.CommandContext(ctx, "python3", "-c", script).Output()
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}

func regular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
