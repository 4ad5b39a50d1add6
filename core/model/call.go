package model

import "slices"

// call is one node with the facts of its inputs; a rule fills out.
type call struct {
	walker *walker
	scope  *scope
	node   *protoNode
	name   string
	opset  int64
	in     []fact
	out    []fact
}

// apply runs the rule for the node.
func (c *call) apply() {
	domain := normalDomain(c.node.domain)
	fed := slices.ContainsFunc(c.in, func(f fact) bool { return f.data })
	for i := range c.out {
		c.out[i] = constant(lost)
		if fed {
			c.out[i] = unknown()
		}
	}
	if domain == "" {
		c.parameters()
	}
	rule := ruleOf(domain, c.node.op)
	if !c.function(domain) && !c.control(domain) && rule != nil {
		rule(c)
	}
	if !fed && domain == "" {
		if f, ok := c.computed(); ok {
			c.out[0] = f
		}
	}
}

// couple reports that records meet here. What comes out holds no records to follow.
func (c *call) couple(reason string) {
	c.walker.report(Coupling{Node: c.scope.path + c.name, Op: c.opName(), Reason: reason})
}

// judge reports by the verdict; does is what the operator does: "reduces over".
func (c *call) judge(v verdict, does string) verdict {
	switch v {
	case along:
		c.couple(does + " the batch axis")
	case unclear:
		c.couple("may mix records: it " + does + " an axis, and the batch axis cannot be followed through " + c.opName())
	}
	return v
}

func (c *call) opName() string {
	if d := normalDomain(c.node.domain); d != "" {
		return d + "." + c.node.op
	}
	return c.node.op
}

// input is the i-th input; a constant of unknown rank when it is left out.
func (c *call) input(i int) fact {
	if i < len(c.in) {
		return c.in[i]
	}
	return constant(lost)
}

// has reports that the i-th input is given.
func (c *call) has(i int) bool { return i < len(c.node.in) && c.node.in[i] != "" }

// keep makes every output what f is.
func (c *call) keep(f fact) {
	for i := range c.out {
		c.out[i] = f
	}
}

// attr finds an attribute; inside a function a reference is resolved by the call.
func (c *call) attr(name string) protoAttr {
	a := c.node.attr(name)
	c.walker.steps += len(a.body) / 256 // its lists are decoded anew each time
	if a.ref == "" {
		return a
	}
	s := c.scope
	for s.outer != nil { // a subgraph of a function's body sees the same attributes
		s = s.outer
	}
	return findAttr(s.attrs, a.ref)
}

func (c *call) int(name string, fallback int64) int64 {
	if v, ok := c.attr(name).int(); ok {
		return v
	}
	return fallback
}

// text is a string attribute; empty when absent.
func (c *call) text(name string) string { return c.attr(name).text() }

// axes reads the axes of Reduce*, Squeeze and Unsqueeze: an attribute in older
// opsets, the second input in newer ones. Nil and true: none are given. False:
// they are computed when the model runs.
func (c *call) axes() ([]int64, bool) {
	if a := c.attr("axes"); a.name != "" {
		v, _ := a.ints()
		return v, true
	}
	if !c.has(1) {
		return nil, true
	}
	return c.input(1).ints()
}

// broadcast aligns the batch axes of elementwise inputs from the right, and
// gives the fact of the result.
func (c *call) broadcast(in ...fact) fact {
	rank, fed := commonRank(in)
	if !fed {
		return constant(rank)
	}
	out, misfit := unknown(), false
	for _, f := range in {
		if !f.followed() {
			// Either the same for all records, or its axis was lost. Were that not
			// where the other inputs have theirs, no sane graph would combine them.
			continue
		}
		if rank != lost {
			f = f.at(f.axis+rank-f.rank, rank)
		}
		switch {
		case out.axis == lost:
			out = f
		case f.axis != out.axis:
			misfit = true
		default:
			out.minor, out.front = out.minor || f.minor, out.front && f.front
			if !out.span.isBatch() {
				out.span = f.span
			}
		}
	}
	if misfit && rank != lost {
		c.couple("pairs records with one another: the batch axes of its inputs do not line up")
		return constant(rank)
	}
	if misfit {
		return unknown()
	}
	for _, f := range in {
		if !f.data && (f.rank == lost || rank == lost || f.rank > rank-out.axis) {
			out.front = false // it may be wider there
		}
	}
	return out.at(out.axis, rank)
}

// commonRank is the rank that inputs broadcast to, and whether one depends on
// records. Beside a known tensor of records, inputs of which nothing is known
// are taken not to have more dimensions.
func commonRank(in []fact) (rank int, fed bool) {
	anchored, open, loose := false, false, false
	for _, f := range in {
		rank, fed = max(rank, f.rank), fed || f.data
		anchored = anchored || f.data && f.rank != lost
		open = open || f.followed() && f.rank == lost
		loose = loose || f.rank == lost
	}
	if open || loose && !anchored {
		return lost, fed
	}
	return rank, fed
}

// subscope is a scope for what lies inside the node.
func (c *call) subscope(outer *scope, label string, opsets []Opset, infos []Value) *scope {
	c.walker.steps += 32 + len(infos)
	s := newScope(outer, opsets, infos)
	s.path, s.depth = c.scope.path+c.name+"/"+label, c.scope.depth+1
	if len(opsets) == 0 {
		s.opsets = c.scope.opsets
	}
	return s
}
