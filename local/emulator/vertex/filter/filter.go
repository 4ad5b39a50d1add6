package filter

import "slices"

// Comparison is a field held against a value, or a text that stands alone.
type Comparison struct {
	Field  string // empty: Value stands alone
	Op     string // = != < <= > >= : =~ !~, or empty
	Value  string
	Quoted bool // the value stood in quotes
}

// Filter is a filter that was read. The zero value lets everything through.
type Filter struct{ root node }

// Match tells whether something passes, of which holds says which comparisons hold.
func (f Filter) Match(holds func(Comparison) bool) bool {
	return f.root == nil || f.root.match(holds)
}

// Check calls ok with every comparison, and gives the first error.
func (f Filter) Check(ok func(Comparison) error) error {
	if f.root == nil {
		return nil
	}
	return f.root.check(ok)
}

type node interface {
	match(holds func(Comparison) bool) bool
	check(ok func(Comparison) error) error
}

func (c Comparison) match(holds func(Comparison) bool) bool { return holds(c) }
func (c Comparison) check(ok func(Comparison) error) error  { return ok(c) }

// all is what AND joins.
type all []node

func (a all) match(holds func(Comparison) bool) bool {
	return !slices.ContainsFunc(a, func(n node) bool { return !n.match(holds) })
}
func (a all) check(ok func(Comparison) error) error { return checkEach(a, ok) }

// some is what OR joins.
type some []node

func (s some) match(holds func(Comparison) bool) bool {
	return slices.ContainsFunc(s, func(n node) bool { return n.match(holds) })
}
func (s some) check(ok func(Comparison) error) error { return checkEach(s, ok) }

type not struct{ node }

func (n not) match(holds func(Comparison) bool) bool { return !n.node.match(holds) }

func checkEach(nodes []node, ok func(Comparison) error) error {
	for _, n := range nodes {
		if err := n.check(ok); err != nil {
			return err
		}
	}
	return nil
}
