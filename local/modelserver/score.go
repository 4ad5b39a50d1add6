package modelserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// score answers one request. The body is read before anything is written: there
// are clients that read no answer before they have sent it all.
func (s *Server) score(a *answer, r *http.Request) error {
	m := s.model.Load()
	if e := s.over(); e != nil {
		return &refusal{http.StatusServiceUnavailable, e}
	}
	if m == nil {
		return refusef(http.StatusServiceUnavailable, provider.Unavailable, "the model is not loaded yet")
	}
	a.sealed = m.mapping.Sealed
	if err := checkMedia(r.Header, a.kind, m.mapping.Format); err != nil {
		return err
	}
	if r.ContentLength > s.opts.MaxPayload {
		return s.tooLarge(r.ContentLength)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	release, err := s.admit(ctx, r.ContentLength)
	if err != nil {
		return err
	}
	defer release()
	body, err := s.read(a.w, r, s.buffer())
	defer func() { s.giveBack(body) }()
	if err != nil {
		return err
	}
	p, err := newPayload(a.kind, body, m.mapping, blockBatches*m.scorer.BlockRecords())
	if err != nil {
		return err
	}
	err = s.answer(ctx, a, m, p)
	// What proves the mapping wrong ends the server, and says so itself.
	if err != nil && ctx.Err() != nil && !errors.Is(err, scorer.ErrMapping) {
		return s.gone(ctx)
	}
	return err
}

// blockBatches is how many times the records that a worker takes at once make a
// block: enough that the change from request to request costs nothing.
const blockBatches = 4

// answer scores a body, block by block.
func (s *Server) answer(ctx context.Context, a *answer, m *loaded, p *payload) error {
	l, said, err := s.settled(ctx, m, p)
	if err != nil {
		return err
	}
	if l == nil {
		n := int64(bytes.Count(said, []byte("\n")))
		s.records.Add(n)
		s.failed.Add(n)
		if err := a.write(said); err != nil {
			return err
		}
		return a.end()
	}
	in, err := p.open()
	if err != nil {
		return err
	}
	var b record.Block
	var work lines
	if p.headed() && p.header != nil {
		if work.own, err = s.decoder(m, p.header); err != nil {
			return err
		}
	}
	for {
		switch err := in.Next(&b); {
		case errors.Is(err, io.EOF):
			return a.end()
		case err != nil:
			return err
		}
		one, err := l.take(ctx)
		if err != nil {
			return err
		}
		failed, err := work.score(ctx, one, &b)
		l.give(one)
		if err != nil {
			return err
		}
		s.records.Add(int64(len(b.Records)))
		s.failed.Add(int64(failed))
		if err := a.write(work.text); err != nil {
			return err
		}
	}
}
