package ledger

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Blocked says that a live run of another job, or of this one with other data,
// holds the destination. It is ErrBlocked for errors.Is.
type Blocked struct {
	Destination string
	Run         string // id
	Address     string
	Key         Key
	Kind        Kind // its last event
}

func (b *Blocked) Error() string {
	return fmt.Sprintf("%v %s: run %s of %s is not over; wait for it or cancel it", ErrBlocked, b.Destination, b.Run, b.Address)
}

// Is makes Blocked match ErrBlocked.
func (b *Blocked) Is(target error) bool { return target == ErrBlocked }

// claim is who holds a destination: an object
// destinations/<16 hex of the destination>/<seq>.
type claim struct {
	FormatVersion int    `json:"format_version"`
	Nonce         string `json:"nonce"`
	Key           Key    `json:"key"`
	Intent        Event  `json:"intent"`
}

// Begin starts a run, or joins it when it is there: joined says which. The
// destination is claimed first, then the intent is written; the claim holds the
// intent, so whoever finds a claim without its run completes it. It fails with
// Blocked while another run holds the destination. A ctx that is cancelled stops it
// before the run is begun, never halfway.
func (l *Ledger) Begin(ctx context.Context, id job.Identity, b IntentBody, run string) (key Key, joined bool, err error) {
	key = KeyOf(id, b.Fingerprint, b.Generation)
	folder := claimsFolder(id.Destination)
	for {
		seq, last, err := l.lastClaim(ctx, folder)
		if err != nil {
			return "", false, err
		}
		if seq > 0 && last.Key == key {
			return key, true, l.settle(ctx, last)
		}
		if seq > 0 {
			if err := l.over(ctx, id.Destination, last); err != nil {
				return "", false, err
			}
		}
		// Looked for after the last claim was read: a run that comes and goes in
		// between takes the next claim, and ours fails.
		there, err := l.lastOf(ctx, key)
		if err != nil {
			return "", false, err
		}
		if there.seq > 0 {
			return key, true, nil
		}
		mine := claim{FormatVersion: FormatVersion, Key: key, Intent: Event{
			FormatVersion: FormatVersion, Seq: 1, Kind: Intent, Run: run, Time: l.o.Clock.Now().UTC().Round(0), Intent: &b,
		}}
		if mine.Nonce, err = l.nonce(8); err != nil {
			return "", false, err
		}
		mine.Intent.Nonce = mine.Nonce
		body, err := provider.Canonical(mine)
		if err != nil {
			return "", false, err
		}
		if err := ctx.Err(); err != nil {
			return "", false, err
		}
		// From here on whoever watches would begin the run: nobody who is interrupted
		// may think that there is none.
		whole := context.WithoutCancel(ctx)
		created, err := l.create(whole, fmt.Sprintf("%s%06d", folder, seq+1), body)
		if err != nil {
			return "", false, err
		}
		if created {
			return key, false, l.settle(whole, mine)
		}
	}
}

// lastClaim reads the last claim of a destination; seq is 0 when there is none.
func (l *Ledger) lastClaim(ctx context.Context, folder string) (seq int, c claim, err error) {
	for o, err := range l.b.Objects(ctx, l.prefix+folder) {
		if err != nil {
			return 0, claim{}, err
		}
		if n, err := strconv.Atoi(path.Base(o.Key)); err == nil {
			seq = max(seq, n)
		}
	}
	if seq == 0 {
		return 0, claim{}, nil
	}
	key := fmt.Sprintf("%s%s%06d", l.prefix, folder, seq)
	body, err := l.b.Read(ctx, key)
	if err != nil {
		return 0, claim{}, err
	}
	if err := decode(body, &c); err != nil {
		return 0, claim{}, fmt.Errorf("%s: %w", l.b.URI(key), err)
	}
	if c.Key == "" || c.Intent.Intent == nil {
		return 0, claim{}, fmt.Errorf("%s: %w: it names no run", l.b.URI(key), ErrFormat)
	}
	return seq, c, nil
}

