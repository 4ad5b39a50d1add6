package jobfile

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// objectSchemes are the stores that the language knows.
func objectSchemes() []string { return []string{"s3", "gs", "azblob", "oci"} }

// scheme is what stands before :// in a URI.
func scheme(text string) (string, bool) {
	before, _, ok := strings.Cut(text, "://")
	if !ok || before == "" || strings.ContainsAny(before, `/\.*?[{`) {
		return "", false
	}
	return strings.ToLower(before), true
}

// localPath makes a path of the job file absolute and clean. A glob stays one.
func (s spot) localPath(text string) (string, bool) {
	switch uri, ok := scheme(text); {
	case text == "":
		s.fail(s.path+" is empty.", "")
	case strings.ContainsRune(text, 0):
		s.fail(s.path+" holds a NUL character.", "")
	case ok && slices.Contains(objectSchemes(), uri):
		s.notYet(fmt.Sprintf("%s on %s://", s.path, uri))
	case ok:
		s.fail(fmt.Sprintf("%s is on no store that crossbatch knows.", s.quote(text)),
			"Write a path, or a URI of "+listed(objectSchemes())+".")
	default:
		return s.l.under(text), true
	}
	return "", false
}

// folderPath is localPath for a folder: it ends in one slash.
func (s spot) folderPath(text string) (string, bool) {
	path, ok := s.localPath(text)
	if !ok {
		return "", false
	}
	return strings.TrimSuffix(filepath.ToSlash(path), "/") + "/", true
}

func hasGlob(path string) bool { return strings.ContainsAny(path, "*?[{") }
