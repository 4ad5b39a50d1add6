package scorer

import (
	"context"
	"slices"
	"strconv"

	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// Records are records that can be taken apart, such as record.Text.
type Records interface {
	Len() int
	// Values sets values to the fields of the i-th record, in the order of
	// Scorer.Fields. They may be lost with the next call.
	Values(i int, values []record.Value) *record.Failure
}

// Apart are Records that need not follow one another in their shard.
type Apart interface {
	Records
	Row(i int) int64 // of the i-th record
}

// rowsOf tells the row of each record; the first has the row first, unless they say
// themselves.
func rowsOf(r Records, first int64) func(i int) int64 {
	if a, ok := r.(Apart); ok {
		return a.Row
	}
	return func(i int) int64 { return first + int64(i) }
}

// Worker scores blocks of records, one at a time. Its buffers are reused from
// block to block; it is not safe for concurrent use.
type Worker struct {
	s      *Scorer
	values []record.Value
	picked []record.Value // those of the key, or of the kept fields
	groups []*group
	shapes [][]int64 // by feed: of the record at hand
	saved  [][2]int  // by feed: how much its column held before the record at hand
	inputs []onnx.Tensor
	dims   [][]int64 // of the inputs
	filled []int     // slots that the record at hand had filled
	note   func(slot int)
	fills  []int64  // by slot: nulls filled so far
	said   []byte   // what lines say of filled nulls: JSON objects
	names  [][]byte // by output: what stands before its value
	heads  []byte
	bodies []byte
	marks  []mark
	text   []byte
}

// group is the records of a block that have the same shapes.
type group struct {
	shapes [][]int64
	cols   []column
	rows   []int // of the block
}

// mark says where the parts of a record's line stand, or why it has none.
type mark struct {
	key, head, headEnd int // in heads: the key's JSON, then the line's beginning
	body, bodyEnd      int // in bodies
	said, saidEnd      int // in said
	fail               *record.Failure
}

// NewWorker makes a worker of a settled Scorer.
func (s *Scorer) NewWorker() *Worker { return s.worker() }

func (s *Scorer) worker() *Worker {
	w := &Worker{
		s: s, values: make([]record.Value, len(s.fields)), fills: make([]int64, len(s.fields)),
		shapes: make([][]int64, len(s.feeds)), saved: make([][2]int, len(s.feeds)),
		inputs: make([]onnx.Tensor, len(s.feeds)), dims: make([][]int64, len(s.feeds)),
	}
	w.note = func(slot int) { w.filled = append(w.filled, slot) }
	for i := range s.cols.Outputs {
		w.names = append(w.names, s.cols.AppendName(nil, i))
	}
	w.reset()
	return w
}

// BlockRecords is how many records are read before the model is called: whole
// batches. Blocks should have a multiple of it.
func (s *Scorer) BlockRecords() int {
	if s.batch >= DefaultBatch {
		return s.batch
	}
	return DefaultBatch / s.batch * s.batch
}

// Fills counts the nulls that were filled since the worker was made, by field.
func (w *Worker) Fills() map[string]int64 {
	m := map[string]int64{}
	for slot, n := range w.fills {
		if n > 0 {
			m[w.s.fields[slot]] = n
		}
	}
	return m
}

// Score appends one scorer line for each record, in order; the first has the row
// first of the shard. A line says which of its record's nulls were filled. failed
// counts the error lines. An error ends the run: it is not the records' fault.
func (w *Worker) Score(ctx context.Context, dst []byte, r Records, shard int, first int64) (lines []byte, failed int, err error) {
	err = w.each(ctx, r, shard, first, func(_ int64, m mark) {
		start := len(dst)
		if m.said < m.saidEnd {
			dst = mapping.AppendFills(dst, w.said[m.said:m.saidEnd])
		}
		after := len(dst)
		if m.fail != nil {
			failed++
			dst = record.AppendError(dst, w.heads[m.key:m.head], m.fail)
		} else {
			dst = w.appendOK(dst, m)
		}
		if after > start { // the line's own brace stands in front already
			dst = append(dst[:after], dst[after+1:]...)
		}
	})
	return dst, failed, err
}

// Answers are what became of a block of records.
type Answers struct {
	OK     []byte // scorer lines of predictions, in order
	Failed []byte // lines of failed-*
	Counts record.Counts
}

// Answer adds to a what becomes of records, of which the first has the row first,
// unless they are Apart.
func (w *Worker) Answer(ctx context.Context, a *Answers, r Records, shard int, first int64) error {
	return w.each(ctx, r, shard, first, func(row int64, m mark) {
		a.Counts.In++
		if m.fail == nil {
			a.Counts.OK++
			a.OK = w.appendOK(a.OK, m)
			return
		}
		a.Counts.Failed++
		w.text = record.AppendString(w.text[:0], string(m.fail.Code))
		code := len(w.text)
		w.text = record.AppendString(w.text, m.fail.Message)
		e := record.ErrorLine{Key: w.heads[m.key:m.head], Code: w.text[:code], Message: w.text[code:]}
		a.Failed = record.AppendFailed(a.Failed, e, shard, row)
	})
}

func (w *Worker) appendOK(dst []byte, m mark) []byte {
	dst = append(dst, w.heads[m.head:m.headEnd]...)
	dst = append(dst, w.bodies[m.body:m.bodyEnd]...)
	return record.AppendClose(dst)
}

// each scores records, so many at a time that all of their parts stay close to
// the processor, and tells of each in order.
func (w *Worker) each(ctx context.Context, r Records, shard int, first int64, tell func(row int64, m mark)) error {
	row := rowsOf(r, first)
	for from, n := 0, r.Len(); from < n; {
		to := min(from+w.s.BlockRecords(), n)
		w.reset()
		for i := from; i < to; i++ {
			clear(w.values)
			fail := r.Values(i, w.values)
			w.read(i-from, fail, shard, row(i))
		}
		for _, g := range w.groups {
			for from := 0; from < len(g.rows); from += w.s.batch {
				if err := ctx.Err(); err != nil {
					return err
				}
				w.score(g, from, min(from+w.s.batch, len(g.rows)))
			}
		}
		for i, m := range w.marks {
			tell(row(from+i), m)
		}
		from = to
	}
	return nil
}

func (w *Worker) reset() {
	w.heads, w.bodies, w.marks, w.said = w.heads[:0], w.bodies[:0], w.marks[:0], w.said[:0]
	if !w.s.varying() && len(w.groups) == 1 { // the one group's memory serves again
		g := w.groups[0]
		g.rows = g.rows[:0]
		for k := range g.cols {
			g.cols[k].truncate(0, 0)
		}
		return
	}
	w.groups = w.groups[:0]
}

// varying says whether records of one run may differ in shape.
func (s *Scorer) varying() bool {
	for i := range s.feeds {
		f := &s.feeds[i]
		if !f.input.Ranked {
			return true
		}
		for k, d := range f.dims() {
			if d.Size < 0 && (k > 0 || f.max == 0) {
				return true
			}
		}
	}
	return false
}

// read takes one record apart: its key, the beginning of its line, its tensors.
func (w *Worker) read(i int, fail *record.Failure, shard int, row int64) {
	m := w.key(fail, shard, row)
	if m.fail == nil {
		w.heads = w.s.cols.AppendOpen(w.heads, w.heads[m.key:m.head], w.pick(w.s.keep))
		if m.fail = w.take(i, w.values); m.fail == nil && len(w.filled) > 0 {
			m.said = len(w.said)
			w.said = w.appendFilled(w.said)
			m.saidEnd = len(w.said)
		}
	}
	m.headEnd = len(w.heads)
	w.marks = append(w.marks, m)
}

// appendFilled appends how many nulls of each field the record at hand had filled.
func (w *Worker) appendFilled(dst []byte) []byte {
	slices.Sort(w.filled)
	dst = append(dst, '{')
	for i := 0; i < len(w.filled); {
		slot, from := w.filled[i], i
		for i < len(w.filled) && w.filled[i] == slot {
			i++
		}
		if from > 0 {
			dst = append(dst, ',')
		}
		dst = record.AppendString(dst, w.s.fields[slot])
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, int64(i-from), 10)
	}
	return append(dst, '}')
}

