package model

const picks = "picks records by index, so its result does not line up with the batch"

// gather takes slices of the first input by the indices of the second.
func (c *call) gather() {
	x, q := c.input(0), c.input(1)
	axis := c.int("axis", 0)
	rank := lost
	if x.rank != lost && q.rank != lost {
		rank = x.rank + q.rank - 1
	}
	switch {
	case !x.data && !q.data:
		c.keep(constant(rank))
	case x.followed() && q.followed():
		c.couple("pairs records with one another: values and indices are both of the batch")
		c.keep(constant(rank))
	case x.followed() && !q.data:
		switch at := normal(axis, x.rank); {
		case x.isAlong(axis):
			c.couple(picks)
			c.keep(constant(rank))
		case at == lost, x.axis < at:
			c.keep(x.at(x.axis, rank)) // front stays too: the axes before it are as they were
		case q.rank == lost:
			c.keep(unknown())
		default:
			x.front = false
			c.keep(x.at(x.axis+q.rank-1, rank))
		}
	case q.followed() && !x.data:
		if at := normal(axis, x.rank); at != lost {
			c.keep(q.at(q.axis+at, rank))
		}
	}
}

// elements: GatherElements and ScatterElements, whose indices have the rank of the values.
func (c *call) elements() {
	x, q := c.input(0), c.input(1)
	if !x.data {
		x = q
	}
	if !x.data && c.node.op != "GatherElements" {
		x = c.input(2) // what is written
	}
	if x.followed() && x.isAlong(c.int("axis", 0)) {
		c.couple(picks)
		c.keep(constant(x.rank))
		return
	}
	c.keep(x.at(x.axis, x.rank))
}

func (c *call) gatherND() {
	x, q := c.input(0), c.input(1)
	dims := c.int("batch_dims", 0)
	switch {
	case x.followed() && int64(x.axis) < dims:
		c.keep(x.at(x.axis, lost))
	case x.followed():
		c.couple(picks)
		c.keep(constant(lost))
	case q.followed() && !x.data && (q.rank == lost || q.axis < q.rank-1):
		c.keep(q.at(q.axis, lost))
	}
}

// scatterND writes at indices that are nearly always computed.
func (c *call) scatterND() {
	x := c.input(0)
	c.spread("may mix records: it writes at computed places of the batch")
	c.keep(constant(x.rank))
	if x.data {
		c.keep(x.at(x.axis, x.rank))
	}
}

// arrayFeatures takes elements of the last axis; a table of classes is looked
// up by all indices of the batch, as [1, indices].
func (c *call) arrayFeatures() {
	x, q := c.input(0), c.input(1)
	switch {
	case x.followed() && q.data:
		c.couple("pairs records with one another: values and indices are both of the batch")
	case x.followed() && x.isAlong(-1):
		c.couple(picks)
		c.keep(constant(lost))
	case x.followed():
		c.keep(x.at(x.axis, x.rank))
	case q.followed() && !x.data:
		y := q.at(1, 2)
		y.minor = q.minor || q.axis > 0
		c.keep(y)
	}
}
