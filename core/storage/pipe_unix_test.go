//go:build unix

package storage

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPipesAreRefused(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "p.jsonl"), 0o644); err != nil {
		t.Skip(err)
	}
	for _, source := range []string{"p.jsonl", "."} {
		if _, err := listed(t, dir, source); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", source, err)
		}
	}
}
