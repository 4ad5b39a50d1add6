package jobfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// The names of job files.
const (
	Suffix     = ".crossbatch.hcl"
	JSONSuffix = ".crossbatch.hcl.json"
	varsSuffix = ".auto.cbvars"
)

// DefaultVersion is the version that required_version is checked against when
// Options name none.
const DefaultVersion = "0.1.0-dev"

// Options are what a job file is resolved with.
type Options struct {
	Vars     []string // --var NAME=VALUE, in order
	VarFiles []string // --var-file, in order; relative to the current folder
	Environ  []string // KEY=VALUE: CROSSBATCH_VAR_NAME and env()
	Version  string   // of this crossbatch; empty: DefaultVersion
	Provider string   // KIND.ALIAS that is chosen for jobs later: it is checked as if a job named it
}

// Load reads one *.crossbatch.hcl or *.crossbatch.hcl.json file, or a folder
// whose files of these names are read together. The Set is never nil and holds the sources that the
// diagnostics point into; its jobs are set only when there is no error.
func Load(path string, opts Options) (*Set, Diagnostics) {
	l := newLoader(disk{}, opts)
	names, autos := l.find(path)
	if l.failed() {
		return l.finish()
	}
	l.parse(names, absolute)
	return l.resolve(autos)
}

// Parse is Load without a disk. Files are named relative to folder, which is
// absolute; those with a job file's suffix are the job files, the others are
// what file(), fileset() and variable files find.
func Parse(files map[string][]byte, folder string, opts Options) (*Set, Diagnostics) {
	mem := memory{}
	for name, src := range files {
		mem[filepath.Join(folder, filepath.FromSlash(name))] = src
	}
	l := newLoader(mem, opts)
	l.dir = filepath.Clean(folder)
	var names, autos []string
	all, _ := mem.files(l.dir) // a memory source has no errors
	for _, name := range all {
		if strings.Contains(name, "/") {
			continue
		}
		names, autos = sortFile(name, name, names, autos)
	}
	l.parse(names, func(name string) string { return filepath.Join(l.dir, name) })
	return l.resolve(autos)
}

// find lists the job files at path, and the variable files that are read by
// themselves. It sets the folder that relative paths start at.
func (l *loader) find(path string) (names, autos []string) {
	info, err := os.Stat(path)
	if err != nil {
		l.add(unreadable(path, reason(err)))
		return nil, nil
	}
	folder := path
	if !info.IsDir() {
		folder = filepath.Dir(path)
	}
	l.dir = absolute(folder)
	entries, err := os.ReadDir(folder)
	if err != nil {
		l.add(unreadable(folder, reason(err)))
		return nil, nil
	}
	for _, e := range entries {
		if !e.IsDir() {
			names, autos = sortFile(e.Name(), filepath.Join(folder, e.Name()), names, autos)
		}
	}
	if info.IsDir() {
		if len(names) == 0 && !l.failed() {
			l.add(problem(hcl.Range{}, "No job files", fmt.Sprintf("The folder %s holds no *%s and no *%s file.", path, Suffix, JSONSuffix), ""))
		}
		return names, autos
	}
	l.log = log{} // what else lies in the folder of a single file is not read
	if !isJobFile(path) {
		l.add(problem(hcl.Range{}, "Not a job file", fmt.Sprintf("%s is not named like a job file.", path),
			fmt.Sprintf("The name of a job file ends in %s or %s.", Suffix, JSONSuffix)))
	}
	return []string{path}, autos
}

// sortFile puts a file to the job files or the variable files by its name.
func sortFile(name, path string, names, autos []string) (jobFiles, varFiles []string) {
	switch {
	case strings.HasPrefix(name, "."): // editors keep locks and swap files beside a file
	case isJobFile(name):
		names = append(names, path)
	case strings.HasSuffix(name, varsSuffix):
		autos = append(autos, path)
	}
	return names, autos
}

func isJobFile(name string) bool {
	return strings.HasSuffix(name, Suffix) || strings.HasSuffix(name, JSONSuffix)
}

func unreadable(path string, err error) *hcl.Diagnostic {
	return problem(hcl.Range{}, "Can not read "+path, fmt.Sprintf("The file or folder %s can not be read: %s.", path, err), "")
}

// absolute makes a path of the command line absolute. The current folder can
// be gone; the path as it stands then fails when it is read.
func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	return abs
}
