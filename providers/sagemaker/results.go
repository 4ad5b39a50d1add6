package sagemaker

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// outSuffix ends the names of outputs.
const outSuffix = ".out"

// Results yields the outputs of the input objects that are answered to their end,
// whatever became of the job: it writes an object whole or not at all.
func (b *Backend) Results(ctx context.Context, s provider.Spec, natives []provider.Native) iter.Seq2[provider.Piece, error] {
	return provider.Pieces(func() ([]provider.Piece, error) {
		if err := b.usable(ctx); err != nil || s.Staged == nil || len(natives) == 0 {
			return nil, err
		}
		pieces, err := b.pieces(ctx, s)
		return pieces, b.failed("reading the results of "+natives[0].Name, err)
	})
}

func (b *Backend) pieces(ctx context.Context, s provider.Spec) (out []provider.Piece, err error) {
	m, err := newMatcher(s.Staged)
	if err != nil {
		return nil, err
	}
	folder, prefix, err := b.deps.Open(ctx, storage.Join(s.Output, outFolder))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	made := s.Made
	if kind, none := choose(s.Job.Compute); none == nil {
		made.Machine = kind.Name
	}
	for o, err := range folder.Objects(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		name, is := strings.CutSuffix(strings.TrimLeft(o.Key[len(prefix):], "/"), outSuffix)
		if !is {
			continue
		}
		i, err := m.match(name)
		if err != nil {
			return nil, err
		}
		e := s.Staged.Entries[i]
		out = append(out, provider.Piece{Shard: e.Shard, Lines: &provider.Lines{
			URI: folder.URI(o.Key), First: e.First, Records: e.Records, Last: e.Last, Rows: e.Rows, Made: made,
		}})
	}
	return out, nil
}

// matcher finds the input object that an output belongs to. The documents disagree
// on what of an object's folders its output keeps: all below the prefix of the
// input, or the prefix's last folder and the object's own name.
type matcher struct {
	exact  map[string]int
	byBase map[string][]int
	keys   []string
	seen   map[int]string
}

// newMatcher knows the entries' keys, and their names below the staged folder.
func newMatcher(s *provider.Staged) (*matcher, error) {
	m := &matcher{exact: map[string]int{}, byBase: map[string][]int{}, seen: map[int]string{}}
	folder := ""
	if s.Input != "" {
		u, err := storage.ParseURI(s.Input)
		if err != nil {
			return nil, err
		}
		folder = u.Key
	}
	for i, e := range s.Entries {
		u, err := storage.ParseURI(e.URI)
		if err != nil {
			return nil, err
		}
		m.keys = append(m.keys, u.Key)
		names := []string{u.Key}
		if rest, ok := strings.CutPrefix(u.Key, folder); ok && folder != "" {
			names = append(names, rest)
		}
		for _, name := range names {
			m.exact[strings.TrimLeft(name, "/")] = i
		}
		// That of x.csv.gz may be x.csv.out.
		for _, name := range []string{u.Key, plain(u.Key)} {
			if base := baseOf(name); len(m.byBase[base]) == 0 || m.byBase[base][len(m.byBase[base])-1] != i {
				m.byBase[base] = append(m.byBase[base], i)
			}
		}
	}
	return m, nil
}

func plain(key string) string {
	_, plain := compress.Of(key)
	return plain
}

func baseOf(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

// match is the number of the entry that an output is of. An output that may be of
// several, or of none, or that is one too many, is an error: results are never
// guessed.
func (m *matcher) match(name string) (int, error) {
	i, ok := m.exact[name]
	// A name without folders may have lost them.
	if !ok || !strings.Contains(name, "/") && len(m.byBase[name]) > 1 {
		var err error
		if i, err = m.similar(name); err != nil {
			return 0, err
		}
	}
	if other, twice := m.seen[i]; twice {
		return 0, provider.Errorf(provider.Conflict, "the outputs %s and %s both belong to %s", other, name+outSuffix, m.keys[i])
	}
	m.seen[i] = name + outSuffix
	return i, nil
}

// similar finds the entry whose key shares the most last elements with a name.
func (m *matcher) similar(name string) (int, error) {
	best, found, ties := 0, -1, 0
	for _, i := range m.byBase[baseOf(name)] {
		shared := max(common(m.keys[i], name), common(plain(m.keys[i]), name))
		switch {
		case shared > best:
			best, found, ties = shared, i, 1
		case shared == best:
			ties++
		}
	}
	switch {
	case found < 0:
		return 0, provider.Errorf(provider.Conflict, "the output %s belongs to no object of the input: something else writes there", name+outSuffix)
	case ties > 1:
		return 0, provider.Errorf(provider.Conflict, "the output %s may belong to several objects of the input, whose names are alike: set input.staging = \"always\"", name+outSuffix)
	}
	return found, nil
}

// common counts the path elements that two keys end in alike.
func common(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(x) && n < len(y) && x[len(x)-1-n] == y[len(y)-1-n] {
		n++
	}
	return n
}
