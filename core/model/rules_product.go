package model

const (
	contracts = "sums over the batch axis"
	crosses   = "pairs records with one another: both operands have a batch axis, in different places"
)

// swapped exchanges the last two axes.
func (f fact) swapped() fact {
	if !f.followed() || f.rank == lost || f.rank < 2 {
		return f
	}
	switch f.axis {
	case f.rank - 1:
		f.axis--
	case f.rank - 2:
		f.axis++
	}
	return f
}

func (c *call) matmul() {
	a, b := c.input(0), c.input(1)
	switch c.node.op {
	case "QLinearMatMul":
		b = c.input(3)
	case "MatMulNBits", "MatMulBnb4", "MatMulFpQ4":
		b = constant(2) // packed
	}
	if c.int("transA", 0) != 0 {
		a = a.swapped()
	}
	if c.int("transB", 0) != 0 {
		b = b.swapped()
	}
	c.keep(c.product(a, b))
}

// product is the matrix product [..., i, k] x [..., k, j].
func (c *call) product(a, b fact) fact {
	rank := lost
	if a.rank != lost && b.rank != lost {
		rank = max(a.rank, b.rank, 2)
	}
	ra, rb := place(a, 1), place(b, 2) // which axes are contracted: the last, the last but one
	if b.rank == 1 {
		rb = 0
	}
	switch {
	case a.followed() && a.axis == ra, b.followed() && b.axis == rb:
		c.couple(contracts)
		return constant(lost)
	case !a.data && !b.data:
		return constant(squeezed(rank, a, b))
	case a.data && !b.data:
		return spot(a, rank, a, b)
	case b.data && !a.data:
		return spot(b, rank, a, b)
	case !a.followed() && !b.followed():
		return unknown()
	}
	if !a.followed() { // as for elementwise operators
		return spot(b, rank, a, b)
	}
	if !b.followed() {
		return spot(a, rank, a, b)
	}
	if rank == lost {
		// Stacked matrices are usual; a plain matrix of records is told by its rank.
		if a.rank == 2 || b.rank == 2 || a.axis != b.axis {
			c.couple("may mix records: the ranks of its operands are not known")
			return constant(lost)
		}
		return a.at(a.axis, lost)
	}
	pa, pb := a.axis+rank-a.rank, b.axis+rank-b.rank
	if pa != pb || pa >= rank-2 {
		c.couple(crosses)
		return constant(rank)
	}
	out := a.at(pa, rank)
	out.minor = a.minor || b.minor
	return out
}

// place is the n-th axis from the end; lost when the rank is not known.
func place(f fact, n int) int {
	if f.rank < n {
		return lost - 1 // no axis at all
	}
	return f.rank - n
}

// squeezed is the rank of a product, in which vectors lose their added axis.
func squeezed(rank int, a, b fact) int {
	if rank == lost {
		return lost
	}
	if a.rank == 1 {
		rank--
	}
	if b.rank == 1 {
		rank--
	}
	return rank
}

// spot moves the batch axis of one operand to where it is in the product.
func spot(f fact, rank int, a, b fact) fact {
	if !f.followed() {
		return unknown()
	}
	if rank == lost {
		if f.axis == 0 || f.rank != lost && f.axis < f.rank-2 {
			return f.at(f.axis, lost)
		}
		return unknown()
	}
	axis := f.axis + rank - f.rank
	if a.rank == 1 && axis == rank-1 { // the row axis in front of it goes
		axis--
	}
	return f.at(axis, squeezed(rank, a, b))
}

func (c *call) gemm() {
	a, b, bias := c.input(0), c.input(1), c.input(2)
	a.rank, b.rank = 2, 2
	if c.int("transA", 0) != 0 {
		a = a.swapped()
	}
	if c.int("transB", 0) != 0 {
		b = b.swapped()
	}
	if c.node.op == "QGemm" { // scales and zero points lie between
		b, bias = c.input(3), constant(1)
		b.rank = 2
	}
	y := c.product(a, b)
	if bias.data {
		y = c.broadcast(y, bias)
	}
	c.keep(y.at(y.axis, 2))
}
