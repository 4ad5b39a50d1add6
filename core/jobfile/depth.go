package jobfile

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// smallFile is a size at which the parser may go as deep as the text does: some
// kilobytes of stack a byte are far from what a process has.
const smallFile = 16 << 10

// parseNative parses HCL's native syntax. Lexing costs as much as parsing, so a
// small file is lexed for its depth only when its tree makes that necessary.
func parseNative(name string, src []byte) (*hcl.File, hcl.Diagnostics) {
	if len(src) > smallFile {
		if d := tooDeep(name, src); d != nil {
			return nil, hcl.Diagnostics{d}
		}
		return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() || file == nil || suspicious(file, src) {
		if d := tooDeep(name, src); d != nil {
			return nil, hcl.Diagnostics{d}
		}
	}
	return file, diags
}

// suspicious says that tooDeep may refuse a file: every two brackets that nest
// make at least one level of the tree.
func suspicious(file *hcl.File, src []byte) bool {
	for i, c := range src {
		if (c == 'e' || c == 'E') && i > 0 && src[i-1] >= '0' && src[i-1] <= '9' && longNumber(src[i:min(i+16, len(src))]) {
			return true
		}
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return true
	}
	var d depthWalker
	_ = hclsyntax.Walk(body, &d) // it reports nothing
	return d.deepest > maxDepth/2-10
}

// depthWalker finds how deep a tree is.
type depthWalker struct{ depth, deepest int }

func (d *depthWalker) Enter(hclsyntax.Node) hcl.Diagnostics {
	d.depth++
	d.deepest = max(d.deepest, d.depth)
	return nil
}

func (d *depthWalker) Exit(hclsyntax.Node) hcl.Diagnostics {
	d.depth--
	return nil
}
