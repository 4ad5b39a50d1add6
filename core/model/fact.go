package model

// lost stands for an axis that cannot be followed, or a rank that is not known.
const lost = -1

// fact is what is known of a tensor (of a sequence: of its elements).
type fact struct {
	data  bool   // depends on the values of a graph input
	axis  int    // of data: where records are stacked; lost: somewhere, or nowhere
	minor bool   // the batch axis is merged behind another one: [L*N, ...]
	front bool   // all axes before the batch axis are of size 1
	span  size   // of data: the size of the batch axis
	rank  int    // lost: not known
	vals  []size // of small integer constants and shape arithmetic: the elements
}

// size is a number in shape arithmetic: n, batch*n, or one that is not known.
type size struct {
	known bool // n is; of a multiple of the batch: the factor is
	batch bool // a multiple of the number of records
	n     int64
}

func number(n int64) size { return size{known: true, n: n} }

// isBatch reports the number of records itself.
func (s size) isBatch() bool { return s.batch && s.known && s.n == 1 }

// is reports the plain number n.
func (s size) is(n int64) bool { return s.known && !s.batch && s.n == n }

// constant is a tensor that depends on no input's values; its sizes may depend on the batch's.
func constant(rank int) fact { return fact{rank: rank} }

// unknown is a tensor of records whose batch axis cannot be followed.
func unknown() fact { return fact{data: true, axis: lost, rank: lost} }

// stacked is a tensor of records along an axis.
func stacked(axis, rank int) fact {
	return fact{data: true, axis: axis, rank: rank, span: size{known: true, batch: true, n: 1}}
}

// at is the same tensor of records with its batch axis and rank elsewhere.
func (f fact) at(axis, rank int) fact {
	f.front = f.front && axis == f.axis
	f.axis, f.rank, f.vals = axis, rank, nil
	return f
}

// followed reports a tensor of records whose batch axis is known.
func (f fact) followed() bool { return f.data && f.axis != lost }

// verdict answers whether an operator works along the batch axis.
type verdict int

const (
	apart   verdict = iota // it does not
	along                  // it does
	unclear                // it cannot be told
)

// leads reports that records follow one another as a whole: no axis before the batch axis has two elements.
func (f fact) leads() bool { return f.followed() && (f.axis == 0 || f.front) }

// covers answers whether one of the axes is the batch axis.
func (f fact) covers(axes ...int64) verdict {
	if !f.data || len(axes) == 0 {
		return apart
	}
	if f.axis == lost {
		return unclear
	}
	out := apart
	for _, a := range axes {
		switch n := normal(a, f.rank); {
		case n == f.axis:
			return along
		case n == lost && f.axis > 0:
			// Counted from the end, with the rank unknown. Such axes hold features;
			// records stacked along axis 0 lie apart from them in all but vectors.
			out = unclear
		}
	}
	return out
}

// isAlong reports that an axis is the batch axis, as far as can be told.
func (f fact) isAlong(axis int64) bool { return f.covers(axis) == along }

// coversFrom answers whether the batch axis is the given one or a later one.
func (f fact) coversFrom(axis int64) verdict {
	switch n := normal(axis, f.rank); {
	case !f.data:
		return apart
	case f.axis == lost:
		return unclear
	case n == lost && f.axis == 0:
		return apart // as in covers
	case n == lost:
		return unclear
	case f.axis >= n:
		return along
	}
	return apart
}

// normal counts an axis from the front; lost when that needs the rank and it is
// not known, or when it does not lie within the rank.
func normal(axis int64, rank int) int {
	if axis < 0 && rank != lost {
		axis += int64(rank)
	}
	if axis < 0 || axis > 1<<20 || (rank != lost && axis >= int64(rank)) {
		return lost
	}
	return int(axis)
}

// join is what holds whichever of two tensors a value turns out to be.
func join(a, b fact) fact {
	rank := a.rank
	if a.rank != b.rank {
		rank = lost
	}
	switch {
	case a.data && b.data:
		out := a.at(a.axis, rank)
		if a.axis != b.axis || a.minor != b.minor {
			out = unknown()
			out.rank = rank
		}
		out.front = out.front && b.front
		if a.span != b.span {
			out.span = size{batch: true}
		}
		return out
	case a.data:
		return a.at(a.axis, rank)
	case b.data:
		return b.at(b.axis, rank)
	}
	out := constant(rank)
	if len(a.vals) == len(b.vals) {
		for i, v := range a.vals {
			if v != b.vals[i] {
				v = size{}
			}
			out.vals = append(out.vals, v)
		}
	}
	return out
}

// same compares what matters for a fixed point.
func (f fact) same(g fact) bool {
	if f.data != g.data || f.axis != g.axis || f.minor != g.minor || f.front != g.front || f.rank != g.rank || f.span != g.span || len(f.vals) != len(g.vals) {
		return false
	}
	for i, v := range f.vals {
		if v != g.vals[i] {
			return false
		}
	}
	return true
}

// ints returns the elements as plain numbers; false when one is not known.
func (f fact) ints() ([]int64, bool) {
	if f.data || f.vals == nil {
		return nil, false
	}
	out := make([]int64, len(f.vals))
	for i, v := range f.vals {
		if !v.known || v.batch {
			return nil, false
		}
		out[i] = v.n
	}
	return out, true
}

// int returns the single element of a constant.
func (f fact) int() (int64, bool) {
	v, ok := f.ints()
	if !ok || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}
