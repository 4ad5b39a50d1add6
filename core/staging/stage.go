package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/storage"
)

// Stage brings a plan's input below the staging place, and says where everything
// lies. What is there already is not written again; a process that is killed is
// gone on with by the next; two at once do no harm. It returns only after
// _staged.json is written, and writes that only when every source was what was
// listed: else storage.ErrChanged. An input that was staged earlier gets its commit written
// again, so that its age is that of its last use.
//
// Memory does not grow with the input.
func Stage(ctx context.Context, open storage.Opener, staging string, p Plan, o Options) (out *Staged, err error) {
	err = with(ctx, open, staging, p.Prefix(), o, p.Bytes(), func(at *place) error {
		s := &stager{place: at, plan: p, in: sources{Folders: storage.NewFolders(open), report: at.report}}
		out, err = s.stage(ctx)
		return errors.Join(err, s.in.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("staging input: %w", err)
	}
	return out, nil
}

// stager is one call of Stage.
type stager struct {
	*place
	plan Plan
	in   sources
	have map[string]int64 // pieces that are there
	told map[string]int64 // what earlier processes told of pieces
}

// finished is pieces/<shard>.json: a shard all of whose pieces are there.
type finished struct {
	FormatVersion int     `json:"format_version"`
	Shard         Shard   `json:"shard"`
	Pieces        []Piece `json:"pieces"`
}

// written is pieces/<piece>.json: a piece that is there.
type written struct {
	FormatVersion int   `json:"format_version"`
	Piece         Piece `json:"piece"`
}

func (s *stager) stage(ctx context.Context) (*Staged, error) {
	before, err := readStaged(ctx, s.Bucket, strings.TrimSuffix(s.prefix, s.plan.Prefix()), s.plan)
	switch {
	case errors.Is(err, ErrNotStaged):
	case err != nil:
		return nil, err
	default: // before it is looked at: gc goes by the time of the commit
		if err := s.commit(ctx, before); err != nil {
			return nil, err
		}
	}
	if s.have, err = s.sizes(ctx, recordsFolder); err != nil {
		return nil, err
	}
	if before != nil && s.there(before.Pieces) {
		s.report(s.all)
		return before, nil
	}
	if s.told, err = s.sizes(ctx, piecesFolder); err != nil {
		return nil, err
	}
	shards, err := s.shards(ctx)
	if err != nil {
		return nil, err
	}
	out := &Staged{
		FormatVersion: FormatVersion, Input: s.plan.Shards.Digest(), Recipe: s.plan.Recipe,
		Shards: []Shard{}, Pieces: []Piece{}, URI: folderURI(s.Bucket, s.prefix+recordsFolder),
	}
	for _, f := range shards {
		out.Shards = append(out.Shards, f.Shard)
		out.Pieces = append(out.Pieces, f.Pieces...)
	}
	return out, s.commit(ctx, out)
}

func (s *stager) commit(ctx context.Context, out *Staged) error {
	if err := out.check(); err != nil {
		return err
	}
	return s.document(ctx, stagedName, out)
}

// there says whether pieces are all there. An object is written at one stroke, so
// that one of the right size is whole.
func (s *stager) there(pieces []Piece) bool {
	for _, p := range pieces {
		if size, ok := s.have[p.Name]; !ok || size != p.Size {
			return false
		}
	}
	return true
}

// shards stages the taken shards.
func (s *stager) shards(ctx context.Context) ([]finished, error) {
	taken := s.plan.taken()
	out := make([]finished, len(taken))
	if s.plan.Recipe.Limit > 0 {
		return out, s.limited(ctx, taken, out)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.o.parallel())
	for i, shard := range taken {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			out[i], err = s.shard(ctx, shard, math.MaxInt64)
			return err
		})
	}
	return out, g.Wait()
}

