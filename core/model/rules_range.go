package model

import "math"

// concat joins along an axis, or a new one.
func (c *call) concat() {
	switch c.node.op {
	case "SequenceInsert":
		c.keep(join(c.input(0), c.input(1)))
		return
	case "SequenceConstruct":
		out := c.input(0)
		for _, f := range c.in {
			out = join(out, f)
		}
		c.keep(out)
		return
	}
	axis := c.int("axis", 1) // of Concat-1; required since
	if len(c.in) == 1 && c.node.op == "Concat" {
		c.keep(c.input(0))
		return
	}
	if c.int("new_axis", 0) != 0 {
		c.keep(c.input(0).inserted([]int64{axis}))
		return
	}
	for _, f := range c.in {
		if f.followed() && f.isAlong(axis) {
			c.couple("joins tensors along the batch axis, so its result does not line up with the records")
			c.keep(constant(f.rank))
			return
		}
	}
	out := c.broadcast(c.in...)
	if n := normal(axis, out.rank); n < out.axis { // lost is, too
		out.front = false
	}
	c.keep(out)
}

func (c *call) split() {
	x := c.input(0)
	if x.followed() && x.isAlong(c.int("axis", 0)) {
		c.couple("splits the batch axis, so its results do not line up with the records")
		c.keep(constant(x.rank))
		return
	}
	if c.int("keepdims", 1) == 0 && c.node.op == "SplitToSequence" && !c.has(1) {
		x = x.without([]int64{c.int("axis", 0)})
	}
	c.keep(x.at(x.axis, x.rank))
}

// bounds are the arguments of Slice, one of each list an axis; nil axes: the first ones.
type bounds struct {
	starts, ends, steps []size
	axes                []int64
}

// slice reads the bounds; false when which axes they are for is computed.
func (c *call) slice() (bounds, bool) {
	var s bounds
	if c.attr("starts").name != "" || c.attr("ends").name != "" {
		starts, _ := c.attr("starts").ints()
		ends, _ := c.attr("ends").ints()
		s.starts, s.ends = numbers(1, starts).vals, numbers(1, ends).vals
		s.axes, _ = c.attr("axes").ints()
	} else {
		s.starts, s.ends, s.steps = c.input(1).vals, c.input(2).vals, c.input(4).vals
		if c.has(3) {
			axes, ok := c.input(3).ints()
			if !ok {
				return s, false
			}
			s.axes = axes
		}
	}
	if s.axes == nil {
		n := max(len(s.starts), len(s.ends))
		if n == 0 {
			return s, false
		}
		for i := range n {
			s.axes = append(s.axes, int64(i))
		}
	}
	return s, true
}

// slicing keeps the batch axis when all of it is taken.
func (c *call) slicing() {
	x := c.input(0)
	if !x.followed() {
		if !c.out[0].data { // no bound depends on records either
			c.keep(constant(x.rank))
		}
		return
	}
	s, ok := c.slice()
	if !ok {
		c.couple("takes a range of axes that are computed, so perhaps some of the records")
		c.keep(constant(x.rank))
		return
	}
	for i, a := range s.axes {
		if !x.isAlong(a) || s.whole(i, x.span) {
			continue
		}
		c.couple("takes a part of the batch axis, so its result does not line up with the records")
		c.keep(constant(x.rank))
		return
	}
	c.keep(x)
}

// whole reports that the i-th range takes a whole axis of the given size, in order.
func (s bounds) whole(i int, span size) bool {
	if i >= len(s.starts) || i >= len(s.ends) || !s.starts[i].is(0) {
		return false
	}
	if i < len(s.steps) && !s.steps[i].is(1) {
		return false
	}
	end := s.ends[i]
	return end.known && !end.batch && end.n >= math.MaxInt32 || end.known && end.batch && end == span
}

func (c *call) compress() {
	x := c.input(0)
	a := c.attr("axis")
	axis, ok := a.int()
	switch {
	case !x.data && !c.input(1).data:
	case !ok || c.input(1).data || x.isAlong(axis):
		c.couple("drops elements of the batch, so its result does not line up with the records")
		c.keep(constant(lost))
	default:
		c.keep(x.at(x.axis, x.rank))
	}
}

// pad and tile are followed where their arguments are constants; else the batch axis is taken to stay.
func (c *call) pad() {
	x := c.input(0)
	x.front = false
	pads, ok := c.input(1).ints()
	if a := c.attr("pads"); a.name != "" {
		pads, ok = a.ints()
	}
	if ok && x.followed() {
		axes, given := c.input(3).ints()
		if !given && c.has(3) {
			c.keep(x)
			return
		}
		n := len(pads) / 2
		for i := range n {
			axis := int64(i)
			if given && i < len(axes) {
				axis = axes[i]
			}
			if x.isAlong(axis) && (pads[i] != 0 || pads[i+n] != 0) {
				c.couple("pads the batch axis, so its result does not line up with the records")
				c.keep(constant(x.rank))
				return
			}
		}
	}
	c.keep(x.at(x.axis, x.rank))
}

func (c *call) tile() {
	x := c.input(0)
	x.front = false
	repeats := c.input(1).vals
	if x.followed() && x.axis < len(repeats) && repeats[x.axis].known && !repeats[x.axis].is(1) {
		c.couple("repeats the batch axis, so its result does not line up with the records")
		c.keep(constant(x.rank))
		return
	}
	c.keep(x.at(x.axis, x.rank))
}

// matrices: operators that look at the places in the last two axes.
func (c *call) matrices() {
	x := c.input(0)
	if x.followed() && x.rank != lost && x.axis >= x.rank-2 {
		c.couple("works on matrices of which the batch axis is one side")
		x = constant(x.rank)
	}
	if c.node.op == "Det" {
		x = x.without([]int64{-1, -2})
	}
	c.keep(x)
}
