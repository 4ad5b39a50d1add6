package staging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Errors that callers tell apart.
var (
	ErrFormat    = errors.New("not of a form that this version reads")
	ErrNotStaged = errors.New("the input is not staged")
)

const (
	inputsFolder  = "inputs/"
	recordsFolder = "records/"
	piecesFolder  = "pieces/"
	stagedName    = "_staged.json"
)

// Staged is _staged.json: where every piece of staged input comes from.
type Staged struct {
	FormatVersion int     `json:"format_version"`
	Input         string  `json:"input"` // digest of the shards: job.Shards.Digest
	Recipe        Recipe  `json:"recipe"`
	Shards        []Shard `json:"shards"` // that were taken, ascending
	Pieces        []Piece `json:"pieces"` // by shard and row

	URI string `json:"-"` // of the folder of the pieces
}

// Shard is what was read of one source shard.
type Shard struct {
	Shard   int    `json:"shard"`
	Records int64  `json:"records"`          // that are staged: what counts as in
	Failed  int64  `json:"failed"`           // of these, how many could not be read
	Pieces  int    `json:"pieces"`           // how many objects they lie in
	Digest  string `json:"digest,omitempty"` // of the source, core/digest; empty where it was not read to its end
}

// Piece is one object of records: rows of one shard, in order.
type Piece struct {
	Name    string     `json:"name"` // in the folder of the pieces
	Shard   int        `json:"shard"`
	First   int64      `json:"first"`          // row of its first record
	Records int64      `json:"records"`        // how many lines it has
	Rows    [][2]int64 `json:"rows,omitempty"` // where they do not follow each other: ranges, the last row included
	Size    int64      `json:"size"`
	Digest  string     `json:"digest"` // core/digest
}

// pieceName names the n-th piece of a shard. Names sort as their records do.
func pieceName(shard, n int, f job.Format) string {
	return fmt.Sprintf("%06d-%06d.%s", shard, n, f)
}

// Records is how many records are staged.
func (s *Staged) Records() int64 {
	var n int64
	for _, x := range s.Shards {
		n += x.Records
	}
	return n
}

// Row is the row of the i-th line of a piece.
func (p *Piece) Row(i int64) int64 {
	if p.Rows == nil {
		return p.First + i
	}
	for _, r := range p.Rows {
		if n := r[1] - r[0] + 1; i >= n {
			i -= n
			continue
		}
		return r[0] + i
	}
	return -1
}

// Encode writes canonical JSON: the same input, staged anywhere, gives the same
// bytes.
func (s *Staged) Encode() ([]byte, error) { return provider.Canonical(s) }

// Decode reads what Encode wrote, and checks that it goes together.
func Decode(body []byte) (*Staged, error) {
	var s Staged
	if err := decode(body, &s); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return &s, nil
}

func (s *Staged) check() error {
	if err := s.Recipe.check(); err != nil {
		return err
	}
	at, last := 0, -1
	for _, sh := range s.Shards {
		if sh.Shard <= last || sh.Records < 0 || sh.Failed < 0 || sh.Failed > sh.Records || sh.Pieces < 0 || sh.Pieces > len(s.Pieces)-at {
			return fmt.Errorf("shard %d does not go with the others", sh.Shard)
		}
		last = sh.Shard
		if err := checkPieces(sh, s.Pieces[at:at+sh.Pieces], s.Recipe.Write); err != nil {
			return err
		}
		at += sh.Pieces
	}
	if at != len(s.Pieces) {
		return errors.New("there are pieces of no shard")
	}
	return nil
}

// checkPieces says whether pieces are those of a shard.
func checkPieces(sh Shard, pieces []Piece, f job.Format) error {
	left, next := sh.Records, int64(0)
	for n, p := range pieces {
		if p.Shard != sh.Shard || p.Name != pieceName(sh.Shard, n, f) || p.First < next || p.Records < 1 || p.Records > left ||
			p.Size < p.Records || !digest.Valid(p.Digest) || !p.sound() {
			return fmt.Errorf("piece %d of shard %d is none", n, sh.Shard)
		}
		left -= p.Records
		next = p.Row(p.Records-1) + 1
	}
	if left != 0 {
		return fmt.Errorf("the pieces of shard %d hold %d records fewer than it has", sh.Shard, left)
	}
	return nil
}

// sound says whether the rows of a piece are as many as its records.
func (p *Piece) sound() bool {
	if p.Rows == nil {
		return p.First <= math.MaxInt64-p.Records
	}
	if len(p.Rows) < 2 || !inOrder(p.Rows) || p.Rows[0][0] != p.First {
		return false
	}
	left := p.Records
	for _, r := range p.Rows {
		n := r[1] - r[0] + 1
		if n < 1 || n > left {
			return false
		}
		left -= n
	}
	return left == 0
}

// decode reads one of this package's objects. Its version is looked at first, so
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
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: more text behind it", ErrFormat)
	}
	return nil
}

// Open reads what a plan's input was staged as: ErrNotStaged when it is not. It
// trusts the commit and lists nothing.
func Open(ctx context.Context, open storage.Opener, staging string, p Plan) (*Staged, error) {
	b, prefix, err := open(ctx, staging)
	if err != nil {
		return nil, err
	}
	s, err := readStaged(ctx, b, prefix, p)
	return s, errors.Join(err, b.Close())
}

func readStaged(ctx context.Context, b *storage.Bucket, prefix string, p Plan) (*Staged, error) {
	key := prefix + p.Prefix() + stagedName
	body, err := b.Read(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s is not there", ErrNotStaged, b.URI(key))
	}
	if err != nil {
		return nil, err
	}
	s, err := Decode(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.URI(key), err)
	}
	if named, err := s.Recipe.digest(s.Input); err != nil || named != p.Digest {
		return nil, fmt.Errorf("%s: %w: it is that of another input", b.URI(key), ErrFormat)
	}
	s.URI = folderURI(b, prefix+p.Records())
	return s, nil
}

// Entries are the pieces of the shards that an attempt covers: take, ascending;
// nil: all.
func (s *Staged) Entries(take []int) []provider.Entry {
	var out []provider.Entry
	for i, p := range s.Pieces {
		if take == nil || slices.Contains(take, p.Shard) {
			last := i+1 == len(s.Pieces) || s.Pieces[i+1].Shard != p.Shard
			out = append(out, provider.Entry{URI: storage.Join(s.URI, p.Name), Shard: p.Shard, First: p.First, Records: p.Records, Last: last, Rows: p.Rows})
		}
	}
	return out
}

// InPlace are the shards themselves as entries, where nothing is staged.
func InPlace(shards job.Shards, take []int) []provider.Entry {
	var out []provider.Entry
	for i, s := range shards {
		if take == nil || slices.Contains(take, i) {
			out = append(out, provider.Entry{URI: s.URI, Shard: i, Last: true})
		}
	}
	return out
}

// Part are the entries of one part of an attempt: those at i with i mod parts = p.
func Part(entries []provider.Entry, p, parts int) []provider.Entry {
	var out []provider.Entry
	for i := p; i < len(entries); i += parts {
		out = append(out, entries[i])
	}
	return out
}
