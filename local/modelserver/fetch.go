package modelserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// modelName is what staged models are called.
const modelName = "model.onnx"

// ModelFile finds the model of a path: the file, or in a folder model.onnx, else
// the only file that ends in .onnx.
func ModelFile(at string) (string, error) {
	info, err := os.Stat(at)
	if err != nil {
		return "", &provider.Error{Code: provider.NotFound, Message: "model: " + err.Error(), Err: err}
	}
	if !info.IsDir() {
		return at, nil
	}
	entries, err := os.ReadDir(at)
	if err != nil {
		return "", fmt.Errorf("model: %w", err)
	}
	var found []string
	for _, e := range entries {
		if e.Name() == modelName {
			return filepath.Join(at, modelName), nil
		}
		if strings.HasSuffix(e.Name(), ".onnx") {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 1:
		return filepath.Join(at, found[0]), nil
	case 0:
		return "", provider.Errorf(provider.NotFound, "model: the folder %s holds no %s and no other .onnx file", at, modelName)
	}
	return "", provider.Errorf(provider.Invalid, "model: the folder %s holds %s; name one of them", at, strings.Join(found, ", "))
}

// FetchModel gives the path of a model: of a file or folder of this machine, or of
// a folder of objects, which it copies below dir. It can be called again after an
// error.
func FetchModel(ctx context.Context, open storage.Opener, from, dir string) (string, error) {
	if local, ok := storage.LocalPath(from); ok {
		return ModelFile(local)
	}
	bucket, prefix, err := open(ctx, folderURI(from))
	if err != nil {
		return "", fmt.Errorf("fetching the model: %w", err)
	}
	err = fetch(ctx, bucket, prefix, dir)
	if err = errors.Join(err, bucket.Close()); err != nil {
		return "", fmt.Errorf("fetching the model from %s: %w", from, err)
	}
	return ModelFile(dir)
}

// fetch copies all objects below a prefix into a folder.
func fetch(ctx context.Context, bucket *storage.Bucket, prefix, dir string) error {
	for o, err := range bucket.Objects(ctx, prefix) {
		if err != nil {
			return err
		}
		name := filepath.FromSlash(strings.TrimPrefix(o.Key, prefix))
		if strings.HasSuffix(o.Key, "/") { // stores' consoles make such objects for folders
			continue
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("the object %q has a name that no file can have", o.Key)
		}
		if err := fetchObject(ctx, bucket, o.Key, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func fetchObject(ctx context.Context, bucket *storage.Bucket, key, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	r, err := bucket.NewReader(ctx, key, nil)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, r)
	if err == nil && n != r.Size() {
		err = fmt.Errorf("%s has %d bytes, %d came", key, r.Size(), n)
	}
	return errors.Join(err, f.Close())
}

// ReadMapping reads a scorer.json: a file of this machine, or an object. One of
// another version is mapping.ErrFormat and provider.Invalid.
func ReadMapping(ctx context.Context, open storage.Opener, from string) (mapping.Mapping, error) {
	var text []byte
	var err error
	if local, ok := storage.LocalPath(from); ok {
		text, err = os.ReadFile(local)
	} else {
		text, err = readObject(ctx, open, from)
	}
	if err != nil {
		return mapping.Mapping{}, fmt.Errorf("reading the mapping: %w", err)
	}
	return ParseMapping(text)
}

// ParseMapping reads the text of a scorer.json, as ReadMapping.
func ParseMapping(text []byte) (mapping.Mapping, error) {
	m, err := mapping.Decode(text)
	if err != nil {
		return m, invalidMapping(err)
	}
	return m, nil
}

// invalidMapping ends a job as invalid.
func invalidMapping(err error) error {
	return &provider.Error{Code: provider.Invalid, Message: "the mapping: " + err.Error(), Err: err}
}

func readObject(ctx context.Context, open storage.Opener, uri string) ([]byte, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	name := path.Base(u.Path)
	folder := *u
	folder.Path, folder.RawPath = strings.TrimSuffix(u.Path, name), ""
	bucket, prefix, err := open(ctx, folder.String())
	if err != nil {
		return nil, err
	}
	text, err := bucket.Read(ctx, prefix+name)
	return text, errors.Join(err, bucket.Close())
}

// folderURI is a URI that ends in a slash, before what a query says.
func folderURI(uri string) string {
	before, query, asked := strings.Cut(uri, "?")
	if !strings.HasSuffix(before, "/") {
		before += "/"
	}
	if asked {
		before += "?" + query
	}
	return before
}
