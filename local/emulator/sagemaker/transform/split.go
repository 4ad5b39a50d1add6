package transform

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// maxRecord is the longest line where MaxPayloadInMB is 0, which the service sets
// no limit for.
const maxRecord = 100 * mebi

// batch is what becomes one request.
type batch struct {
	original *spool // as it stands in the file
	body     *spool // what is sent; the same one when nothing is filtered
}

func (b *batch) close() {
	b.original.close()
	if b.body != b.original {
		b.body.close()
	}
}

func tooLarge() error { return faultf(client, "Too much data for max payload size") }

// limit is how many bytes a request may have; 0 is no limit.
func (i *instance) limit() int { return i.payload * mebi }

// read cuts a file into batches.
func (i *instance) read(f *file, emit func(*batch) error) error {
	body, err := i.open(f.ctx, f.bucket, f.key)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	var from io.Reader = body
	if i.task.Gzip {
		z, err := gzip.NewReader(body)
		if err != nil {
			return faultf(client, "The object is not compressed with gzip: %v", err)
		}
		from = z
	}
	return i.explain(i.split(from, emit))
}

// explain tells damaged data from other errors.
func (i *instance) explain(err error) error {
	if i.task.Gzip && (errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return faultf(client, "The object's gzip data are damaged: %v", err)
	}
	return err
}

func (i *instance) split(from io.Reader, emit func(*batch) error) error {
	c := &cutter{i: i, emit: emit, pending: newSpool(i.folder)}
	defer func() { c.pending.close() }()
	limit := int64(i.limit())
	whole := i.task.Split == None
	if whole || i.strategy == MultiRecord && limit == 0 {
		if limit > 0 {
			from = io.LimitReader(from, limit+1)
		}
		if _, err := io.Copy(c.pending, from); err != nil {
			return err
		}
		if limit > 0 && c.pending.size > limit {
			return tooLarge()
		}
		if whole || c.pending.size > 0 {
			return c.cut()
		}
		return nil
	}
	if limit == 0 {
		limit = maxRecord
	}
	for r := bufio.NewReaderSize(from, 64<<10); ; {
		line, err := readLine(r, int(limit))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if c.pending.size > 0 && (i.strategy == SingleRecord || c.pending.size+int64(len(line)) > limit) {
			if err := c.cut(); err != nil {
				return err
			}
		}
		if _, err := c.pending.Write(line); err != nil {
			return err
		}
	}
	if c.pending.size > 0 {
		return c.cut()
	}
	return nil
}

// cutter hands out batches.
type cutter struct {
	i       *instance
	emit    func(*batch) error
	pending *spool
}

func (c *cutter) cut() error {
	b := &batch{original: c.pending}
	c.pending = newSpool(c.i.folder)
	if err := c.i.filter(b); err != nil {
		b.close()
		return err
	}
	if c.i.uncertain.NewlineDropped && c.i.task.Split == Line {
		last, err := b.body.last()
		if err != nil {
			b.close()
			return err
		}
		if last == '\n' {
			b.body.truncate(b.body.size - 1)
		}
	}
	return c.emit(b)
}

// readLine reads a line with its newline, which the last one may lack. It is io.EOF
// behind it.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > limit {
			return nil, tooLarge()
		}
		line = append(line, part...)
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
