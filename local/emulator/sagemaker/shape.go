package sagemaker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind int

const (
	text kind = iota
	integer
	timestamp
	boolean
	list
	dictionary
	structure
)

// shape is what a value must be, as the service's model has it.
type shape struct {
	kind     kind
	min, max int // of a length or a value; a max of 0 is none
	pattern  *pattern
	enum     []string

	members  map[string]*shape // of a structure
	required []string          // their names
	key, of  *shape            // of a dictionary; of a list, its elements
}

// pattern is one that a text as a whole must have.
type pattern struct {
	text string
	*regexp.Regexp
}

func matching(text string) *pattern { return matchingAs(text, text) }

// matchingAs is for a pattern of the service's that Go must have written otherwise.
func matchingAs(text, goes string) *pattern {
	return &pattern{text, regexp.MustCompile(`^(?s:` + goes + `)$`)}
}

func aText(least, most int, p *pattern) *shape { return &shape{min: least, max: most, pattern: p} }

func oneOf(values ...string) *shape { return &shape{enum: values} }

func aNumber(least, most int) *shape { return &shape{kind: integer, min: least, max: most} }

func aList(least, most int, of *shape) *shape {
	return &shape{kind: list, min: least, max: most, of: of}
}

func aDictionary(most int, key, of *shape) *shape {
	return &shape{kind: dictionary, max: most, key: key, of: of}
}

type members = map[string]*shape

func aStructure(m members, required ...string) *shape {
	return &shape{kind: structure, members: m, required: required}
}

// check holds a request against its shape. It gives what the shape knows of it, as
// JSON with sorted members: members that it does not know are passed over, as the
// service does.
func (s *shape) check(body []byte) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil && len(bytes.TrimSpace(body)) > 0 {
		return nil, refusal("SerializationException", "The body is not JSON: %v", err)
	}
	if _, err := d.Token(); v != nil && !errors.Is(err, io.EOF) {
		return nil, refusal("SerializationException", "Something stands behind the JSON of the body.")
	}
	if v == nil {
		v = map[string]any{}
	}
	var w wrongs
	known, err := s.walk(v, "", &w)
	if err != nil {
		return nil, err
	}
	if err := w.fault(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(known); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte{'\n'}), nil
}

// wrongs are what is wrong with a request, each as the service says it.
type wrongs []string

func (w *wrongs) add(value, path, constraint string) {
	*w = append(*w, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, path, constraint))
}

func (w wrongs) fault() error {
	switch len(w) {
	case 0:
		return nil
	case 1:
		return invalid("1 validation error detected: %s", w[0])
	}
	return invalid("%d validation errors detected: %s", len(w), strings.Join(w, "; "))
}

// walk gives what is known of a value. What is wrong with it goes to w; an error is
// one that ends all: a value of another type.
func (s *shape) walk(v any, path string, w *wrongs) (any, error) {
	other := func(want string) error {
		return refusal("SerializationException", "%s at '%s' can not be converted to %s", typeOf(v), path, want)
	}
	switch s.kind {
	case text:
		t, ok := v.(string)
		if !ok {
			return nil, other("a String")
		}
		for _, c := range s.constraints(t) {
			w.add("'"+t+"'", path, c)
		}
		return t, nil
	case integer:
		n, ok := v.(json.Number)
		if !ok {
			return nil, other("an Integer")
		}
		i, err := strconv.ParseInt(n.String(), 10, 64)
		if err != nil {
			return nil, other("an Integer")
		}
		if i < int64(s.min) {
			w.add("'"+n.String()+"'", path, fmt.Sprintf("Member must have value greater than or equal to %d", s.min))
		}
		if s.max > 0 && i > int64(s.max) {
			w.add("'"+n.String()+"'", path, fmt.Sprintf("Member must have value less than or equal to %d", s.max))
		}
		return n, nil
	case timestamp:
		if n, ok := v.(json.Number); ok {
			return n, nil
		}
		return nil, other("a Timestamp")
	case boolean:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, other("a Boolean")
	case list:
		l, ok := v.([]any)
		if !ok {
			return nil, other("a List")
		}
		return s.walkList(l, path, w)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, other("a Structure")
	}
	if s.kind == dictionary {
		return s.walkDictionary(m, path, w)
	}
	return s.walkStructure(m, path, w)
}

func (s *shape) walkList(l []any, path string, w *wrongs) (any, error) {
	for _, c := range s.lengths(len(l)) {
		w.add(compact(l), path, c)
	}
	out := []any{}
	for i, v := range l {
		at := fmt.Sprintf("%s.%d.member", path, i+1)
		if v == nil {
			w.add("null", at, "Member must not be null")
			continue
		}
		v, err := s.of.walk(v, at, w)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *shape) walkDictionary(m map[string]any, path string, w *wrongs) (any, error) {
	for _, c := range s.lengths(len(m)) {
		w.add(compact(m), path, c)
	}
	out := map[string]any{}
	for _, name := range sorted(m) {
		v, ok := m[name].(string)
		if !ok {
			return nil, refusal("SerializationException", "%s at '%s' can not be converted to a String", typeOf(m[name]), path+"."+name)
		}
		if c := s.key.constraints(name); c != nil {
			w.add(compact(m), path, "Map keys must satisfy constraint: ["+strings.Join(c, ", ")+"]")
		}
		if c := s.of.constraints(v); c != nil {
			w.add(compact(m), path, "Map value must satisfy constraint: ["+strings.Join(c, ", ")+"]")
		}
		out[name] = v
	}
	return out, nil
}

func (s *shape) walkStructure(m map[string]any, path string, w *wrongs) (any, error) {
	out := map[string]any{}
	if path != "" {
		path += "."
	}
	for _, name := range sorted(s.members) {
		v := m[name]
		at := path + lower(name)
		if v == nil { // null is absent
			if slices.Contains(s.required, name) {
				w.add("null", at, "Member must not be null")
			}
			continue
		}
		v, err := s.members[name].walk(v, at, w)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

// constraints are those that a text does not satisfy.
func (s *shape) constraints(t string) []string {
	out := s.lengths(utf8.RuneCountInString(t))
	if s.pattern != nil && !s.pattern.MatchString(t) {
		out = append(out, "Member must satisfy regular expression pattern: "+s.pattern.text)
	}
	if s.enum != nil && !slices.Contains(s.enum, t) {
		out = append(out, "Member must satisfy enum value set: ["+strings.Join(s.enum, ", ")+"]")
	}
	return out
}

func (s *shape) lengths(n int) []string {
	switch {
	case s.max > 0 && n > s.max:
		return []string{fmt.Sprintf("Member must have length less than or equal to %d", s.max)}
	case n < s.min:
		return []string{fmt.Sprintf("Member must have length greater than or equal to %d", s.min)}
	}
	return nil
}

// lower is a member's name as validation messages have it.
func lower(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "'?'"
	}
	return "'" + string(b) + "'"
}

func typeOf(v any) string {
	switch v.(type) {
	case string:
		return "STRING_VALUE"
	case json.Number:
		return "NUMBER_VALUE"
	case bool:
		return "BOOLEAN_VALUE"
	case nil:
		return "NULL_VALUE"
	case []any:
		return "START_ARRAY"
	}
	return "START_OBJECT"
}

func sorted[V any](m map[string]V) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