// limited stages shard by shard, as each takes what those before it left.
func (s *stager) limited(ctx context.Context, taken []int, out []finished) error {
	left := s.plan.Recipe.Limit
	next := 0
	for i, shard := range taken {
		for ; next < shard && left > 0; next++ {
			n, err := s.count(ctx, next, left)
			if err != nil {
				return err
			}
			left -= n
		}
		next = shard + 1
		var err error
		if out[i], err = s.shard(ctx, shard, left); err != nil {
			return err
		}
		left -= out[i].Shard.Records
	}
	return nil
}

// count says how many records a shard has; those past most are not looked for.
func (s *stager) count(ctx context.Context, shard int, most int64) (n int64, err error) {
	src, err := s.in.object(ctx, s.plan.Shards[shard])
	if err != nil {
		return 0, err
	}
	defer src.close()
	src.report = func(int64) {} // it is not among what is staged
	in, err := openRows(src, s.plan.Recipe)
	if err != nil {
		return 0, err
	}
	defer in.close()
	var it item
	for n < most {
		err := in.next(&it)
		if errors.Is(err, io.EOF) {
			_, err := in.finish()
			return n, err
		}
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, src.same()
}

// shard stages one shard, or its first records.
func (s *stager) shard(ctx context.Context, shard int, most int64) (finished, error) {
	name := fmt.Sprintf("%s%06d.json", piecesFolder, shard)
	if _, ok := s.told[name[len(piecesFolder):]]; ok {
		var f finished
		err := s.recall(ctx, name, &f)
		if err == nil && f.Shard.Shard == shard && f.Shard.Pieces == len(f.Pieces) && checkPieces(f.Shard, f.Pieces, s.plan.Recipe.Write) == nil && s.there(f.Pieces) {
			s.report(s.plan.Shards[shard].Size)
			return f, nil
		}
		if err != nil && ctx.Err() != nil {
			return f, err
		}
	}
	f, err := s.cut(ctx, shard, most)
	if err != nil {
		return f, err
	}
	return f, s.document(ctx, name, f)
}

// recall reads what an earlier process told. What cannot be read was not told.
func (s *stager) recall(ctx context.Context, name string, v any) error {
	body, err := s.Read(ctx, s.prefix+name)
	if err != nil {
		return err
	}
	return decode(body, v)
}

// cut reads a shard and writes its pieces.
func (s *stager) cut(ctx context.Context, shard int, most int64) (f finished, err error) {
	f = finished{FormatVersion: FormatVersion, Shard: Shard{Shard: shard}, Pieces: []Piece{}}
	if most <= 0 {
		return f, nil
	}
	src, err := s.in.object(ctx, s.plan.Shards[shard])
	if err != nil {
		return f, err
	}
	defer src.close()
	in, err := openRows(src, s.plan.Recipe)
	if err != nil {
		return f, err
	}
	defer in.close()
	c := &cutter{stager: s, ctx: ctx, shard: shard, out: &f}
	defer c.abandon()
	enc := newEncoder(s.plan.Recipe, shard, src.uri, in.fields())
	wanted := s.plan.Recipe.ranges(shard)
	var it item
	for seen := int64(0); ; seen++ {
		if seen == most {
			if err := src.same(); err != nil {
				return f, err
			}
			break
		}
		err := in.next(&it)
		if errors.Is(err, io.EOF) {
			if f.Shard.Digest, err = in.finish(); err != nil {
				return f, err
			}
			break
		}
		if err != nil {
			return f, err
		}
		for len(wanted) > 0 && wanted[0][1] < it.row {
			wanted = wanted[1:]
		}
		if len(s.plan.Recipe.Rows) > 0 {
			if len(wanted) == 0 { // the rest is read for its digest only
				if f.Shard.Digest, err = in.finish(); err != nil {
					return f, err
				}
				break
			}
			if it.row < wanted[0][0] {
				continue
			}
		}
		line, err := enc.encode(&it)
		if err != nil {
			return f, err
		}
		if it.fail != nil {
			f.Shard.Failed++
		}
		f.Shard.Records++
		if err := c.add(line, it.row); err != nil {
			return f, err
		}
	}
	if err := c.end(); err != nil {
		return f, err
	}
	f.Shard.Pieces = len(f.Pieces)
	return f, nil
}
