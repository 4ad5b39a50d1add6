package parquet

import (
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/parquet-go/parquet-go/format"
)

// maxText bounds the JSON text of one value. A dictionary repeats long texts at
// no cost to the file.
const maxText = 64 << 20

// listDef is the definition level of the innermost repeated node that holds n.
func (n *node) listDef() int {
	for n.repeats != format.Repeated && n.parent != nil {
		n = n.parent
	}
	return n.def
}

// walker puts one field of one row together from its columns, as JSON.
type walker struct {
	first int // the leaf that cur begins with
	cur   []cursor
	dst   []byte
	start int
	key   []byte
	fail  *record.Failure
}

// cursor is where a column stands within a row.
type cursor struct {
	c       *column
	at, end int // levels
	val     int
}

func (w *walker) run(b *Rows, fl *field, row int, dst []byte) ([]byte, *record.Failure) {
	w.dst, w.start, w.fail = dst, len(dst), nil
	w.first = fl.n.first
	w.cur = w.cur[:0]
	for i := range fl.n.last - fl.n.first {
		c := &b.cols[fl.first+i]
		cur := cursor{c: c, at: row, end: row + 1, val: row}
		if len(c.rows) > 1 {
			cur.at, cur.end = int(c.rows[row]), int(c.rows[row+1])
		}
		if len(c.vals) > 1 {
			cur.val = int(c.vals[row])
		}
		w.cur = append(w.cur, cur)
	}
	w.field(fl.n)
	return w.dst, w.fail
}

func (w *walker) broken() {
	if w.fail == nil {
		w.fail = record.Fail(record.Malformed, "the columns of a nested field do not go together")
	}
}

// def is the definition level that n's columns stand at; -1 when they have ended.
func (w *walker) def(n *node) int {
	cur := &w.cur[n.first-w.first]
	if cur.at >= cur.end {
		w.broken()
		return -1
	}
	if len(cur.c.defs) == 0 {
		return 0
	}
	return int(cur.c.defs[cur.at])
}

// skip passes over what stands for a null or an empty list.
func (w *walker) skip(n *node) {
	for i := n.first; i < n.last; i++ {
		cur := &w.cur[i-w.first]
		if cur.at >= cur.end {
			w.broken()
			return
		}
		cur.at++
	}
}

func (w *walker) field(n *node) {
	switch {
	case w.fail != nil:
	case n.repeated():
		w.list(n, n)
	case n.repeats == format.Optional && w.def(n) < n.def:
		w.dst = append(w.dst, "null"...)
		w.skip(n)
	default:
		w.content(n)
	}
}

// content writes what is there of n, once.
func (w *walker) content(n *node) {
	if w.fail != nil {
		return
	}
	switch n.shape {
	case shapeLeaf:
		w.leaf(n)
	case shapeStruct:
		w.dst = append(w.dst, '{')
		for i, c := range n.children {
			if i > 0 {
				w.dst = append(w.dst, ',')
			}
			w.dst = record.AppendString(w.dst, c.name)
			w.dst = append(w.dst, ':')
			w.field(c)
		}
		w.dst = append(w.dst, '}')
	case shapeList:
		w.list(n.children[0], n.elem)
	case shapeMap:
		w.entries(n.children[0])
	}
}

func (w *walker) leaf(n *node) {
	if w.def(n) != n.def {
		w.broken()
		return
	}
	cur := &w.cur[n.first-w.first]
	if cur.val >= cur.c.n {
		w.broken()
		return
	}
	w.dst, w.fail = appendLeaf(w.dst, n, cur.c, cur.val)
	cur.at++
	cur.val++
	w.bound(n)
}

func (w *walker) bound(n *node) {
	if len(w.dst)-w.start > maxText && w.fail == nil {
		w.fail = record.Fail(record.TooLong, "%q has more than %d bytes as text", n.name, maxText)
	}
}

// list writes what r repeats. elem is r itself or its only child.
func (w *walker) list(r, elem *node) {
	w.dst = append(w.dst, '[')
	for first := true; w.more(r, first); first = false {
		if !first {
			w.dst = append(w.dst, ',')
		}
		if elem == r {
			w.content(r)
		} else {
			w.field(elem)
		}
	}
	w.dst = append(w.dst, ']')
}

// more says whether there is one more element, and passes over what stands for
// none at all.
func (w *walker) more(r *node, first bool) bool {
	w.bound(r)
	if w.fail != nil {
		return false
	}
	if first {
		if w.def(r) < r.def {
			w.skip(r)
			return false
		}
		return true
	}
	cur := &w.cur[r.first-w.first]
	return cur.at < cur.end && int(cur.c.reps[cur.at]) == r.rep
}

// entries writes a map: r repeats a key and its value.
func (w *walker) entries(r *node) {
	w.dst = append(w.dst, '{')
	for first := true; w.more(r, first); first = false {
		if !first {
			w.dst = append(w.dst, ',')
		}
		start := len(w.dst)
		w.field(r.children[0])
		if w.fail == nil && w.dst[start] != '"' { // keys are text
			w.key = append(w.key[:0], w.dst[start:]...)
			w.dst = record.AppendString(w.dst[:start], string(w.key))
		}
		w.dst = append(w.dst, ':')
		if len(r.children) == 2 {
			w.field(r.children[1])
		} else {
			w.dst = append(w.dst, "null"...)
		}
	}
	w.dst = append(w.dst, '}')
}
