package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/part"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// inspect looks at the data: headers, the first shard's fields, the shape of a
// record.
func (r *Run) inspect(ctx context.Context) error {
	if err := r.headers(ctx); err != nil {
		return err
	}
	if err := r.sample(ctx); err != nil {
		return err
	}
	r.limits.Records = chunkRecords(r.scorer.BlockRecords(), r.pkg.Size)
	r.limits.Bytes = chunkBytes
	return nil
}

// chunkBytes closes a chunk. Chunks have to be small, for memory is bounded by
// their number and size, and large, for they are compressed one by one.
const chunkBytes = 2 << 20

// chunkRecords is how many records a chunk has at most: whole blocks, and fewer
// of them for larger models, which take longer. Progress, the judgement of
// failures and what a stopped run keeps all go by chunks. It depends on nothing
// that differs from run to run, for compressed parts have other bytes when they
// are cut elsewhere.
func chunkRecords(block int, model int64) int {
	const weight = 4 << 30 // records times bytes of the model
	n := min(part.Lines, weight/max(model, 1))
	return int(max(n/int64(block), 1)) * block
}

// headers reads the header of every CSV shard; they must be equal. Without
// headers the first record gives the number of columns.
func (r *Run) headers(ctx context.Context) error {
	if r.input.format != job.CSV {
		return nil
	}
	first := -1
	for i := range r.input.names {
		h, err := r.headerOf(ctx, i)
		switch {
		case err != nil:
			return err
		case h == nil:
		case first < 0:
			first, r.header = i, h
			if !r.job.Input.CSV.Header {
				return nil
			}
		case !h.Equal(r.header):
			return provider.Errorf(provider.DataError, "the CSV headers of %s and %s differ: %s; %s", r.input.names[first], r.input.names[i], columnList(r.header), columnList(h))
		}
	}
	return nil
}

func (r *Run) headerOf(ctx context.Context, shard int) (record.Header, error) {
	s, err := r.openText(ctx, shard, record.DefaultLimits(), func(int) {})
	if err != nil {
		return nil, err
	}
	defer s.close()
	if r.job.Input.CSV.Header {
		return s.header, nil
	}
	h, err := s.split.ReadHeader()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	if h == nil {
		return nil, nil
	}
	return record.Numbered(len(h)), nil
}

func columnList(h record.Header) string {
	const most = 12
	if len(h) > most {
		return strings.Join(h[:most], ", ") + fmt.Sprintf(", … (%d columns)", len(h))
	}
	return strings.Join(h, ", ")
}
