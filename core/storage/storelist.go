package storage

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// listStore lists the objects of one source in a store. format is set where a
// manifest tells it.
func listStore(ctx context.Context, open Opener, source string) (found []Source, format job.Format, err error) {
	base, pattern, magic, err := glob(source)
	if err != nil {
		return nil, "", err
	}
	b, prefix, err := open(ctx, base)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	l := lister{b: b, base: base, prefix: prefix}
	if magic {
		found, err = l.glob(ctx, pattern)
		return found, "", err
	}
	if pattern != "" { // an object, or a folder without its slash
		o, err := b.Stat(ctx, prefix+pattern)
		if err == nil {
			return []Source{l.source(o)}, "", nil
		}
		if !errors.Is(err, ErrNotFound) {
			return nil, "", err
		}
		l.base, l.prefix = Join(base, pattern+"/"), prefix+pattern+"/"
	}
	found, format, err = l.folder(ctx)
	if err == nil && found == nil && pattern != "" {
		err = fmt.Errorf("%w: %s: there is neither an object nor a folder of that name", ErrNoInput, source)
	}
	return found, format, err
}

// Covers says whether a listing of a source in a store would hold an object,
// given by its URI, if it were there. A source that cannot be read covers none.
func Covers(source, uri string) bool {
	base, pattern, magic, err := glob(source)
	if err != nil {
		return false
	}
	folder, ferr := ParseURI(base)
	object, oerr := ParseURI(uri)
	if ferr != nil || oerr != nil || folder.Scheme != object.Scheme || folder.Bucket != object.Bucket {
		return false
	}
	rel, below := strings.CutPrefix(object.Key, folder.Key)
	switch {
	case !below:
		return false
	case magic:
		match, err := doublestar.Match(pattern, rel)
		return err == nil && match && !hidden(rel)
	case pattern == "":
		return !hidden(rel)
	case rel == pattern:
		return true
	}
	rel, below = strings.CutPrefix(rel, pattern+"/")
	return below && !hidden(rel)
}

// lister lists below a folder of a bucket.
type lister struct {
	b      *Bucket
	base   string                       // its URI
	prefix string                       // its key
	result func(*record.Manifest) error // judges the folder's own result; nil: any will do, and none
}

func (l lister) source(o Object) Source {
	return Source{URI: Join(l.base, strings.TrimPrefix(o.Key, l.prefix)), Size: o.Size, Version: o.Version}
}

// marker says whether an object only stands for its folder, as the consoles of
// stores make them.
func marker(o Object) bool { return strings.HasSuffix(o.Key, "/") && o.Size == 0 }

// glob lists what a pattern matches. It asks for what begins as the pattern does
// before its first wildcard, page after page.
func (l lister) glob(ctx context.Context, pattern string) ([]Source, error) {
	if !doublestar.ValidatePattern(pattern) {
		return nil, fmt.Errorf("listing %s: the glob %q cannot be read: a bracket or brace is not closed", l.base, pattern)
	}
	var found []Source
	var keys []string
	for o, err := range l.b.Objects(ctx, l.prefix+fixed(pattern)) {
		if err != nil {
			return nil, err
		}
		rel := o.Key[len(l.prefix):]
		if marker(o) || hidden(rel) {
			continue
		}
		if match, err := doublestar.Match(pattern, rel); err != nil || !match {
			continue // its only error is a pattern that is not valid
		}
		found = append(found, l.source(o))
		keys = append(keys, o.Key)
	}
	return sorted(found, keys), nil
}

// sorted brings what was listed into the order of its keys, in which it is
// already but for odd keys on some stores.
func sorted(found []Source, keys []string) []Source {
	if slices.IsSorted(keys) {
		return found
	}
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	out := make([]Source, len(found))
	for i, at := range order {
		out[i] = found[at]
	}
	return out
}

// fixed is the start of a pattern that stands for itself.
func fixed(pattern string) string {
	var out strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			out.WriteByte(pattern[i])
		case strings.IndexByte(wildcards, c) >= 0:
			return out.String()
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// folder lists a folder: the parts of a published result, or all objects below,
// of results within it their parts. nil: there is no such folder.
func (l lister) folder(ctx context.Context) ([]Source, job.Format, error) {
	var objects []Object
	var results []string // folders of results, relative
	there := false
	for o, err := range l.b.Objects(ctx, l.prefix) {
		if err != nil {
			return nil, "", err
		}
		there = true
		rel := o.Key[len(l.prefix):]
		dir, name := path.Split(rel)
		switch {
		case name == record.ManifestName && !hidden(dir):
			results = append(results, dir)
		case marker(o) || hidden(rel):
		default:
			objects = append(objects, o)
		}
	}
	if l.result != nil && !slices.Contains(results, "") {
		return nil, "", l.result(nil)
	}
	if !there {
		return nil, "", nil
	}
	slices.SortFunc(objects, func(a, b Object) int { return strings.Compare(a.Key, b.Key) }) // see Objects
	slices.Sort(results)
	var named map[string]bool // keys of the parts of all results
	var order []string        // of the folder's own
	var format job.Format
	outer := results[:0:0]
	for _, dir := range results {
		if n := len(outer); n > 0 && strings.HasPrefix(dir, outer[n-1]) {
			continue // it lies in a result: nobody reads it
		}
		outer = append(outer, dir)
		m, keys, err := l.parts(ctx, dir)
		if err != nil {
			return nil, "", err
		}
		if dir == "" {
			format, order = job.Format(m.Format), keys
			if l.result != nil {
				if err := l.result(m); err != nil {
					return nil, "", err
				}
			}
		}
		if named == nil {
			named = map[string]bool{}
		}
		for _, k := range keys {
			named[k] = true
		}
	}
	found := []Source{}
	at := map[string]int{}
	for _, o := range objects {
		in := within(o.Key[len(l.prefix):], outer)
		if in && !named[o.Key] {
			continue
		}
		delete(named, o.Key)
		at[o.Key] = len(found)
		found = append(found, l.source(o))
	}
	for key := range named {
		return nil, "", fmt.Errorf("%w: %s: its result's %s names it, but it is not there", ErrNoInput, l.b.URI(key), record.ManifestName)
	}
	if order != nil {
		sorted := make([]Source, 0, len(order))
		for _, key := range order {
			sorted = append(sorted, found[at[key]])
		}
		found = sorted
	}
	return found, format, nil
}

// within says whether a key lies in one of some folders, which are sorted and of
// which none lies in another.
func within(key string, folders []string) bool {
	i, _ := slices.BinarySearchFunc(folders, key, strings.Compare)
	return i > 0 && strings.HasPrefix(key, folders[i-1])
}

// parts reads the manifest of a folder of results: the keys of its parts, in the
// order of its shards.
func (l lister) parts(ctx context.Context, dir string) (*record.Manifest, []string, error) {
	at := l.prefix + dir + record.ManifestName
	body, err := l.b.Read(ctx, at)
	if err != nil {
		return nil, nil, err
	}
	m, err := record.ParseManifest(body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", l.b.URI(at), err)
	}
	keys := []string{}
	for _, s := range m.Shards {
		if strings.ContainsAny(s.Part.Name, `/\`) || s.Part.Name == "" {
			return nil, nil, fmt.Errorf("%s: the part %q leads out of the folder", l.b.URI(at), s.Part.Name)
		}
		keys = append(keys, l.prefix+dir+s.Part.Name)
	}
	return m, keys, nil
}
