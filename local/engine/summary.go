package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// ErrSummary says that a folder does not hold what a summary in it names.
var ErrSummary = errors.New("a finished shard is damaged")

const summaryVersion = 1

// summary commits a finished shard: its files are complete once it is there.
type summary struct {
	FormatVersion int              `json:"format_version"`
	Run           string           `json:"run"`
	Shard         int              `json:"shard"`
	Object        record.Shard     `json:"object"` // counts, digests and names
	Fills         map[string]int64 `json:"fills,omitempty"`
	Made          provider.Made    `json:"made"`
}

// SummaryName is the file that says that a shard is finished.
func SummaryName(shard int) string { return fmt.Sprintf("shard-%05d.json", shard) }

func (s *summary) write(folder string) error {
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	b, err := storage.OpenFolder(folder)
	if err == nil {
		// Not under the run's context: a shard that is finished is kept.
		err = errors.Join(b.Replace(context.Background(), SummaryName(s.Shard), append(body, '\n')), b.Close())
	}
	if err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// Finished lists the finished shards of a folder, by their number. A folder that
// is not there holds none. A summary whose files are absent or of another size
// is ErrSummary.
func Finished(folder string) ([]provider.Piece, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading finished shards: %w", err)
	}
	var pieces []provider.Piece
	for _, e := range entries {
		if ok, _ := filepath.Match("shard-*.json", e.Name()); !ok {
			continue
		}
		p, err := readSummary(folder, e.Name())
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, p)
	}
	slices.SortFunc(pieces, func(a, b provider.Piece) int { return a.Shard - b.Shard })
	return pieces, nil
}

func readSummary(folder, name string) (provider.Piece, error) {
	path := filepath.Join(folder, name)
	body, err := os.ReadFile(path)
	if err != nil {
		return provider.Piece{}, fmt.Errorf("reading finished shards: %w", err)
	}
	var s summary
	if err := json.Unmarshal(body, &s); err != nil {
		return provider.Piece{}, fmt.Errorf("%w: %s: %w", ErrSummary, path, err)
	}
	if s.FormatVersion != summaryVersion || s.Shard < 0 || name != SummaryName(s.Shard) {
		return provider.Piece{}, fmt.Errorf("%w: %s is not a summary of this version", ErrSummary, path)
	}
	files := []record.File{s.Object.Part}
	if s.Object.FailedPart != nil {
		files = append(files, *s.Object.FailedPart)
	}
	for _, f := range files {
		info, err := os.Stat(filepath.Join(folder, filepath.Base(f.Name)))
		switch {
		case err != nil:
			return provider.Piece{}, fmt.Errorf("%w: %s: %w", ErrSummary, path, err)
		case info.Size() != f.Size:
			return provider.Piece{}, fmt.Errorf("%w: %s has %d bytes, %s says %d", ErrSummary, f.Name, info.Size(), name, f.Size)
		}
	}
	return provider.Piece{Shard: s.Shard, Part: &provider.Part{
		Folder: storage.FileURI(folder) + "/", Shard: s.Object, Fills: s.Fills, Made: s.Made,
	}}, nil
}
