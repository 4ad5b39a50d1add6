package ledger

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Append writes the next event of a run: e.Seq is the last one's plus one. It is
// false when somebody else has written that seq: read the history again and
// decide anew. Time, when zero, and the rest of the envelope are filled in.
func (l *Ledger) Append(ctx context.Context, k Key, e Event) (bool, error) {
	if e.Seq < 2 || e.Seq > maxSeq || e.Run == "" || e.Kind == "" || e.Kind == Intent || e.Kind == lockKind {
		return false, fmt.Errorf("ledger: event %d (%s) of run %q cannot be written", e.Seq, e.Kind, e.Run)
	}
	there, err := l.b.Exists(ctx, l.prefix+k.eventKey(e.Seq-1, lockKind))
	if err != nil {
		return false, err
	}
	if !there {
		return false, fmt.Errorf("ledger: event %d of %s cannot be written before event %d", e.Seq, k, e.Seq-1)
	}
	e.FormatVersion = FormatVersion
	if e.Time.IsZero() {
		e.Time = l.o.Clock.Now().UTC().Round(0)
	}
	if e.Nonce, err = l.nonce(8); err != nil {
		return false, err
	}
	body, err := provider.Canonical(e)
	if err != nil {
		return false, err
	}
	created, err := l.lock(ctx, k, e.Seq, e.Kind, body)
	if err != nil || !created {
		return false, err
	}
	return true, l.replace(context.WithoutCancel(ctx), k.eventKey(e.Seq, e.Kind), body) // it has happened
}

// ParseEvent reads an event's object.
func ParseEvent(body []byte) (Event, error) {
	var e Event
	if err := decode(body, &e); err != nil {
		return Event{}, err
	}
	bodies := map[Kind]bool{
		Intent: e.Intent != nil, Bound: e.Native != nil, Started: e.Native != nil, Ended: e.Ended != nil, Collected: e.Collected != nil, Refused: e.Outcome != nil,
		Destroyed: e.Destroyed != nil,
	}
	if has, needs := bodies[e.Kind]; e.Seq < 1 || e.Run == "" || e.Kind == "" || needs && !has {
		return Event{}, fmt.Errorf("%w: event %d of kind %q lacks what it must hold", ErrFormat, e.Seq, e.Kind)
	}
	return e, nil
}

// History reads all events of a run, in order; none when there is no such run.
// It only reads: an event whose writer died halfway is taken from its lock.
func (l *Ledger) History(ctx context.Context, k Key) ([]Event, error) {
	kinds := map[int]Kind{}
	for o, err := range l.b.Objects(ctx, l.prefix+string(k)+"/") {
		if err != nil {
			return nil, err
		}
		p, ok := parseKey(o.Key[len(l.prefix):])
		if !ok {
			continue
		}
		if p.kind != lockKind || kinds[p.seq] == "" {
			kinds[p.seq] = p.kind
		}
	}
	last := 0
	for seq := range kinds {
		last = max(last, seq)
	}
	if last == 0 {
		return nil, nil
	}
	events := make([]Event, last)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for i := range events {
		g.Go(func() (err error) {
			kind, listed := kinds[i+1]
			if !listed { // a listing of a folder that grows may miss one and have the next
				kind = lockKind
			}
			events[i], err = l.read(ctx, k, i+1, kind)
			if !listed && errors.Is(err, storage.ErrNotFound) {
				err = fmt.Errorf("%s: %w: event %d is missing", l.b.URI(l.prefix+string(k)), ErrFormat, i+1)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return events, nil
}

// readsAtOnce bounds how many events of a run are read at a time: a store far away
// takes its time for each.
const readsAtOnce = 8

// First reads the first event of a run, which holds its intent, and no other. It is
// storage.ErrNotFound when there is no such run.
func (l *Ledger) First(ctx context.Context, k Key) (Event, error) {
	e, err := l.read(ctx, k, 1, Intent)
	if errors.Is(err, storage.ErrNotFound) { // its writer died halfway
		return l.read(ctx, k, 1, lockKind)
	}
	return e, err
}

func (l *Ledger) read(ctx context.Context, k Key, seq int, kind Kind) (Event, error) {
	key := l.prefix + k.eventKey(seq, kind)
	body, err := l.b.Read(ctx, key)
	if err != nil {
		return Event{}, err
	}
	e, err := ParseEvent(body)
	if err == nil && (e.Seq != seq || kind != lockKind && e.Kind != kind) {
		err = fmt.Errorf("%w: it holds event %d of kind %s", ErrFormat, e.Seq, e.Kind)
	}
	if err != nil {
		return Event{}, fmt.Errorf("%s: %w", l.b.URI(key), err)
	}
	return e, nil
}

// lastOf reads the last event of a run by its keys: zero when there is none.
func (l *Ledger) lastOf(ctx context.Context, k Key) (parsed, error) {
	last := parsed{}
	for o, err := range l.b.Objects(ctx, l.prefix+string(k)+"/") {
		if err != nil {
			return parsed{}, err
		}
		if p, ok := parseKey(o.Key[len(l.prefix):]); ok && (p.seq > last.seq || p.seq == last.seq && last.kind == lockKind) {
			last = p
		}
	}
	return l.resolveLock(ctx, last)
}

// resolveLock finds the kind of an event of which only the lock is there.
func (l *Ledger) resolveLock(ctx context.Context, p parsed) (parsed, error) {
	if p.kind != lockKind {
		return p, nil
	}
	e, err := l.read(ctx, p.key, p.seq, lockKind)
	if errors.Is(err, storage.ErrNotFound) {
		return parsed{}, nil
	}
	if err != nil {
		return parsed{}, err
	}
	p.kind = e.Kind
	return p, nil
}
