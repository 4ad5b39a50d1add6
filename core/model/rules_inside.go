package model

// function runs the model's own function of the node's name; false when there is none.
func (c *call) function(domain string) bool {
	fn := c.walker.functions[functionKey(domain, c.node.op, c.node.overload)]
	if fn == nil {
		return false
	}
	if c.scope.depth >= maxDepth { // it calls itself
		c.couple("may mix records: functions are nested too deeply to follow the batch axis")
		return true
	}
	s := c.subscope(nil, "", fn.opsets, fn.infos)
	for i, name := range fn.inputs {
		s.facts[name] = c.input(i)
	}
	for _, own := range c.node.attrs {
		if a := c.attr(own.name); a.name != "" {
			a.name = own.name // it may be a reference to one of another name
			s.attrs = append(s.attrs, a)
		}
	}
	s.attrs = append(s.attrs, fn.defaults...) // after the call's, so these come first
	for i := range fn.nodes {
		c.walker.node(&fn.nodes[i], i, s)
	}
	for i := range c.out {
		if i < len(fn.outputs) {
			c.out[i] = s.find(fn.outputs[i])
		}
	}
	return true
}

// control runs the graphs inside If, Loop and Scan; false for any other node.
func (c *call) control(domain string) bool {
	switch {
	case domain != "":
		return false
	case c.node.op == "If":
		c.branch()
	case c.node.op == "Loop":
		c.loop()
	case c.node.op == "Scan" && c.opset >= 9:
		c.scan()
	case c.node.op == "Scan" || c.node.op == "SequenceMap":
		if g := c.body("body"); g != nil {
			c.run(g, "", nil)
		}
	default:
		return false
	}
	return true
}

// body is a graph attribute; nil when absent.
func (c *call) body(name string) *protoGraph {
	if a := c.attr(name); len(a.graphs) > 0 && c.scope.depth < maxDepth {
		return a.graphs[0]
	}
	return nil
}

// run gives the facts of a subgraph's outputs, for the facts of its inputs; missing ones are unknown.
func (c *call) run(g *protoGraph, label string, in []fact) []fact {
	s := c.subscope(c.scope, label, nil, g.infos)
	c.walker.steps += len(g.inputs) + len(g.outputs) + len(g.inits)
	for i, v := range g.inputs {
		s.facts[v.Name] = unknown()
		if i < len(in) {
			s.facts[v.Name] = in[i]
		}
	}
	c.walker.graph(g, s)
	out := make([]fact, len(g.outputs))
	for i, v := range g.outputs {
		out[i] = s.find(v.Name)
	}
	return out
}

// branch: either side may run, but one for all records.
func (c *call) branch() {
	if c.input(0).data {
		c.couple("chooses one branch for all records, by their values")
	}
	first := true
	for _, name := range []string{"then_branch", "else_branch"} {
		g := c.body(name)
		if g == nil {
			continue
		}
		for i, f := range c.run(g, name+"/", nil) {
			if i < len(c.out) && !first {
				f = join(c.out[i], f)
			}
			if i < len(c.out) {
				c.out[i] = f
			}
		}
		first = false
	}
}

// loop runs the body until the carried facts no longer change. A body that
// takes record after record does so by Gather, which is reported there.
func (c *call) loop() {
	g := c.body("body")
	if g == nil {
		return
	}
	if c.input(0).data || c.input(1).data {
		c.couple("runs as often for all records as their values say")
	}
	in := []fact{constant(0), constant(0)}
	for i := 2; i < len(c.in); i++ {
		in = append(in, c.in[i])
	}
	var out []fact
	for range maxRounds {
		out = c.run(g, "", in)
		stable := true
		for i := 2; i < len(in) && i-1 < len(out); i++ {
			next := join(in[i], out[i-1])
			stable = stable && next.same(in[i])
			in[i] = next
		}
		if stable {
			break
		}
	}
	if len(out) > 0 && out[0].data {
		c.couple("runs as often for all records as their values say")
	}
	carried := len(in) - 2
	for i := range c.out {
		switch {
		case i < carried:
			c.out[i] = in[i+2]
		case i+1 < len(out):
			c.out[i] = out[i+1].inserted([]int64{0}) // one element an iteration
		}
	}
}

// scan runs the body once for each element along an axis of its last inputs.
func (c *call) scan() {
	g := c.body("body")
	scanned := int(min(max(c.int("num_scan_inputs", 0), 0), int64(len(c.in))))
	if g == nil {
		return
	}
	states := len(c.in) - scanned
	axes, _ := c.attr("scan_input_axes").ints()
	in := append([]fact(nil), c.in...)
	for i := range scanned {
		axis := int64(0)
		if i < len(axes) {
			axis = axes[i]
		}
		f := in[states+i]
		if c.judge(f.covers(axis), "scans") == along {
			f = constant(f.rank)
		}
		in[states+i] = f.without([]int64{axis})
	}
	var out []fact
	for range maxRounds {
		out = c.run(g, "", in)
		stable := true
		for i := 0; i < states && i < len(out); i++ {
			next := join(in[i], out[i])
			stable = stable && next.same(in[i])
			in[i] = next
		}
		if stable {
			break
		}
	}
	stacks, _ := c.attr("scan_output_axes").ints()
	for i := range c.out {
		switch {
		case i < states:
			c.out[i] = in[i]
		case i < len(out):
			axis := int64(0)
			if k := i - states; k < len(stacks) {
				axis = stacks[k]
			}
			c.out[i] = out[i].inserted([]int64{axis})
		}
	}
}
