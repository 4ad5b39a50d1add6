package model

// parameters reports inputs that say for the whole call what shape, axes or
// count it has, where records give them: one record would decide for the others.
func (c *call) parameters() {
	for _, i := range parametersOf(c.node.op) {
		if c.has(i) && c.input(i).data {
			c.couple("takes a shape, an axis or a count for the whole batch from the records")
			return
		}
	}
}

// parametersOf lists those inputs of ONNX's own operators that have no other rule for them.
func parametersOf(op string) []int {
	switch op {
	case "Reshape", "Unsqueeze", "Squeeze", "Tile", "TopK", "OneHot":
		return []int{1}
	case "Pad":
		return []int{1, 3}
	}
	return nil
}
