package modelserver

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// lines are the scorer lines of one block after another.
type lines struct {
	own  *mapping.Decoder // of bodies with a header of their own; else the lane's
	text []byte
}

// score sets text to the lines of a block.
func (l *lines) score(ctx context.Context, one *lane, b *record.Block) (failed int, err error) {
	d := one.decoder
	if l.own != nil {
		d = l.own
	}
	l.text, failed, err = one.worker.Score(ctx, l.text[:0], record.Text{Block: b, Decoder: d}, nowhere, b.First)
	return failed, err
}

// heldBytes is how much of an answer is held back before its first byte is sent,
// so that a request which fails early gets the status that says why.
const heldBytes = 256 << 10

// answer is written to a client: lines as they are, or as the items of
// {"predictions":[...]}.
type answer struct {
	server *Server
	w      http.ResponseWriter
	http10 bool // the end of a long answer could not be told from a broken connection
	kind   bodyKind
	sealed bool // items are text: see mapping.Mapping
	held   []byte
	opened bool // the list of predictions is
	items  bool // it has some already
	begun  bool // 200 is sent
}

// write adds lines.
func (a *answer) write(text []byte) error {
	if a.kind == instancesBody {
		a.open()
		for len(text) > 0 {
			line, rest, _ := bytes.Cut(text, []byte("\n"))
			if a.items {
				a.held = append(a.held, ',')
			}
			if a.sealed {
				a.held = record.AppendString(a.held, string(line))
			} else {
				a.held = append(a.held, line...)
			}
			a.items, text = true, rest
		}
	} else {
		a.held = append(a.held, text...)
	}
	if len(a.held) < heldBytes {
		return nil
	}
	if a.http10 {
		return refusef(http.StatusHTTPVersionNotSupported, provider.Unsupported, "the answer is longer than %d bytes, whose end HTTP/1.0 cannot tell: send fewer records, or speak HTTP/1.1", heldBytes)
	}
	return a.flush()
}

// open begins the list of predictions.
func (a *answer) open() {
	if !a.opened {
		a.held, a.opened = append(a.held, `{"predictions":[`...), true
	}
}

// end sends what is left.
func (a *answer) end() error {
	if a.kind == instancesBody {
		a.open()
		a.held = append(a.held, "]}"...)
	}
	if !a.begun {
		a.w.Header().Set("Content-Length", strconv.Itoa(len(a.held)))
	}
	return a.flush()
}

// flush sends what is held.
func (a *answer) flush() error {
	if !a.begun {
		typ := linesType
		if a.kind == instancesBody {
			typ = "application/json"
		}
		a.w.Header().Set("Content-Type", typ)
		a.w.WriteHeader(http.StatusOK)
		a.begun = true
	}
	control := http.NewResponseController(a.w)
	err := a.server.within(a.server.opts.WriteTimeout, control.SetWriteDeadline, func() error {
		if _, err := a.w.Write(a.held); err != nil {
			return err
		}
		if err := control.Flush(); !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		return nil
	})
	a.held = a.held[:0]
	return err
}
