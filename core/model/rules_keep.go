package model

import (
	"fmt"
	"slices"
	"strings"
)

// elementwise: Add, Relu, Where, ... Before opset 7 the second input was aligned
// by an attribute, and the result had the shape of the first.
func (c *call) elementwise() {
	if c.opset < 7 && c.attr("broadcast").name != "" && c.input(0).data {
		c.keep(c.input(0))
		return
	}
	c.keep(c.broadcast(c.in...))
}

// same: the result is like the first input.
func (c *call) same() { c.keep(c.input(0)) }

// first: the result has the shape of the first input that holds records.
func (c *call) first() {
	for _, f := range c.in {
		if f.data {
			c.keep(f)
			return
		}
	}
	c.keep(constant(c.input(0).rank))
}

// dropout does nothing but in training, where its numbers are random.
func (c *call) dropout() {
	c.keep(c.input(0))
	if !c.input(0).data || !c.has(2) {
		return
	}
	if on, ok := c.input(2).int(); !ok || on != 0 {
		c.couple("is not reproducible: training_mode is on, or computed")
	}
}

func (c *call) batchNorm() {
	training := c.int("training_mode", 0) != 0
	if c.opset < 14 {
		// Until then a node in training was told by its further outputs.
		training = slices.ContainsFunc(c.node.out[min(1, len(c.node.out)):], func(s string) bool { return s != "" })
	}
	c.images()
	if training && c.input(0).data {
		c.couple("normalises by statistics over the batch: it is in training mode")
	}
}

// random: drawn anew for every batch, so a record's numbers depend on its place.
func (c *call) random() {
	c.couple("is not reproducible: it draws random numbers")
	if c.input(0).data {
		c.keep(c.input(0))
	}
}

// images: operators whose first input is [batch, channels, ...] and that mix
// everything but the batch axis.
func (c *call) images() {
	x := c.input(0)
	switch {
	case x.followed() && x.axis != 0:
		c.couple(fmt.Sprintf("mixes axis %d, along which records are stacked", x.axis))
		c.keep(constant(lost))
		return
	case c.input(1).data && strings.Contains(c.node.op, "Conv") && c.node.op != "QLinearConv":
		c.couple("mixes records: they are the weights of a convolution")
		c.keep(constant(lost))
		return
	case slices.ContainsFunc(c.in[min(1, len(c.in)):], func(f fact) bool { return f.data && f.axis > 0 }):
		x = unknown()
	case !x.data:
		return // computed weights
	}
	switch c.node.op {
	case "Attention", "QAttention", "MultiHeadAttention", "GroupQueryAttention", "EmbedLayerNormalization",
		"AffineGrid", "Col2Im", "STFT":
		x.rank = lost
	}
	c.keep(x.at(x.axis, x.rank))
	for i := 1; i < len(c.out) && x.axis == 0; i++ {
		switch c.node.op {
		case "BatchNormalization":
			c.out[i] = constant(1)
		case "MaxPool":
		default:
			c.out[i] = unknown()
		}
	}
}

// recurrent: X is [sequence, batch, ...], or [batch, sequence, ...] for layout 1.
func (c *call) recurrent() {
	x := c.input(0)
	want, axes := 1, []int{2, 1, 1}
	if c.int("layout", 0) == 1 {
		want, axes = 0, []int{0, 0, 0}
	}
	if x.followed() && x.axis != want {
		c.couple(fmt.Sprintf("runs along axis %d as its sequence, along which records are stacked", x.axis))
		c.keep(constant(lost))
		return
	}
	if !x.followed() {
		return
	}
	for i := range c.out {
		c.out[i] = x.at(axes[min(i, 2)], 3)
		c.out[i].front = i > 0 && c.text("direction") != "bidirectional" // [1, batch, hidden]
		if i == 0 {
			c.out[i].rank = 4
		}
	}
}