// settle writes what follows a claim: where the run is found by its id, and its
// intent. Both may be there.
func (l *Ledger) settle(ctx context.Context, c claim) error {
	if _, err := l.create(ctx, idsFolder+c.Intent.Run, []byte(c.Key)); err != nil {
		return err
	}
	body, err := provider.Canonical(c.Intent)
	if err != nil {
		return err
	}
	created, err := l.lock(ctx, c.Key, 1, Intent, body)
	if err != nil {
		return err
	}
	if created {
		return l.replace(ctx, c.Key.eventKey(1, Intent), body)
	}
	_, err = l.b.Read(ctx, l.prefix+c.Key.eventKey(1, Intent))
	if errors.Is(err, storage.ErrNotFound) {
		return l.replace(ctx, c.Key.eventKey(1, Intent), body)
	}
	return err
}

// over is nil when the run of a claim has ended. A run whose intent its process
// could not write any more gets it now.
func (l *Ledger) over(ctx context.Context, destination string, c claim) error {
	held, written, err := l.heldBy(ctx, destination, c)
	if err != nil || held == nil {
		return err
	}
	if !written {
		if err := l.settle(ctx, c); err != nil {
			return err
		}
	}
	return held
}

// heldBy is nil when the run of a claim has ended; written says that its intent is
// there.
func (l *Ledger) heldBy(ctx context.Context, destination string, c claim) (held *Blocked, written bool, err error) {
	last, err := l.lastOf(ctx, c.Key)
	switch {
	case err != nil || last.kind.Over():
		return nil, last.seq > 0, err
	case last.seq == 0:
		last.kind = Intent
	}
	return &Blocked{Destination: destination, Run: c.Intent.Run, Address: c.Intent.Intent.Job.Address, Key: c.Key, Kind: last.kind}, last.seq > 0, nil
}

// Holder tells which live run holds a destination; nil when none does. It only reads.
func (l *Ledger) Holder(ctx context.Context, destination string) (*Blocked, error) {
	seq, last, err := l.lastClaim(ctx, claimsFolder(destination))
	if err != nil || seq == 0 {
		return nil, err
	}
	held, _, err := l.heldBy(ctx, destination, last)
	return held, err
}

// Unfinished completes what processes left that died while they wrote: claims
// without an intent, and events of which only the lock is there. By keys alone it
// finds the destinations that have more claims than runs, and reads the last
// claim of those. Once in a while it writes a snapshot.
func (l *Ledger) Unfinished(ctx context.Context) error {
	claims, runs := map[string]int{}, map[string]int{}
	for o, err := range l.b.Objects(ctx, l.prefix+destinationsFolder) {
		if err != nil {
			return err
		}
		dir, _ := path.Split(o.Key[len(l.prefix):])
		claims[dir]++
	}
	alone := map[parsed]bool{} // locks without their event
	last := Key("")
	for o, err := range l.b.Objects(ctx, l.prefix+runsFolder) {
		if err != nil {
			return err
		}
		p, ok := parseKey(o.Key[len(l.prefix):])
		if !ok {
			continue
		}
		if p.key != last { // keys come sorted
			last = p.key
			folder := path.Base(path.Dir(string(p.key)))
			runs[folder[strings.LastIndexByte(folder, '-')+1:]]++
		}
		lock := parsed{key: p.key, seq: p.seq, kind: lockKind}
		if _, seen := alone[lock]; !seen || p.kind != lockKind {
			alone[lock] = p.kind == lockKind && !seen
		}
	}
	for lock, yes := range alone {
		if !yes {
			continue
		}
		e, err := l.read(ctx, lock.key, lock.seq, lockKind)
		if err != nil {
			return err
		}
		// Byte for byte: a later version may have put more into it.
		body, err := l.b.Read(ctx, l.prefix+lock.key.eventKey(lock.seq, lockKind))
		if err != nil {
			return err
		}
		if err := l.replace(ctx, lock.key.eventKey(lock.seq, e.Kind), body); err != nil {
			return err
		}
	}
	for dir, n := range claims {
		if runs[path.Base(dir)[:min(8, len(path.Base(dir)))]] >= n {
			continue
		}
		_, c, err := l.lastClaim(ctx, dir)
		if err != nil {
			return err
		}
		if err := l.settle(ctx, c); err != nil {
			return err
		}
	}
	return l.compact(ctx)
}
