package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/crossbatch/crossbatch/core/storage"
)

// object is a place of the command line: a path becomes absolute, a URI stays.
func object(text string) (string, error) {
	path, local := storage.LocalPath(text)
	if !local {
		return text, nil
	}
	return filepath.Abs(path)
}

// folder is object for a folder: it ends in a slash, before the query of a URI.
func folder(text string) (string, error) {
	place, err := object(text)
	if err != nil {
		return "", err
	}
	if _, local := storage.LocalPath(place); local {
		return strings.TrimSuffix(place, string(os.PathSeparator)) + string(os.PathSeparator), nil
	}
	return storage.Join(place, ""), nil
}
