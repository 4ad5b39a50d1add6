package transform

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// provide puts a container's data where it finds them, and gives the folder that
// stands for /opt/ml.
func (r *run) provide(ctx context.Context, index int, d Definition) (string, error) {
	folder := filepath.Join(r.folder, "ml-"+strconv.Itoa(index))
	if err := os.MkdirAll(filepath.Join(folder, "model"), 0o755); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }()
	for _, data := range d.Data {
		if err := r.fetch(ctx, root, data); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// fetch copies data below root. Names lead nowhere else: os.Root sees to that.
func (r *run) fetch(ctx context.Context, root *os.Root, d Data) error {
	bucket, key, err := location(d.URI)
	if err != nil {
		return err
	}
	switch {
	case d.Archive:
		return r.unpack(ctx, root, d.Folder, bucket, key)
	case !d.Prefix:
		return r.copyTo(ctx, root, d.Folder, key[strings.LastIndexByte(key, '/')+1:], bucket, key)
	}
	found := false
	err = r.list(ctx, bucket, key, func(name string, _ int64) error {
		found = true
		return r.copyTo(ctx, root, d.Folder, name[len(key):], bucket, name)
	})
	if err == nil && !found {
		err = faultf(client, "No model data were found at %s", d.URI)
	}
	return err
}

func (r *run) copyTo(ctx context.Context, root *os.Root, folder, name, bucket, key string) error {
	for part := range strings.SplitSeq(name, "/") {
		if strings.TrimSpace(part) == "" || part == "." || part == ".." || len(part) > 255 || strings.ContainsRune(part, 0) {
			return faultf(client, "The model data s3://%s/%s cannot be named as a file below /opt/ml/%s", bucket, key, folder)
		}
	}
	body, err := r.open(ctx, bucket, key)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	return write(root, path.Join(folder, name), body)
}

func write(root *os.Root, name string, from io.Reader) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return faultf(client, "Two of the model's files clash at /opt/ml/%s", name)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return faultf(client, "Two of the model's files clash at /opt/ml/%s", name)
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}

// unpack takes a .tar.gz apart.
func (r *run) unpack(ctx context.Context, root *os.Root, folder, bucket, key string) error {
	body, err := r.open(ctx, bucket, key)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	wrong := func(err error) error {
		return faultf(client, "The model data s3://%s/%s are no .tar.gz: %v", bucket, key, err)
	}
	z, err := gzip.NewReader(body)
	if err != nil {
		return wrong(err)
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return wrong(err)
		}
		name := path.Join(folder, path.Clean("/"+h.Name))
		switch h.Typeflag {
		case tar.TypeReg:
			err = write(root, name, t)
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case tar.TypeSymlink, tar.TypeLink:
			err = faultf(client, "The model data s3://%s/%s hold the link %s: links are not emulated", bucket, key, h.Name)
		}
		if err != nil {
			return err
		}
	}
}