// dynamic: the scale is taken from all elements, so from all records.
func (c *call) dynamic() {
	x := c.input(0)
	if !x.data {
		return
	}
	c.couple("quantises by the range of the whole batch")
	for i := range c.out {
		c.out[i] = constant(0)
	}
	switch c.node.op {
	case "DynamicQuantizeLinear":
		c.out[0] = x
	case "DynamicQuantizeMatMul":
		c.out[0] = c.product(x, constant(2))
	case "DynamicQuantizeLSTM":
		c.recurrent()
	}
}

// sizes: these read no more than shapes, or nothing.
func (c *call) sizes() {
	x := c.input(0)
	c.keep(constant(lost))
	switch c.node.op {
	case "Constant":
		c.out[0] = c.constantValue()
	case "Size":
		c.out[0] = fact{vals: []size{{batch: x.data}}}
	case "ConstantOfShape":
		if n := len(x.vals); x.vals != nil {
			c.out[0] = constant(n)
		}
		c.spread("makes a tensor of a shape that the records give")
	case "Range":
		c.out[0] = constant(1)
		c.spread("counts up to a number that the records give")
	case "EyeLike":
		if x.data { // ones where a row's number is a column's
			c.couple("answers by a record's place in the batch")
		}
		c.out[0] = constant(2)
	case "SequenceLength", "OptionalHasElement":
		c.out[0] = constant(0)
	case "Shape":
		c.out[0] = c.shape()
	}
}

// spread reports that values of records decide the shape of something without a batch axis.
func (c *call) spread(reason string) {
	if slices.ContainsFunc(c.in, func(f fact) bool { return f.data }) {
		c.couple(reason)
	}
}

// shape is the vector of sizes; of constants with a batch-sized axis nothing is known.
func (c *call) shape() fact {
	x := c.input(0)
	if x.rank == lost || x.rank > maxInts {
		return constant(1)
	}
	vals := make([]size, x.rank)
	if x.followed() && x.axis < x.rank {
		vals[x.axis] = x.span
	}
	from, to := normalEnd(c.int("start", 0), x.rank), normalEnd(c.int("end", int64(x.rank)), x.rank)
	return fact{rank: 1, vals: vals[from:max(from, to)]}
}

// normalEnd clamps a bound of a range of n elements.
func normalEnd(at int64, n int) int {
	if at < 0 {
		at += int64(n)
	}
	return int(min(max(at, 0), int64(n)))
}

// constantValue is the value of a Constant node.
func (c *call) constantValue() fact {
	if a := c.attr("value"); len(a.tensors) == 1 {
		return fromTensor(&a.tensors[0])
	}
	if a := c.attr("value_ints"); a.name != "" {
		if v, ok := a.ints(); ok && len(v) <= maxInts {
			return numbers(1, v)
		}
	}
	if v, ok := c.attr("value_int").int(); ok {
		return numbers(0, []int64{v})
	}
	for _, name := range []string{"value_float", "value_string"} {
		if c.attr(name).name != "" {
			return constant(0)
		}
	}
	if a := c.attr("sparse_value"); len(a.tensors) > 0 {
		return constant(len(a.tensors[0].dims))
	}
	return constant(lost)
}

// rows: the models of ai.onnx.ml take [records, features]; a vector is one record to them.
func (c *call) rows() {
	x := unknown()
	for _, f := range c.in {
		if f.followed() {
			x = f
			break
		}
		if !f.data {
			x = constant(lost)
		}
	}
	if x.followed() && x.rank == 1 {
		c.couple("takes a one-dimensional tensor as one record")
		c.keep(constant(lost))
		return
	}
	if x.followed() && x.axis > 0 {
		c.couple(fmt.Sprintf("takes axis %d as features, along which records are stacked", x.axis))
		c.keep(constant(lost))
		return
	}
	c.keep(x.at(x.axis, 2))
	switch c.node.op {
	case "LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier":
		c.out[0].rank = 1 // labels
	case "ZipMap":
		c.keep(unknown())
	}
}
