package staging

import (
	"bufio"
	"context"
	"strings"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/storage"
)

// cutter makes pieces of a shard's lines. A piece ends before the line that would
// make it too large, so that the cuts depend on the lines alone.
type cutter struct {
	*stager
	ctx   context.Context // of the call that cuts
	shard int
	out   *finished

	piece *Piece // that is open; nil: none is
	known *Piece // what it is, where an earlier process wrote it
	up    *upload
	sum   *digest.Hash
}

// add puts a line into the piece it belongs to.
func (c *cutter) add(line []byte, row int64) error {
	if c.piece != nil && c.piece.Size+int64(len(line)) > c.plan.Recipe.PieceBytes {
		if err := c.end(); err != nil {
			return err
		}
	}
	if c.piece == nil {
		c.begin(row)
	}
	p := c.piece
	if n := len(p.Rows); n > 0 && p.Rows[n-1][1] == row-1 {
		p.Rows[n-1][1] = row
	} else {
		p.Rows = append(p.Rows, [2]int64{row, row})
	}
	p.Records++
	p.Size += int64(len(line))
	_, _ = c.sum.Write(line)
	if c.up == nil {
		return nil
	}
	_, err := c.up.w.Write(line)
	return err
}

// begin opens a piece. One that is there is not written again.
func (c *cutter) begin(row int64) {
	name := pieceName(c.shard, len(c.out.Pieces), c.plan.Recipe.Write)
	c.piece, c.sum = &Piece{Name: name, Shard: c.shard, First: row}, digest.New()
	if c.known = c.earlier(name); c.known == nil {
		c.up = c.upload(c.ctx, recordsFolder+name)
	}
}

// earlier is a piece that an earlier process wrote and told of; nil when there is
// none.
func (c *cutter) earlier(name string) *Piece {
	note := noteName(name)
	if _, ok := c.told[note[len(piecesFolder):]]; !ok {
		return nil
	}
	var w written
	if err := c.recall(c.ctx, note, &w); err != nil || w.Piece.Name != name || !c.there([]Piece{w.Piece}) {
		return nil
	}
	return &w.Piece
}

// noteName is where is told of a piece.
func noteName(piece string) string {
	base, _, _ := strings.Cut(piece, ".")
	return piecesFolder + base + ".json"
}

// end closes the piece that is open.
func (c *cutter) end() error {
	if c.piece == nil {
		return nil
	}
	p := *c.piece
	p.Digest = c.sum.String()
	if len(p.Rows) == 1 {
		p.Rows = nil
	}
	c.piece = nil
	if c.known != nil {
		if c.known.Size != p.Size || c.known.Digest != p.Digest {
			return changed(c.plan.Shards[c.shard].URI, "another piece "+p.Name+" was staged of it earlier")
		}
		c.out.Pieces = append(c.out.Pieces, p)
		return nil
	}
	up := c.up
	c.up = nil
	if err := up.close(); err != nil {
		return err
	}
	c.out.Pieces = append(c.out.Pieces, p)
	return c.document(c.ctx, noteName(p.Name), written{FormatVersion: FormatVersion, Piece: p})
}

// abandon leaves nothing of the piece that is open.
func (c *cutter) abandon() {
	if c.up != nil {
		c.up.to.Abandon()
		c.up = nil
	}
}

// upload is an object that is written as its bytes come.
type upload struct {
	p    *place
	name string
	w    *bufio.Writer
	to   *storage.Writer
}

func (p *place) upload(ctx context.Context, name string) *upload {
	p.step("before " + name)
	to := p.NewWriter(ctx, p.prefix+name, storage.WriteOptions{})
	return &upload{p: p, name: name, w: bufio.NewWriterSize(to, 256<<10), to: to}
}

// close ends the object and waits until it is there.
func (u *upload) close() error {
	if err := u.w.Flush(); err != nil {
		u.to.Abandon()
		return err
	}
	err := u.to.Close()
	u.p.step("after " + u.name)
	return err
}
