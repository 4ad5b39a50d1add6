package jsonpath

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Path is an expression. The zero value is $.
type Path struct {
	steps []step
}

// step selects of one value. Just one of its members is set.
type step struct {
	all   bool     // *
	names []string // of an object
	spans []span   // of an array
}

// span is an index, or a slice of an array.
type span struct {
	slice        bool
	from, to     int // an index stands in from
	begun, ended bool
}

// several says that a step gives a list or an object of what it selects.
func (s step) several() bool {
	return s.all || len(s.names) > 1 || len(s.spans) > 1 || len(s.spans) == 1 && s.spans[0].slice
}

// Whole says that the expression is $.
func (p Path) Whole() bool { return len(p.steps) == 0 }

// OfRows says that the expression can select from rows: it is $ or one step of
// indexes.
func (p Path) OfRows() bool { return p.Whole() || len(p.steps) == 1 && p.steps[0].names == nil }

// Parse reads an expression. Its errors say where it is wrong, in bytes from 0.
func Parse(text string) (Path, error) {
	r := reader{text: text}
	p, err := r.path()
	if err != nil {
		return Path{}, fmt.Errorf("%q is not a JSONPath expression that can be used here: at %d: %w", text, r.at, err)
	}
	return p, nil
}

type reader struct {
	text string
	at   int
}

func (r *reader) take(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *reader) path() (Path, error) {
	var p Path
	if !r.take('$') {
		return p, errors.New("it must begin with $")
	}
	for r.at < len(r.text) {
		if n := len(p.steps); n > 0 && p.steps[n-1].several() && !p.steps[n-1].all {
			return p, errors.New("nothing may follow what selects several")
		}
		s, err := r.step()
		if err != nil {
			return p, err
		}
		p.steps = append(p.steps, s)
	}
	return p, nil
}

func (r *reader) step() (step, error) {
	switch {
	case r.take('.'):
		if r.take('*') {
			return step{all: true}, nil
		}
		name := r.until(".[]'\"*?@(),: \t\r\n$")
		if name == "" {
			return step{}, errors.New("a name or * must follow the dot")
		}
		return step{names: []string{name}}, nil
	case r.take('['):
		s, err := r.bracket()
		if err != nil {
			return s, err
		}
		if !r.take(']') {
			return s, errors.New("want ]")
		}
		return s, nil
	}
	return step{}, errors.New("want . or [")
}

// until takes what stands before any of some bytes.
func (r *reader) until(stops string) string {
	n := strings.IndexAny(r.text[r.at:], stops)
	if n < 0 {
		n = len(r.text) - r.at
	}
	r.at += n
	return r.text[r.at-n : r.at]
}

func (r *reader) spaces() {
	for r.take(' ') {
	}
}

func (r *reader) bracket() (step, error) {
	var s step
	for {
		r.spaces()
		switch {
		case s.names == nil && s.spans == nil && r.take('*'):
			r.spaces()
			return step{all: true}, nil
		case s.spans == nil && r.take('\''), s.spans == nil && r.take('"'):
			quote := r.text[r.at-1]
			name := r.until(string(quote))
			if !r.take(quote) {
				return s, errors.New("the quote is not closed")
			}
			if name == "" || strings.Contains(name, `\`) {
				return s, errors.New("a name may be neither empty nor hold a backslash")
			}
			s.names = append(s.names, name)
		case s.names == nil:
			sp, err := r.span()
			if err != nil {
				return s, err
			}
			s.spans = append(s.spans, sp)
		default:
			return s, errors.New("want a name in quotes")
		}
		r.spaces()
		if !r.take(',') {
			return s, nil
		}
	}
}

func (r *reader) span() (span, error) {
	var s span
	var err error
	if s.from, s.begun, err = r.number(); err != nil {
		return s, err
	}
	r.spaces()
	if s.slice = r.take(':'); !s.slice {
		if !s.begun {
			return s, errors.New("want an index, a slice, a name in quotes or *")
		}
		return s, nil
	}
	r.spaces()
	s.to, s.ended, err = r.number()
	return s, err
}

func (r *reader) number() (n int, there bool, err error) {
	start := r.at
	r.take('-')
	for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
		r.at++
	}
	if r.at == start {
		return 0, false, nil
	}
	if n, err = strconv.Atoi(r.text[start:r.at]); err != nil {
		return 0, false, fmt.Errorf("%q is not a number", r.text[start:r.at])
	}
	return n, true, nil
}
