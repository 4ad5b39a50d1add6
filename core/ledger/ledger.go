package ledger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Errors that callers tell apart.
var (
	ErrNoLedger = errors.New("there is no ledger")
	ErrFormat   = errors.New("not of a form that this version reads")
	ErrBlocked  = errors.New("another run holds the destination")
)

// Options are what a Ledger stands on.
type Options struct {
	Clock clockwork.Clock // dates events; required to write
	Rand  io.Reader       // ids and nonces; nil: the system's

	// Step is called before and after every object that is written, with what it
	// is. Crash tests end the process in it. May be nil.
	Step func(point string)
}

// Ledger is a history of runs. It is safe for concurrent use by any number of
// processes.
type Ledger struct {
	b      *storage.Bucket
	prefix string
	o      Options
	id     string
}

// mark is ledger.json: what makes a folder a ledger.
type mark struct {
	FormatVersion int    `json:"format_version"`
	ID            string `json:"id"` // 32 hex digits; owned objects carry its start
}

// Open opens a ledger below a prefix of a bucket, which is empty or ends in a
// slash, and makes it when there is none.
func Open(ctx context.Context, b *storage.Bucket, prefix string, o Options) (*Ledger, error) {
	l, err := OpenExisting(ctx, b, prefix, o)
	if !errors.Is(err, ErrNoLedger) {
		return l, err
	}
	l = newLedger(b, prefix, o)
	id, err := l.nonce(16)
	if err != nil {
		return nil, err
	}
	body, err := provider.Canonical(mark{FormatVersion: FormatVersion, ID: id})
	if err != nil {
		return nil, err
	}
	if _, err := l.create(ctx, markName, body); err != nil {
		return nil, err
	}
	return OpenExisting(ctx, b, prefix, o) // somebody else may have been first
}

// OpenExisting opens a ledger and writes nothing: ErrNoLedger when there is none.
func OpenExisting(ctx context.Context, b *storage.Bucket, prefix string, o Options) (*Ledger, error) {
	l := newLedger(b, prefix, o)
	body, err := l.b.Read(ctx, l.prefix+markName)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w at %s", ErrNoLedger, b.URI(prefix))
	}
	if err != nil {
		return nil, err
	}
	var m mark
	if err := decode(body, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", b.URI(prefix+markName), err)
	}
	if len(m.ID) != 32 {
		return nil, fmt.Errorf("%s: %w: its id is %q", b.URI(prefix+markName), ErrFormat, m.ID)
	}
	l.id = m.ID
	return l, nil
}

func newLedger(b *storage.Bucket, prefix string, o Options) *Ledger {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	return &Ledger{b: b, prefix: prefix, o: o}
}

// ID is the ledger's own id: 32 hex digits, written once.
func (l *Ledger) ID() string { return l.id }

// URI is where the ledger is.
func (l *Ledger) URI() string { return l.b.URI(l.prefix) }

// decode reads one of the ledger's objects. Its version is looked at first, so
// that a later version is told from a damaged object.
func decode(body []byte, v any) error {
	var head struct {
		FormatVersion int `json:"format_version"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if head.FormatVersion != FormatVersion {
		return fmt.Errorf("%w: format_version is %d, this crossbatch reads %d", ErrFormat, head.FormatVersion, FormatVersion)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return nil
}

func (l *Ledger) nonce(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(l.o.Rand, b); err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// create and replace are the only two ways in which the ledger writes.
func (l *Ledger) create(ctx context.Context, key string, body []byte) (bool, error) {
	return l.createAs(ctx, "create "+key, key, body)
}

// lock creates the lock of an event. The step says of which.
func (l *Ledger) lock(ctx context.Context, k Key, seq int, kind Kind, body []byte) (bool, error) {
	return l.createAs(ctx, "lock "+k.eventKey(seq, kind), k.eventKey(seq, lockKind), body)
}

func (l *Ledger) createAs(ctx context.Context, step, key string, body []byte) (bool, error) {
	l.o.Step("before " + step)
	created, err := l.b.Create(ctx, l.prefix+key, body)
	l.o.Step("after " + step)
	return created, err
}

func (l *Ledger) replace(ctx context.Context, key string, body []byte) error {
	l.o.Step("before write " + key)
	err := l.b.Replace(ctx, l.prefix+key, body)
	l.o.Step("after write " + key)
	return err
}
