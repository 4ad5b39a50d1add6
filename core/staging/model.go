package staging

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/storage"
)

const (
	modelsFolder   = "models/"
	mappingsFolder = "mappings/"
	packageName    = "_model.json"

	// ModelName is what the model file of a staged package is called, whatever its
	// own name.
	ModelName = "model.onnx"
)

// ErrModelChanged says that a model's files are not what they were when the model
// was opened.
var ErrModelChanged = errors.New("the model changed since it was opened")

// ModelPrefix is the key prefix of a model package below the staging place, by its
// digest.
func ModelPrefix(digest string) string { return modelsFolder + digest + "/" }

// MappingPrefix is the key prefix of a mapping below the staging place, by its
// digest. mapping.Name lies below it.
func MappingPrefix(digest string) string { return mappingsFolder + digest + "/" }

// stagedModel is _model.json: a package that is there.
type stagedModel struct {
	FormatVersion int          `json:"format_version"`
	Digest        string       `json:"digest"`
	Files         []stagedFile `json:"files"`
}

type stagedFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"` // hex SHA-256
}

// Model uploads a model package, and gives the URI of the folder that it lies in,
// which ends in a slash: the model file is ModelName there, its external data have
// the names by which the model calls them. Objects that are there are not written
// again; the commit is, so that its age is that of the package's last use.
func Model(ctx context.Context, open storage.Opener, staging string, pkg *model.Package, o Options) (uri string, err error) {
	want := stagedModel{FormatVersion: FormatVersion, Digest: pkg.Digest}
	for i, f := range pkg.Files {
		name := f.Name
		if i == 0 {
			name = ModelName
		}
		if err := checkName(name, i > 0); err != nil {
			return "", fmt.Errorf("staging the model: %s: %w", pkg.Path, err)
		}
		want.Files = append(want.Files, stagedFile{Name: name, Size: f.Size, Digest: f.Digest})
	}
	err = with(ctx, open, staging, ModelPrefix(pkg.Digest), o, pkg.Size, func(p *place) error {
		uri = folderURI(p.Bucket, p.prefix)
		return p.model(ctx, pkg, want)
	})
	if err != nil {
		return "", fmt.Errorf("staging the model: %w", err)
	}
	return uri, nil
}

// checkName refuses names of external data that no store can keep apart from
// others: the model says them, and anybody may have made it.
func checkName(name string, external bool) error {
	switch {
	case !fs.ValidPath(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.Contains(name, `\`):
		return fmt.Errorf("external data %q have a name that cannot be staged", name)
	case external && (name == ModelName || name == packageName):
		return fmt.Errorf("external data are named %s, which the model file is called in staging: rename them", name)
	}
	return nil
}

func (p *place) model(ctx context.Context, pkg *model.Package, want stagedModel) error {
	var was stagedModel
	body, err := p.Read(ctx, p.prefix+packageName)
	switch {
	case errors.Is(err, storage.ErrNotFound):
	case err != nil:
		return err
	default:
		if err := decode(body, &was); err != nil {
			return fmt.Errorf("%s: %w", p.URI(p.prefix+packageName), err)
		}
		if err := p.document(ctx, packageName, want); err != nil { // before it is looked at: gc goes by its time
			return err
		}
	}
	have, err := p.sizes(ctx, "")
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(p.o.parallel())
	for i, f := range want.Files {
		if size, ok := have[f.Name]; ok && size == f.Size {
			p.report(f.Size)
			continue
		}
		g.Go(func() error { return p.upFile(gctx, pkg.Files[i].Path, f) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return p.document(ctx, packageName, want)
}

// upFile uploads one file, and nothing when it is not what it was.
func (p *place) upFile(ctx context.Context, path string, f stagedFile) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	return p.write(ctx, f.Name, &checked{ctx: ctx, r: in, sum: sha256.New(), want: f, report: p.report, path: path}, f.Size)
}

// checked fails at its end when it did not read what it should.
type checked struct {
	ctx    context.Context // of the upload
	r      io.Reader
	sum    hash.Hash
	n      int64
	want   stagedFile
	report func(int64)
	path   string
}

func (c *checked) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.sum.Write(b[:n])
	c.n += int64(n)
	c.report(int64(n))
	if errors.Is(err, io.EOF) && (c.n != c.want.Size || hex.EncodeToString(c.sum.Sum(nil)) != c.want.Digest) {
		return n, fmt.Errorf("%w: %s", ErrModelChanged, c.path)
	}
	return n, err
}

// Mapping stages a mapping and gives the URI of its object.
func Mapping(ctx context.Context, open storage.Opener, staging string, m mapping.Mapping, o Options) (uri string, err error) {
	body, err := m.Encode()
	if err != nil {
		return "", fmt.Errorf("staging the mapping: %w", err)
	}
	digest, err := m.Digest()
	if err != nil {
		return "", fmt.Errorf("staging the mapping: %w", err)
	}
	err = with(ctx, open, staging, MappingPrefix(digest), o, int64(len(body)), func(p *place) error {
		uri = p.URI(p.prefix + mapping.Name)
		p.step("before " + mapping.Name)
		err := p.Replace(ctx, p.prefix+mapping.Name, body)
		p.step("after " + mapping.Name)
		p.report(int64(len(body)))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("staging the mapping: %w", err)
	}
	return uri, nil
}
