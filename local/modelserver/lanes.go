package modelserver

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// lane is what scores one block at a time.
type lane struct {
	worker  *scorer.Worker
	decoder *mapping.Decoder // nil: each body has a header of its own
}

// lanes are as many as blocks may be scored at a time. A request has one while it
// scores a block, and none while it reads or writes, so that slow clients hold
// nobody up.
type lanes struct{ free chan *lane }

func (l *lanes) take(ctx context.Context) (*lane, error) {
	select {
	case one := <-l.free:
		return one, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *lanes) give(one *lane) { l.free <- one }

// settled gives the lanes. How records meet the model is decided by the first
// record that tells, of whichever request comes first, as the local engine decides
// by the first one of its input. A request of which no record tells is answered by
// that: said holds its lines then, each of them an error, and the next request
// decides. After undecided such records the model decides alone.
func (s *Server) settled(ctx context.Context, m *loaded, p *payload) (l *lanes, said []byte, err error) {
	if l := s.lanes.Load(); l != nil {
		return l, nil, nil
	}
	select {
	case s.deciding <- struct{}{}:
		defer func() { <-s.deciding }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if l := s.lanes.Load(); l != nil {
		return l, nil, nil
	}
	if err := s.number(m, p); err != nil {
		return nil, nil, err
	}
	said, decided, err := s.decide(ctx, m, p)
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case errors.Is(err, scorer.ErrMapping): // no request can ever be answered
		err = modelError(err)
		s.end(err)
		return nil, nil, err
	case err != nil:
		return nil, nil, err
	case !decided:
		return nil, said, nil
	}
	l = &lanes{free: make(chan *lane, s.opts.Concurrency)}
	for range s.opts.Concurrency {
		one := &lane{worker: m.scorer.NewWorker()}
		if !p.headed() {
			if one.decoder, err = s.decoder(m, nil); err != nil {
				return nil, nil, err
			}
		}
		l.free <- one
	}
	s.lanes.Store(l)
	return l, nil, nil
}

// undecided is how many records may fail to tell how records meet the model.
const undecided = 1000

// decide shows the scorer the records of a request.
func (s *Server) decide(ctx context.Context, m *loaded, p *payload) (said []byte, decided bool, err error) {
	d, err := s.decoder(m, p.header)
	if err != nil {
		return nil, false, err
	}
	in, err := p.open()
	if err != nil {
		return nil, false, err
	}
	var b record.Block
	for {
		switch err := in.Next(&b); {
		case errors.Is(err, io.EOF):
			return said, false, nil
		case err != nil:
			return nil, false, err
		}
		if said, decided, err = m.scorer.Try(ctx, said, record.Text{Block: &b, Decoder: d}, nowhere, b.First); decided || err != nil {
			return nil, decided, err
		}
		if s.seen += len(b.Records); s.seen >= undecided {
			_, err := m.scorer.Settle(nil)
			return nil, err == nil, err
		}
	}
}

// number finds how many columns CSV rows have that nobody names: as many as the
// first row that can be read.
func (s *Server) number(m *loaded, p *payload) error {
	if m.mapping.Format != job.CSV || p.headed() || len(m.mapping.Columns) > 0 || s.numbered > 0 {
		return nil
	}
	n, err := p.width()
	s.numbered = n
	return err
}

// decoder makes a decoder of the scorer's fields. header is that of the body,
// where it has one.
func (s *Server) decoder(m *loaded, header record.Header) (*mapping.Decoder, error) {
	if m.mapping.Format == job.CSV && header == nil && len(m.mapping.Columns) == 0 {
		header = record.Numbered(max(s.numbered, 1))
	}
	d, err := m.mapping.NewDecoder(m.scorer.Fields(), header)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, &provider.Error{Code: provider.Invalid, Err: err}}
	}
	d.Floats(m.scorer.Floats())
	return d, nil
}

// nowhere stands for a place that is not known.
const nowhere = -1
