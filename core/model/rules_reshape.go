package model

// reshape follows the batch axis into the new shape.
func (c *call) reshape() {
	x := c.input(0)
	target := c.input(1).vals
	if a := c.attr("shape"); a.name != "" { // opset 1
		v, _ := a.ints()
		target = numbers(1, v).vals
	}
	rank := lost
	if target != nil {
		rank = len(target)
	}
	if !x.followed() {
		c.keep(x.at(x.axis, rank))
		return
	}
	axis, minor := lost, false
	switch {
	case target == nil:
	case x.minor:
		axis, minor = splitMinor(x.axis, target)
	case x.leads():
		axis = leading(x.axis, target)
		if at, count := batchIn(target); axis == lost && count == 1 && target[at].isBatch() {
			// [N, S, E] seen as [S, N, E], where a transposition was meant.
			c.couple("cuts records to pieces: it moves the batch axis without moving their elements")
		}
	default:
		axis, minor = inner(x, target)
	}
	if axis == lost {
		y := unknown()
		y.rank = rank
		c.keep(y)
		return
	}
	y := x.at(axis, rank)
	y.minor, y.front = minor, x.leads() // leading axes of size 1 are the only ones to pass
	switch t := target[axis]; {
	case t.batch:
		y.span = t
	case !t.is(0) || c.int("allowzero", 0) != 0:
		y.span = size{batch: true}
	}
	c.keep(y)
}

// batchIn finds the last entry that is a multiple of the batch, and counts them.
func batchIn(target []size) (at, count int) {
	at = lost
	for i, t := range target {
		if t.batch {
			at, count = i, count+1
		}
	}
	return at, count
}

// leading follows records of an axis k that only axes of size 1 precede: they
// stay in front, but for such axes.
func leading(k int, target []size) int {
	at, count := batchIn(target)
	for i, t := range target {
		switch {
		case t.is(1), t.is(0) && i < k:
			continue
		case t.batch, t.is(0) && i == k:
			return i
		case t.is(-1) && (count == 0 || at == i):
			return i
		}
		return lost
	}
	return lost
}

// inner follows records of an axis k > 0, of [L, N, E] for instance: they stay
// there, or are merged behind L.
func inner(x fact, target []size) (axis int, minor bool) {
	k := x.axis
	at, count := batchIn(target)
	switch {
	case count > 1:
		return lost, false
	case count == 1 && at == k:
		return k, false
	case count == 1 && at < k && !target[at].isBatch():
		return at, true
	case count == 1:
		return lost, false
	case k < len(target) && (target[k].is(0) || target[k].is(-1)):
		return k, false
	case len(target) == 0 || x.rank == lost:
		return lost, false
	case target[0].is(-1) && k < x.rank-(len(target)-1):
		return 0, true
	case target[len(target)-1].is(-1) && k == x.rank-1:
		return len(target) - 1, true
	}
	return lost, false
}

// splitMinor follows an axis k that holds [L*N]: it stays, or is taken apart again.
func splitMinor(k int, target []size) (axis int, minor bool) {
	at, count := batchIn(target)
	switch {
	case count > 1:
		return lost, false
	case count == 1 && at == k && !target[k].isBatch():
		return k, true
	case count == 1 && at == k+1:
		return k + 1, false
	case count == 1:
		return lost, false
	case k < len(target) && (target[k].is(0) || target[k].is(-1)):
		return k, true
	case k+1 < len(target) && target[k+1].is(-1):
		return k + 1, false
	}
	return lost, false
}
