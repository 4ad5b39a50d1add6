package model

// reduce: Reduce* over the given axes, or over all.
func (c *call) reduce() {
	x := c.input(0)
	axes, known := c.axes()
	switch {
	case known && len(axes) == 0 && c.int("noop_with_empty_axes", 0) != 0:
		c.keep(x)
		return
	case !known && x.data:
		c.couple("reduces over axes that are computed, so perhaps over the batch axis")
		c.keep(constant(lost))
		return
	case known && len(axes) == 0 && x.data:
		c.couple("reduces over all axes, the batch axis included")
		c.keep(constant(lost))
		return
	case !known || len(axes) == 0:
		return
	}
	verdict := c.judge(x.covers(axes...), "reduces over")
	c.reduced(x, axes, verdict)
}

// reduced makes the result of a reduction over axes.
func (c *call) reduced(x fact, axes []int64, v verdict) {
	if v == along {
		x = constant(x.rank)
	}
	if c.int("keepdims", 1) == 0 {
		x = x.without(axes)
	}
	c.keep(x.at(x.axis, x.rank))
}

// without drops the axes; none of them is the batch axis.
func (f fact) without(axes []int64) fact {
	axis, rank := f.axis, f.rank
	for _, a := range axes {
		if n := normal(a, f.rank); f.followed() && n != lost && n < f.axis {
			axis--
		}
	}
	if rank != lost {
		rank = max(rank-len(axes), 0)
	}
	return f.at(axis, rank)
}

func (c *call) argmax() {
	x := c.input(0)
	axes := []int64{c.int("axis", 0)}
	c.reduced(x, axes, c.judge(x.covers(axes...), "searches along"))
}

// softmax: one axis from opset 13 on; before, all axes from one on, which is 1 by default.
func (c *call) softmax() {
	x := c.input(0)
	v := x.covers(c.int("axis", -1))
	if normalDomain(c.node.domain) == "" && c.opset < 13 {
		v = x.coversFrom(c.int("axis", 1))
	}
	c.normalised(x, c.judge(v, "normalises over"))
}

func (c *call) layerNorm() {
	x := c.input(0)
	v := c.judge(x.coversFrom(c.int("axis", -1)), "normalises over")
	c.normalised(x, v)
}

// normalised keeps x, of which the batch axis is left only as positions when it was mixed.
func (c *call) normalised(x fact, v verdict) {
	if v == along {
		x = constant(x.rank)
	}
	c.keep(x.at(x.axis, x.rank))
}

func (c *call) oneAxis() {
	x := c.input(0)
	fallback := int64(-1)
	if c.node.op == "DFT" {
		fallback = 1
		if c.has(2) {
			v, ok := c.input(2).int()
			if !ok {
				c.keep(x)
				return
			}
			fallback = v
		} else if c.opset >= 20 {
			fallback = -2
		}
	}
	c.normalised(x, c.judge(x.covers(c.int("axis", fallback)), "works along"))
}

func (c *call) cumulative() {
	x := c.input(0)
	axis, ok := c.input(1).int()
	switch {
	case !x.data:
		return
	case !ok:
		c.couple("accumulates along an axis that is computed, so perhaps along the batch axis")
		c.keep(constant(x.rank))
	default:
		c.normalised(x, c.judge(x.covers(axis), "accumulates along"))
	}
}

// meanVariance normalises an image over everything but its channels by default.
func (c *call) meanVariance() {
	x := c.input(0)
	axes := []int64{0, 2, 3}
	if a, ok := c.attr("axes").ints(); ok {
		axes = a
	}
	v := x.covers(axes...)
	if x.data && len(axes) == 0 {
		v = along
	}
	c.normalised(x, c.judge(v, "normalises over"))
}

// whole: operators that compare the elements of all records, whatever their axis.
func (c *call) whole() {
	c.spread("looks at all records at once, and its result does not line up with them")
	c.keep(constant(lost))
}

func (c *call) loss() {
	switch x := c.input(0); {
	case !x.data && !c.input(1).data:
	case c.text("reduction") == "none":
		c.images()
		c.keep(c.out[0].at(c.out[0].axis, lost))
	default:
		c.couple("reduces over all axes, the batch axis included")
		c.keep(constant(0))
	}
}

func (c *call) reverseSequence() {
	x := c.input(0)
	c.normalised(x, c.judge(x.covers(c.int("time_axis", 0)), "reverses"))
}

// stringNormalizer drops stop words, and with them elements, of a vector.
func (c *call) stringNormalizer() {
	x := c.input(0)
	c.keep(x)
	if x.data && c.attr("stopwords").strings() != nil {
		c.couple("drops strings, so its result does not line up with the records")
	}
}

// tokenizer appends an axis of tokens.
func (c *call) tokenizer() {
	x := c.input(0)
	if x.rank != lost {
		x.rank++
	}
	c.keep(x.at(x.axis, x.rank))
}
