package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Problem is something in a ledger that its own processes never leave, or leave
// only until the next reader comes by.
type Problem struct {
	Object  string `json:"object"`
	Message string `json:"message"`
}

// Fsck reads the whole ledger and says what is wrong with it. It changes
// nothing. An error means that it could not be read.
func (l *Ledger) Fsck(ctx context.Context) ([]Problem, error) {
	f := &fsck{Ledger: l, runs: map[Key]*runObjects{}}
	held, err := l.allClaims(ctx) // before the runs, which go on meanwhile: what a claim stands on is there by then
	if err != nil {
		return nil, err
	}
	for o, err := range l.b.Objects(ctx, l.prefix+runsFolder) {
		if err != nil {
			return nil, err
		}
		key := o.Key[len(l.prefix):]
		p, ok := parseKey(key)
		if !ok {
			f.add(key, "is no event of a run")
			continue
		}
		r := f.runs[p.key]
		if r == nil {
			r = &runObjects{locks: map[int]bool{}, kinds: map[int][]Kind{}}
			f.runs[p.key] = r
			f.order = append(f.order, p.key)
		}
		if p.kind == lockKind {
			r.locks[p.seq] = true
		} else {
			r.kinds[p.seq] = append(r.kinds[p.seq], p.kind)
		}
		r.last = max(r.last, p.seq)
	}
	for _, key := range f.order {
		if err := f.run(ctx, key); err != nil {
			return nil, err
		}
	}
	f.claims(held)
	return f.problems, f.snapshot(ctx)
}

type fsck struct {
	*Ledger
	runs     map[Key]*runObjects
	order    []Key
	problems []Problem
}

// runObjects are the objects of a run by their keys.
type runObjects struct {
	locks map[int]bool
	kinds map[int][]Kind
	last  int
	over  bool // one of its events ended it
}

func (f *fsck) add(object, format string, args ...any) {
	f.problems = append(f.problems, Problem{Object: object, Message: fmt.Sprintf(format, args...)})
}

// run checks one run's events. An error is one of the store.
func (f *fsck) run(ctx context.Context, key Key) error {
	r := f.runs[key]
	var intent *Event
	over := Kind("")
	for seq := 1; seq <= r.last; seq++ {
		object := key.eventKey(seq, lockKind)
		switch kinds := r.kinds[seq]; {
		case !r.locks[seq] && len(kinds) == 0:
			f.add(string(key), "event %d is missing, later ones are there", seq)
			continue
		case !r.locks[seq]:
			f.add(key.eventKey(seq, kinds[0]), "stands there without its lock")
			continue
		case len(kinds) == 0:
			f.add(object, "its event was not written; the next watch does that")
		case len(kinds) > 1:
			f.add(object, "two events of one number: %v", kinds)
		}
		e, err := f.read(ctx, key, seq, lockKind)
		if err != nil && !errors.Is(err, ErrFormat) {
			return err
		}
		if err != nil {
			f.add(object, "%v", err)
			continue
		}
		if err := f.copies(ctx, key, seq, e, r.kinds[seq]); err != nil {
			return err
		}
		if seq == 1 {
			intent = &e
		} else if intent != nil && e.Run != intent.Run {
			f.add(object, "belongs to run %s, the intent to %s", e.Run, intent.Run)
		}
		if over != "" && e.Kind != Destroyed && e.Kind != Forgotten {
			f.add(object, "%s follows %s, which ended the run", e.Kind, over)
		}
		if e.Kind.Over() && over == "" {
			over, r.over = e.Kind, true
		}
	}
	if intent == nil {
		return nil // said already
	}
	return f.intent(ctx, key, *intent)
}

// copies compares the objects that tell an event's kind with its lock.
func (f *fsck) copies(ctx context.Context, key Key, seq int, e Event, kinds []Kind) error {
	want, err := f.b.Read(ctx, f.prefix+key.eventKey(seq, lockKind))
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		got, err := f.b.Read(ctx, f.prefix+key.eventKey(seq, kind))
		if err != nil {
			return err
		}
		if kind != e.Kind || !bytes.Equal(got, want) {
			f.add(key.eventKey(seq, kind), "differs from its lock, which holds a %s", e.Kind)
		}
	}
	return nil
}

// intent checks that a run is what its place says, and that what it refers to is
// there.
func (f *fsck) intent(ctx context.Context, key Key, e Event) error {
	object := key.eventKey(1, Intent)
	if e.Kind != Intent || e.Intent == nil {
		f.add(object, "a run begins with %s", e.Kind)
		return nil
	}
	fingerprint, generation, _ := key.tail()
	if !strings.HasPrefix(e.Intent.Fingerprint, fingerprint) || e.Intent.Generation != generation {
		f.add(object, "is of fingerprint %.16s and generation %d", e.Intent.Fingerprint, e.Intent.Generation)
	}
	id := e.Intent.Job.Identity()
	if run := job.RunID(f.id, id, e.Intent.Fingerprint, e.Intent.Generation); !e.Intent.Preview && run != e.Run {
		f.add(object, "names the run %s, its job and input make %s", e.Run, run)
	}
	body, err := f.b.Read(ctx, f.prefix+idsFolder+e.Run)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		f.add(idsFolder+e.Run, "is missing: the run is not found by its id")
	case err != nil:
		return err
	case Key(body) != key:
		f.add(idsFolder+e.Run, "leads to %s, the run is %s", body, key)
	}
	if _, err := f.Shards(ctx, e.Intent.Input); errors.Is(err, storage.ErrNotFound) || errors.Is(err, ErrFormat) {
		f.add(inputsFolder+e.Intent.Input+".json", "%v", err)
	} else if err != nil {
		return err
	}
	if e.Intent.Retry == nil {
		return nil
	}
	if _, err := f.Rows(ctx, e.Intent.Retry.Rows); errors.Is(err, storage.ErrNotFound) || errors.Is(err, ErrFormat) {
		f.add(rowsFolder+e.Intent.Retry.Rows+".json", "%v", err)
	} else if err != nil {
		return err
	}
	return nil
}

// heldClaim is a claim of a destination as it was read.
type heldClaim struct {
	object string
	claim  claim
	err    error // why it cannot be read
}

func (l *Ledger) allClaims(ctx context.Context) ([]heldClaim, error) {
	var out []heldClaim
	for o, err := range l.b.Objects(ctx, l.prefix+destinationsFolder) {
		if err != nil {
			return nil, err
		}
		body, err := l.b.Read(ctx, o.Key)
		if err != nil {
			return nil, err
		}
		h := heldClaim{object: o.Key[len(l.prefix):]}
		h.err = decode(body, &h.claim)
		out = append(out, h)
	}
	return out, nil
}

// claims checks that each claim of a destination has its run, and that only the
// last one's may live.
func (f *fsck) claims(held []heldClaim) {
	for i, h := range held {
		if h.err != nil {
			f.add(h.object, "%v", h.err)
			continue
		}
		r := f.runs[h.claim.Key]
		if r == nil {
			f.add(h.object, "its run %s was not begun; the next watch does that", path.Base(string(h.claim.Key)))
		}
		later := i+1 < len(held) && path.Dir(held[i+1].object) == path.Dir(h.object)
		if later && (r == nil || !r.over) {
			f.add(h.object, "its run is not over, and there is a later claim")
		}
	}
}

// snapshot checks that the last one can be read: listings stand on it.
func (f *fsck) snapshot(ctx context.Context) error {
	_, err := f.lastSnapshot(ctx)
	if errors.Is(err, ErrFormat) {
		f.add(snapshotsFolder, "%v", err)
		return nil
	}
	return err
}
