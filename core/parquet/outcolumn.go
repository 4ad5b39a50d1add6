package parquet

import (
	"errors"
	"fmt"

	"github.com/crossbatch/crossbatch/core/record"
)

// outColumn is a column of the result, of one leaf or, for a map, of two.
type outColumn struct {
	name     string
	slot     int // of its value in a line
	part     int // of the key that it is an element of; -1: it is a value itself
	parts    int
	optional bool
	depth    int // of lists
	leaf     *outLeaf
	keys     *outLeaf // of a map
}

func (c *outColumn) put(v record.Value) error {
	switch {
	case v.Kind == record.Missing:
		return errors.New("a record has no such value")
	case c.keys != nil:
		return c.putMap(v)
	case c.depth > 0:
		return c.putList(v, 0, 0)
	case c.optional && v.Kind == record.Null:
		c.leaf.absent(0, 0)
		return nil
	}
	return c.leaf.put(v, 0)
}

// putList puts a list that stands level lists deep. rep tells what its first
// element continues.
func (c *outColumn) putList(v record.Value, level, rep int) (err error) {
	if v.Kind != record.Array {
		return fmt.Errorf("%s is no list of depth %d", v.Kind, c.depth-level)
	}
	empty := true
	record.Elements(v.Raw, func(el record.Value) bool {
		if level+1 < c.depth {
			err = c.putList(el, level+1, rep)
		} else {
			err = c.leaf.put(el, rep)
		}
		empty, rep = false, level+1
		return err == nil
	})
	if empty {
		c.leaf.absent(level, rep)
	}
	return err
}

func (c *outColumn) putMap(v record.Value) (err error) {
	if v.Kind != record.Object {
		return fmt.Errorf("%s is no map", v.Kind)
	}
	rep := 0
	members(v.Raw, func(name, value record.Value) bool {
		if err = c.keys.put(name, rep); err == nil {
			err = c.leaf.put(value, rep)
		}
		rep = 1
		return err == nil
	})
	if rep == 0 {
		c.keys.absent(0, 0)
		c.leaf.absent(0, 0)
	}
	return err
}

// members walks the members of a JSON object that a decoder has checked.
func members(object []byte, visit func(name, value record.Value) bool) {
	var name record.Value
	start, depth := -1, 0
	end := func(i int) bool { // of a name or a value
		if start < 0 {
			return true
		}
		v, _ := record.ParseValue(object[start:i])
		start = -1
		if name.Kind == record.Missing {
			name = v
			return true
		}
		going := visit(name, v)
		name = record.Value{}
		return going
	}
	for i := 1; i < len(object); i++ {
		c := object[i]
		if depth == 0 && (c == ',' || c == ':' || c == '}') {
			if !end(i) {
				return
			}
			continue
		}
		if start < 0 && c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			start = i
		}
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			for i++; object[i] != '"'; i++ {
				if object[i] == '\\' {
					i++
				}
			}
		}
	}
}
