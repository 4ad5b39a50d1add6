package collect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// spill is a file of this machine that becomes an object once it is complete. It
// keeps memory flat, and its size and digest are known before it is sent.
type spill struct {
	f    *os.File
	w    *bufio.Writer
	sum  *digest.Hash
	size int64
}

func newSpill(dir, name string) (*spill, error) {
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("spilling results: %w", err)
	}
	return &spill{f: f, w: bufio.NewWriterSize(f, 256<<10), sum: digest.New()}, nil
}

func (s *spill) write(b []byte) error {
	s.size += int64(len(b))
	_, _ = s.sum.Write(b)
	if _, err := s.w.Write(b); err != nil {
		return fmt.Errorf("spilling results: %w", err)
	}
	return nil
}

// finish brings the file to disk: within one file system its bytes become the
// object's.
func (s *spill) finish() (record.File, error) {
	if err := errors.Join(s.w.Flush(), s.f.Sync()); err != nil {
		return record.File{}, fmt.Errorf("spilling results: %w", err)
	}
	return record.File{Name: filepath.Base(s.f.Name()), Size: s.size, Digest: s.sum.String()}, nil
}

// copyTo makes the file an object.
func (s *spill) copyTo(ctx context.Context, dest place, key string) error {
	from, err := storage.OpenFolder(filepath.Dir(s.f.Name()))
	if err != nil {
		return err
	}
	return errors.Join(dest.Copy(ctx, key, from, filepath.Base(s.f.Name())), from.Close())
}

func (s *spill) close() { s.f.Close() }
