package scorer

import (
	"strconv"
	"strings"
)

// shapeText is a shape for a message: [30], [2,128], or "one value".
func shapeText(shape []int64) string {
	if len(shape) == 0 {
		return "one value"
	}
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = strconv.FormatInt(d, 10)
	}
	return "[" + strings.Join(parts, ",") + "]"
}
