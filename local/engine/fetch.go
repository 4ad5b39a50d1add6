package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/storage"
)

// FetchModel brings a model to this machine, its external data with it, and says
// where it lies: ONNX Runtime reads files. What was fetched is used again while
// the object is the same. A path of this machine is itself.
func FetchModel(ctx context.Context, open storage.Opener, uri, cache string) (string, error) {
	if p, ok := storage.LocalPath(uri); ok {
		return p, nil
	}
	if cache == "" {
		return "", fmt.Errorf("model %s: there is no cache folder to fetch it into", uri)
	}
	folders := storage.NewFolders(open)
	defer func() { _ = folders.Close() }() // read only: nothing can be lost
	b, key, err := folders.Object(ctx, uri)
	if err != nil {
		return "", fmt.Errorf("model: %w", err)
	}
	o, err := b.Stat(ctx, key)
	if err != nil {
		return "", fmt.Errorf("model: %w", err)
	}
	sum := sha256.Sum256([]byte(uri + "\n" + o.Version))
	folder, name := filepath.Join(cache, "models", hex.EncodeToString(sum[:12])), path.Base(key)
	file := filepath.Join(folder, name)
	if err := fetch(ctx, b, o, file); err != nil {
		return "", fmt.Errorf("model: %w", err)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("model: %w", err)
	}
	g, err := model.Parse(body)
	if err != nil {
		return "", fmt.Errorf("model %s: %w", uri, err)
	}
	for _, location := range g.External {
		if !filepath.IsLocal(filepath.FromSlash(location)) {
			return "", fmt.Errorf("model %s: external data %q lie outside of the model's folder", uri, location)
		}
		at := path.Join(path.Dir(key), location)
		o, err := b.Stat(ctx, at)
		if err == nil {
			err = fetch(ctx, b, o, filepath.Join(folder, filepath.FromSlash(location)))
		}
		if err != nil {
			return "", fmt.Errorf("model %s: external data %q: %w", uri, location, err)
		}
	}
	return file, nil
}

// fetch copies an object to a file, unless one of its size is there: files come to
// be whole, under a temporary name first.
func fetch(ctx context.Context, b *storage.Bucket, o storage.Object, file string) error {
	if info, err := os.Stat(file); err == nil && info.Size() == o.Size {
		return nil
	}
	in, err := b.OpenVersion(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".tmp-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // gone where it was renamed
	r := in.NewReader(ctx, 0, -1)
	_, err = io.Copy(temp, r)
	if err = errors.Join(err, r.Close(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), file)
}