// key begins a mark with the key of the record whose values are at hand. fail is
// why they could not be read.
func (w *Worker) key(fail *record.Failure, shard int, row int64) mark {
	m := mark{key: len(w.heads), fail: fail}
	var keyFail *record.Failure
	if fail == nil || len(w.s.keys) == 0 || w.hasKey() {
		w.heads, keyFail = record.AppendKey(w.heads, w.pick(w.s.keys), shard, row)
		if keyFail != nil {
			w.heads = w.heads[:m.key]
		}
	}
	m.head = len(w.heads)
	if fail == nil {
		m.fail = keyFail
	}
	return m
}

func (w *Worker) pick(slots []int) []record.Value {
	w.picked = w.picked[:0]
	for _, slot := range slots {
		w.picked = append(w.picked, w.values[slot])
	}
	return w.picked
}

// hasKey says whether a record that could not be read gave its key all the same.
func (w *Worker) hasKey() bool {
	for _, slot := range w.s.keys {
		if w.values[slot].Kind == record.Missing {
			return false
		}
	}
	return true
}

// take converts a record into the tensors of its group.
func (w *Worker) take(row int, values []record.Value) *record.Failure {
	g := w.room()
	for k := range g.cols {
		w.saved[k] = [2]int{len(g.cols[k].data), len(g.cols[k].strs)}
	}
	w.filled = w.filled[:0]
	for k := range w.s.feeds {
		var fail *record.Failure
		w.shapes[k], fail = w.s.feeds[k].add(&g.cols[k], values, w.shapes[k][:0], w.note)
		if fail != nil {
			for k := range g.cols {
				g.cols[k].truncate(w.saved[k][0], w.saved[k][1])
			}
			return fail
		}
	}
	if len(g.rows) == 0 {
		g.shapes = cloneShapes(w.shapes)
	} else if !equalShapes(g.shapes, w.shapes) {
		g = w.move(g)
	}
	g.rows = append(g.rows, row)
	for _, slot := range w.filled {
		w.fills[slot]++
	}
	return nil
}

