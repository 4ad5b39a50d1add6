package ledger

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Entry is what the keys of a run's objects tell.
type Entry struct {
	Key         Key
	Fingerprint string // its first 16 hex digits
	Generation  int
	Seq         int       // of the last event
	Kind        Kind      // of the last event
	Since       time.Time // of the last event, by the store's clock
}

// Runs lists all runs by their keys, the one that changed last at the end.
func (l *Ledger) Runs(ctx context.Context) ([]Entry, error) { return l.list(ctx, runsFolder) }

// RunsOf lists the runs of one job.
func (l *Ledger) RunsOf(ctx context.Context, id job.Identity) ([]Entry, error) {
	return l.list(ctx, jobFolder(id))
}

// Index is the runs of a ledger as they were at one moment, by job: for whoever asks
// after many jobs, one listing costs less than a listing for each.
type Index struct {
	runs  []Entry
	byJob map[string][]Entry
}

// Index reads all runs by their keys.
func (l *Ledger) Index(ctx context.Context) (*Index, error) {
	runs, err := l.Runs(ctx)
	if err != nil {
		return nil, err
	}
	x := &Index{runs: runs, byJob: map[string][]Entry{}}
	for _, e := range runs {
		dir, _ := path.Split(string(e.Key))
		x.byJob[dir] = append(x.byJob[dir], e)
	}
	return x, nil
}

// Runs are all runs, as of Ledger.Runs.
func (x *Index) Runs() []Entry { return x.runs }

// RunsOf are the runs of one job, as of Ledger.RunsOf.
func (x *Index) RunsOf(id job.Identity) []Entry { return x.byJob[jobFolder(id)] }

func (l *Ledger) list(ctx context.Context, prefix string) ([]Entry, error) {
	return l.scan(ctx, prefix, func(parsed) {})
}

// scan lists runs, and shows each key of theirs.
func (l *Ledger) scan(ctx context.Context, prefix string, each func(parsed)) ([]Entry, error) {
	var out []Entry
	for o, err := range l.b.Keys(ctx, l.prefix+prefix) {
		if err != nil {
			return nil, err
		}
		p, ok := parseKey(o.Key[len(l.prefix):])
		if !ok {
			continue
		}
		each(p)
		if n := len(out); n == 0 || out[n-1].Key != p.key { // keys come sorted
			fingerprint, generation, _ := p.key.tail()
			out = append(out, Entry{Key: p.key, Fingerprint: fingerprint, Generation: generation})
		}
		e := &out[len(out)-1]
		if p.seq > e.Seq || p.seq == e.Seq && e.Kind == lockKind {
			e.Seq, e.Kind, e.Since = p.seq, p.kind, o.ModTime
		}
	}
	for i := range out {
		if e := &out[i]; e.Since.IsZero() { // a folder's listing tells names alone
			o, err := l.b.Stat(ctx, l.prefix+e.Key.eventKey(e.Seq, e.Kind))
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return nil, err
			}
			e.Since = o.ModTime
		}
		p, err := l.resolveLock(ctx, parsed{key: out[i].Key, seq: out[i].Seq, kind: out[i].Kind})
		if err != nil {
			return nil, err
		}
		out[i].Kind = p.kind
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return a.Since.Compare(b.Since) })
	return out, nil
}

// Resolve finds runs by the start of their id.
func (l *Ledger) Resolve(ctx context.Context, start string) ([]Key, error) {
	if strings.Trim(start, "0123456789abcdef") != "" {
		return nil, nil // no id, and maybe a path that leads elsewhere
	}
	var keys []Key
	for o, err := range l.b.Objects(ctx, l.prefix+idsFolder+start) {
		if err != nil {
			return nil, err
		}
		body, err := l.b.Read(ctx, o.Key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, Key(body))
	}
	return keys, nil
}

// shardsObject is inputs/<digest>.json.
type shardsObject struct {
	FormatVersion int        `json:"format_version"`
	Shards        job.Shards `json:"shards"`
}

// PutShards keeps the input of a run and gives its digest, by which runs name it.
// Idempotent.
func (l *Ledger) PutShards(ctx context.Context, s job.Shards) (string, error) {
	if s == nil {
		s = job.Shards{}
	}
	digest := s.Digest()
	body, err := provider.Canonical(shardsObject{FormatVersion: FormatVersion, Shards: s})
	if err != nil {
		return "", err
	}
	_, err = l.create(ctx, inputsFolder+digest+".json", body)
	return digest, err
}

// Shards reads what PutShards kept. What does not have that digest any more is
// ErrFormat.
func (l *Ledger) Shards(ctx context.Context, digest string) (job.Shards, error) {
	key := l.prefix + inputsFolder + digest + ".json"
	body, err := l.b.Read(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("the ledger's record of the input: %w", err)
	}
	if err != nil {
		return nil, err
	}
	var o shardsObject
	if err := decode(body, &o); err != nil {
		return nil, fmt.Errorf("%s: %w", l.b.URI(key), err)
	}
	if o.Shards.Digest() != digest {
		return nil, fmt.Errorf("%s: %w: its content has another digest", l.b.URI(key), ErrFormat)
	}
	return o.Shards, nil
}
