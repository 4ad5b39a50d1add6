package collect

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/crossbatch/crossbatch/core/storage"
)

// place is a folder of a bucket.
type place struct{ storage.Folder }

func placeOf(b *storage.Bucket, prefix string) place {
	return place{storage.Folder{Bucket: b, Prefix: prefix}}
}

// removeEmpty removes a local folder that holds nothing. A link to a folder is
// the user's: removing it would succeed whatever the folder holds.
func (p place) removeEmpty() {
	dir, ok := p.Dir()
	if !ok {
		return
	}
	dir = filepath.Join(dir, filepath.FromSlash(p.Prefix))
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		_ = os.Remove(dir) // fails where there is something
	}
}

// with opens a folder for one call.
func with(ctx context.Context, open storage.Opener, uri string, f func(place) error) error {
	b, prefix, err := open(ctx, uri)
	if err != nil {
		return err
	}
	return errors.Join(f(placeOf(b, prefix)), b.Close())
}

// plain says whether a name stays in its folder. Names come from files that
// anybody may have written.
func plain(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, `/\`)
}