// room is the group that the next record is read into: that of the last one.
func (w *Worker) room() *group {
	if len(w.groups) == 0 {
		w.groups = append(w.groups, &group{cols: make([]column, len(w.s.feeds))})
	}
	return w.groups[len(w.groups)-1]
}

// move takes the record that was read last out of g, into the group of its own
// shapes, which becomes the last.
func (w *Worker) move(g *group) *group {
	at := slices.IndexFunc(w.groups, func(o *group) bool {
		return equalShapes(o.shapes, w.shapes)
	})
	if at < 0 {
		w.groups = append(w.groups, &group{shapes: cloneShapes(w.shapes), cols: make([]column, len(g.cols))})
		at = len(w.groups) - 1
	}
	to := w.groups[at]
	for k := range g.cols {
		to.cols[k].data = append(to.cols[k].data, g.cols[k].data[w.saved[k][0]:]...)
		to.cols[k].strs = append(to.cols[k].strs, g.cols[k].strs[w.saved[k][1]:]...)
		g.cols[k].truncate(w.saved[k][0], w.saved[k][1])
	}
	last := len(w.groups) - 1
	w.groups[at], w.groups[last] = w.groups[last], w.groups[at]
	return to
}

func equalShapes(a, b [][]int64) bool {
	for k := range a {
		if !slices.Equal(a[k], b[k]) {
			return false
		}
	}
	return true
}

func cloneShapes(shapes [][]int64) [][]int64 {
	out := make([][]int64, len(shapes))
	for i, s := range shapes {
		out[i] = slices.Clone(s)
	}
	return out
}
