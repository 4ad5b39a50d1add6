package jsonpath

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrAbsent is matched by the errors of selecting what is not there.
var ErrAbsent = errors.New("not in the data")

// Inclusive makes the end of a slice belong to it, as the prose of the service's
// guide has it; else it does not, as its table says.
type Inclusive bool

// Select gives what the expression selects of a JSON text, which it leaves alone:
// one value as it stands, several names as an object of them, several elements as
// an array.
func (p Path) Select(text json.RawMessage, ends Inclusive) (json.RawMessage, error) {
	return choose(p.steps, text, ends)
}

func choose(steps []step, text json.RawMessage, ends Inclusive) (json.RawMessage, error) {
	if len(steps) == 0 {
		return text, nil
	}
	s, rest := steps[0], steps[1:]
	switch {
	case s.all:
		values, err := children(text)
		if err != nil {
			return nil, err
		}
		out := make([]json.RawMessage, 0, len(values))
		for _, v := range values {
			v, err := choose(rest, v, ends)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return array(out), nil
	case s.names != nil:
		members, err := Members(text)
		if err != nil {
			return nil, err
		}
		var picked []Member
		for _, name := range s.names {
			m, ok := find(members, name)
			if !ok {
				return nil, fmt.Errorf("%q is %w", name, ErrAbsent)
			}
			picked = append(picked, m)
		}
		if !s.several() {
			return choose(rest, picked[0].Value, ends)
		}
		return Object(picked), nil
	}
	elements, err := elements(text)
	if err != nil {
		return nil, err
	}
	picked, err := pick(s.spans, elements, ends)
	if err != nil {
		return nil, err
	}
	if !s.several() {
		return choose(rest, picked[0], ends)
	}
	return array(picked), nil
}

// SelectRow gives the fields of a row that the expression selects. It must be
// OfRows.
func (p Path) SelectRow(fields []string, ends Inclusive) ([]string, error) {
	switch {
	case !p.OfRows():
		return nil, errors.New("only indexes select from a row")
	case p.Whole() || p.steps[0].all:
		return fields, nil
	}
	return pick(p.steps[0].spans, fields, ends)
}

func pick[T any](spans []span, from []T, ends Inclusive) ([]T, error) {
	out := []T{}
	for _, s := range spans {
		if s.slice {
			start, end := s.bounds(len(from), ends)
			out = append(out, from[start:end]...)
			continue
		}
		i := s.from
		if i < 0 {
			i += len(from)
		}
		if i < 0 || i >= len(from) {
			return nil, fmt.Errorf("index %d is %w, which has %d", s.from, ErrAbsent, len(from))
		}
		out = append(out, from[i])
	}
	return out, nil
}

// bounds are those of a slice of n elements, cut to what there is.
func (s span) bounds(n int, ends Inclusive) (start, end int) {
	at := func(i int) int {
		if i < 0 {
			i += n
		}
		return min(max(i, 0), n)
	}
	start, end = 0, n
	if s.begun {
		start = at(s.from)
	}
	if s.ended {
		end = at(s.to)
		if ends && (s.to >= 0 || s.to+n >= 0) {
			end = min(end+1, n)
		}
	}
	return start, max(start, end)
}

// Member is a member of an object.
type Member struct {
	Name  string
	Value json.RawMessage
}

func find(members []Member, name string) (Member, bool) {
	for i := len(members) - 1; i >= 0; i-- { // of two alike the last one counts
		if members[i].Name == name {
			return members[i], true
		}
	}
	return Member{}, false
}

// Members are those of an object, in their order.
func Members(text json.RawMessage) ([]Member, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("a name is %w: the value is no object", ErrAbsent)
	}
	var out []Member
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, errors.New("a member without a name")
		}
		m := Member{Name: name}
		if err := d.Decode(&m.Value); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	_, err := d.Token()
	return out, err
}

// Object puts an object together. Names that hold what HTML would take for its
// own stay as they are.
func Object(members []Member) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(m.Name) // of a string into memory
		b.Truncate(b.Len() - 1)
		b.WriteByte(':')
		b.Write(m.Value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

func elements(text json.RawMessage) ([]json.RawMessage, error) {
	var out []json.RawMessage
	if t := bytes.TrimLeft(text, " \t\r\n"); len(t) == 0 || t[0] != '[' {
		return nil, fmt.Errorf("an index is %w: the value is no array", ErrAbsent)
	}
	err := json.Unmarshal(text, &out)
	return out, err
}

// children are the values in an array or an object.
func children(text json.RawMessage) ([]json.RawMessage, error) {
	if t := bytes.TrimLeft(text, " \t\r\n"); len(t) > 0 && t[0] == '[' {
		return elements(text)
	}
	members, err := Members(text)
	if err != nil {
		return nil, err
	}
	var out []json.RawMessage
	for _, m := range members {
		out = append(out, m.Value)
	}
	return out, nil
}

func array(values []json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(v)
	}
	b.WriteByte(']')
	return b.Bytes()
}
