package modelserver

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// source cuts the body of a request into blocks of records.
type source interface {
	// Next fills b with the next records. io.EOF: there are none left.
	Next(b *record.Block) error
}

// blockBytes closes a block: what is answered of one is held in memory.
const blockBytes = 2 << 20

// A sealed record is larger than the record: each of its quotes is escaped, and a
// service may write what is not ASCII as escapes, which take three times as much.
const (
	sealedGrowth = 3
	sealedFrame  = 256
)

// payload is a request's body as it was read.
type payload struct {
	kind    bodyKind
	text    []byte
	mapping mapping.Mapping
	limits  record.Limits
	header  record.Header // of CSV rows whose names stand in the body; else nil
	list    instances     // of instancesBody
}

// newPayload checks what must be sound of a body before its records are looked at.
func newPayload(kind bodyKind, text []byte, m mapping.Mapping, block int) (*payload, error) {
	p := &payload{kind: kind, text: text, mapping: m, limits: record.DefaultLimits()}
	p.limits.Records, p.limits.Bytes = block, blockBytes
	if m.Sealed {
		p.limits.Record = sealedGrowth*p.limits.Record + sealedFrame // staging has held the record itself to the limit
	}
	if kind == instancesBody {
		if m.Format != job.JSONL {
			return nil, refusef(http.StatusUnsupportedMediaType, provider.Invalid, "the mapping's records arrive as %s, and instances are JSON", m.Format)
		}
		list, err := parseInstances(text)
		if err != nil {
			return nil, &refusal{http.StatusBadRequest, &provider.Error{Code: provider.Invalid, Err: err}}
		}
		p.list = list
		return p, nil
	}
	if p.headed() {
		h, err := p.splitter().ReadHeader()
		if err != nil {
			return nil, &refusal{http.StatusBadRequest, &provider.Error{Code: provider.Invalid, Message: "the CSV " + err.Error(), Err: err}}
		}
		p.header = h
	}
	return p, nil
}

// headed says that the first row of each body names its columns.
func (p *payload) headed() bool { return p.mapping.Format == job.CSV && p.mapping.CSV.Header }

func (p *payload) splitter() *record.Splitter {
	format, delimiter := record.JSONL, byte(',')
	if p.mapping.Format == job.CSV {
		format, delimiter = record.CSV, p.mapping.CSV.Delimiter[0]
	}
	return record.NewSplitter(bytes.NewReader(p.text), format, delimiter, p.limits)
}

// open begins with the first record.
func (p *payload) open() (source, error) {
	if p.kind == instancesBody {
		return p.list.blocks(p.limits), nil
	}
	s := p.splitter()
	if p.headed() {
		if _, err := s.ReadHeader(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// width is the number of cells of the first row that can be read; 0: there is none.
func (p *payload) width() (int, error) {
	in, err := p.open()
	if err != nil {
		return 0, err
	}
	var b record.Block
	for {
		switch err := in.Next(&b); {
		case errors.Is(err, io.EOF):
			return 0, nil
		case err != nil:
			return 0, err
		}
		for _, r := range b.Records {
			if r.Failure != nil {
				continue
			}
			if h, err := record.ReadHeader(b.Data[r.Start:r.End], p.mapping.CSV.Delimiter[0]); err == nil {
				return len(h), nil
			}
		}
	}
}
