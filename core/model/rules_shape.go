package model

import "slices"

// inserted puts new axes in, counted in the result.
func (f fact) inserted(axes []int64) fact {
	rank := lost
	if f.rank != lost {
		rank = f.rank + len(axes)
	}
	if !f.followed() {
		return f.at(f.axis, rank)
	}
	places, ok := sorted(axes, rank)
	if !ok { // counted from the end, of a tensor of unknown rank
		if f.axis != 0 {
			return unknown()
		}
		return f.at(0, lost)
	}
	axis := f.axis
	for _, p := range places {
		if p <= axis {
			axis++
		}
	}
	return f.at(axis, rank)
}

// oneHot puts a new axis in.
func (c *call) oneHot() {
	if x := c.input(0); x.data {
		c.keep(x.inserted([]int64{c.int("axis", -1)}))
	}
}

// oneHotEncoder appends an axis of categories.
func (c *call) oneHotEncoder() { c.tokenizer() }

// sorted returns the axes counted from the front in a tensor of the rank, in order; false when one cannot be.
func sorted(axes []int64, rank int) ([]int, bool) {
	out := make([]int, len(axes))
	for i, a := range axes {
		if out[i] = normal(a, rank); out[i] == lost {
			return nil, false
		}
	}
	slices.Sort(out)
	return out, true
}

func (c *call) transpose() {
	x := c.input(0)
	perm, given := c.attr("perm").ints()
	if given && len(perm) > 0 {
		if x.followed() {
			x.axis = slices.Index(perm, int64(x.axis)) // lost when absent
		}
		c.keep(x.at(x.axis, len(perm)))
		return
	}
	if x.followed() && x.rank == lost {
		x = unknown()
	} else if x.followed() {
		x.axis = x.rank - 1 - x.axis
	}
	c.keep(x.at(x.axis, x.rank))
}

func (c *call) flatten() {
	x := c.input(0)
	if !x.followed() {
		c.keep(x.at(x.axis, 2))
		return
	}
	at := c.int("axis", 1)
	if at < 0 && x.rank != lost {
		at += int64(x.rank)
	}
	y := x.at(0, 2)
	switch axis := int64(x.axis); {
	case at < 0:
		y = unknown()
		y.rank = 2
	case axis < at:
		y.minor = x.minor || axis > 0
	default:
		y.axis, y.minor = 1, x.minor || axis > at
	}
	if at != 1 || x.axis != 0 { // other axes are merged in
		y.span = size{batch: true}
	}
	c.keep(y)
}

func (c *call) squeeze() {
	x := c.input(0)
	axes, known := c.axes()
	switch {
	case !x.followed():
		c.keep(x.at(x.axis, lost))
		if known && len(axes) > 0 && x.rank != lost {
			c.keep(x.without(axes))
		}
	case !known || len(axes) == 0:
		// Every axis of one element goes. Records that lie along axis 0 stay there.
		y := x.at(0, lost)
		if x.axis != 0 {
			y = unknown()
		}
		c.keep(y)
	case x.covers(axes...) == along:
		c.couple("removes the batch axis, so only one record fits")
		c.keep(constant(lost))
	case x.covers(axes...) == unclear:
		c.keep(unknown())
	default:
		c.keep(x.without(axes))
	}
}

func (c *call) unsqueeze() {
	x := c.input(0)
	axes, known := c.axes()
	if !known {
		if x.data {
			x = unknown()
		}
		c.keep(x.at(x.axis, lost))
		return
	}
	y := x.inserted(axes)
	y.front = x.leads()
	c.keep(y)
}

func (c *call) expand() {
	x := c.input(0)
	shape := constant(lost)
	if v := c.input(1).vals; v != nil {
		shape.rank = len(v)
	}
	if c.input(1).data {
		c.couple("makes a tensor of a shape that the records give")
	}
	y := c.broadcast(x, shape)
	y.front = false
	c.keep(y)
}
