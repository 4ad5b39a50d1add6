package model

import "slices"

// Shape arithmetic: exporters write Reshape's target as a graph of small
// constants (Shape, Gather, Mul, Concat), which has to be followed to know
// where the batch axis goes.

// maxSize keeps products of sizes far from overflow.
const maxSize = 1 << 40

// numbers is a constant of known elements: a vector, or a scalar for rank 0.
func numbers(rank int, vals []int64) fact {
	f := fact{rank: rank, vals: []size{}}
	for _, v := range vals {
		f.vals = append(f.vals, number(v))
	}
	return f
}

// fromTensor is a constant tensor of the file.
func fromTensor(t *protoTensor) fact {
	if vals, ok := t.values(); ok && len(t.dims) <= 1 {
		return numbers(len(t.dims), vals)
	}
	return constant(len(t.dims))
}

// computed works out an operator on shape vectors, all of whose inputs are
// constants; false when the result's elements cannot be known.
func (c *call) computed() (fact, bool) {
	a := c.input(0)
	switch c.node.op {
	case "Cast", "Identity", "Floor", "Ceil", "Round":
		return a, a.vals != nil
	case "Squeeze":
		if len(a.vals) == 1 {
			return fact{vals: a.vals}, true
		}
	case "Unsqueeze":
		if axes, ok := c.axes(); ok && len(axes) == 1 && a.rank == 0 && a.vals != nil {
			return fact{rank: 1, vals: a.vals}, true
		}
	case "Reshape":
		if target, ok := c.input(1).ints(); ok && a.vals != nil && len(target) <= 1 {
			return fact{rank: len(target), vals: a.vals}, true
		}
	case "Concat":
		return c.concatenated()
	case "Gather":
		return c.gathered()
	case "Slice":
		return c.sliced()
	case "ConstantOfShape":
		if shape, ok := a.ints(); ok && len(shape) == 1 && shape[0] >= 0 && shape[0] <= maxInts {
			return fact{rank: 1, vals: slices.Repeat([]size{c.fill()}, int(shape[0]))}, true
		}
	case "Add", "Sub", "Mul", "Div", "Equal", "Where", "Min", "Max", "Mod", "Less", "Greater":
		return c.calculated()
	}
	return fact{}, false
}

// fill is the element of a ConstantOfShape, which is a float zero by default.
func (c *call) fill() size {
	a := c.attr("value")
	if len(a.tensors) == 1 {
		if v, ok := a.tensors[0].values(); ok && len(v) == 1 {
			return number(v[0])
		}
	}
	return size{}
}

func (c *call) concatenated() (fact, bool) {
	out := fact{rank: 1, vals: []size{}}
	for _, f := range c.in {
		if f.vals == nil || f.rank != 1 {
			return fact{}, false
		}
		out.vals = append(out.vals, f.vals...)
	}
	return out, len(out.vals) <= maxInts
}

func (c *call) gathered() (fact, bool) {
	a, q := c.input(0), c.input(1)
	index, ok := q.ints()
	if a.vals == nil || a.rank != 1 || !ok {
		return fact{}, false
	}
	out := fact{rank: q.rank, vals: []size{}}
	for _, i := range index {
		at := normal(i, len(a.vals))
		if at == lost {
			return fact{}, false
		}
		out.vals = append(out.vals, a.vals[at])
	}
	return out, true
}

func (c *call) sliced() (fact, bool) {
	a := c.input(0)
	s, ok := c.slice()
	if a.vals == nil || a.rank != 1 || !ok || len(s.starts) != 1 || len(s.ends) != 1 {
		return fact{}, false
	}
	n := int64(len(a.vals))
	step := int64(1)
	if len(s.steps) == 1 {
		step = s.steps[0].n
	}
	if !s.starts[0].known || s.starts[0].batch || !s.ends[0].known || s.ends[0].batch || step != 1 {
		return fact{}, false
	}
	clamp := func(v int64) int64 {
		if v < 0 {
			v += n
		}
		return min(max(v, 0), n)
	}
	from, to := clamp(s.starts[0].n), clamp(s.ends[0].n)
	return fact{rank: 1, vals: slices.Clone(a.vals[from:max(from, to)])}, true
}

// calculated applies an elementwise operator to vectors of one length, or a single element.
func (c *call) calculated() (fact, bool) {
	out := fact{}
	n := 1
	for _, f := range c.in {
		if f.vals == nil || f.rank > 1 {
			return fact{}, false
		}
		out.rank = max(out.rank, f.rank)
		if len(f.vals) != 1 {
			n = len(f.vals)
		}
	}
	out.vals = make([]size, n)
	for i := range out.vals {
		args := make([]size, len(c.in))
		for k, f := range c.in {
			if len(f.vals) != 1 && len(f.vals) != n {
				return fact{}, false
			}
			args[k] = f.vals[min(i, len(f.vals)-1)]
		}
		out.vals[i] = calculate(c.node.op, args)
	}
	return out, true
}

func calculate(op string, args []size) size {
	if op == "Where" && len(args) == 3 && args[0].known {
		if args[0].n != 0 {
			return args[1]
		}
		return args[2]
	}
	if len(args) != 2 {
		return size{}
	}
	a, b := args[0], args[1]
	plain := a.known && b.known && !a.batch && !b.batch && max(a.n, -a.n, b.n, -b.n) < maxSize
	switch {
	case op == "Mul" && a.batch != b.batch:
		known := a.known && b.known && a.n < maxSize && b.n < maxSize && a.n > 0 && b.n > 0
		return size{batch: true, known: known, n: keepIf(known, a.n*b.n)}
	case op == "Div" && a.batch && !b.batch:
		if known := a.known && b.known; known && (b.n <= 0 || a.n%b.n != 0) {
			return size{}
		} else if known {
			return size{batch: true, known: true, n: a.n / b.n}
		}
		return size{batch: true} // a window count: [N*windows] divided by the windows of an image
	case op == "Equal" && (plain || (a == b && a.known)):
		return number(keepIf(a == b, 1))
	case op == "Equal" && (a.is(-1) && b.batch || a.batch && b.is(-1)):
		return number(0) // -1 is how an exporter marks a size that stays as it is
	case !plain:
		return size{}
	case op == "Mul" && max(a.n, -a.n) < 1<<20 && max(b.n, -b.n) < 1<<20:
		return number(a.n * b.n)
	case op == "Add":
		return number(a.n + b.n)
	case op == "Sub":
		return number(a.n - b.n)
	case op == "Div" && b.n != 0 && a.n%b.n == 0:
		return number(a.n / b.n)
	}
	return size{}
}

// keepIf is v when the condition holds, else zero.
func keepIf(condition bool, v int64) int64 {
	if condition {
		return v
	}
	return 0
}
