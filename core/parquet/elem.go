package parquet

// Elem is the type of the elements of a field that is a list of numbers in each
// row, as Values hands it out packed: int64, uint64, float or double. It is "" for
// all others.
func (f *File) Elem(field string) string {
	n := f.root.find(field)
	if n == nil || n.blocked() != nil {
		return ""
	}
	leaf := newField(n, 0).packed
	if leaf == nil {
		return ""
	}
	switch leaf.conv {
	case convInt:
		return "int64"
	case convUint:
		return "uint64"
	case convFloat:
		return "float"
	}
	return "double"
}
