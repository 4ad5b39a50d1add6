package providertest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/crossbatch/crossbatch/core/provider"
)

// Goldens holds translations against the files testdata/NAME.json, one for each name
// and no others. With update the files are written anew.
func Goldens(t *testing.T, update bool, translations map[string]func(t *testing.T) (provider.Translation, error)) {
	for name, translation := range translations {
		t.Run(name, func(t *testing.T) {
			got, err := translation(t)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.MarshalIndent(got, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, '\n')
			path := filepath.Join("testdata", name+".json")
			if update {
				if err := os.WriteFile(path, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(text, want) {
				t.Errorf("%s differs (-update writes it anew): %v\n%s", path, err, text)
			}
		})
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) != len(translations) {
		t.Errorf("testdata has %d files for %d translations: %v", len(files), len(translations), err)
	}
}
