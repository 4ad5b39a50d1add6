package predict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// row is a line of the input on its way.
type row struct {
	number   int64 // over all inputs
	instance []byte
	key      []byte // JSON; nil without a key field
	extra    []member
}

type member struct {
	name  string
	value json.RawMessage
}

// errNoJSON says that a line is no instance at all.
var errNoJSON = errors.New("the line is not valid JSON")

// read makes a row of a line. The error is for the user.
func (i Instance) read(line []byte, u Uncertain) (row, error) {
	if !json.Valid(line) {
		return row{}, errNoJSON
	}
	if !u.TextKept {
		line = rewrite(line)
	}
	r := row{instance: line}
	kind := bytes.TrimLeft(line, " \t\r\n")[0]
	if kind != '{' {
		switch {
		case i.Type == Object || i.Key != "" || len(i.Included)+len(i.Excluded) > 0:
			return r, errors.New("the line is no JSON object")
		case kind != '[' && (u.ScalarsRefused || i.Type == Array):
			return r, errors.New("the line is no JSON object and no array")
		}
		return r, nil
	}
	if i.Type == Array && len(i.Included) == 0 {
		return r, errors.New("the line is a JSON object, and includedFields do not say the order of its values")
	}
	if i.Key == "" && len(i.Included)+len(i.Excluded) == 0 {
		return r, nil
	}
	fields, err := members(line)
	if err != nil {
		return r, errNoJSON
	}
	if i.Key != "" {
		at := slices.IndexFunc(fields, func(m member) bool { return m.name == i.Key })
		if at < 0 {
			return r, fmt.Errorf("the line has no key field %q", i.Key)
		}
		r.key = fields[at].value
	}
	if i.Type == Array {
		r.instance, err = i.list(fields)
		return r, err
	}
	r.instance = i.object(fields, u)
	if i.Key == "" {
		for _, m := range fields {
			if slices.Contains(i.Excluded, m.name) {
				r.extra = append(r.extra, m)
			}
		}
	}
	return r, nil
}

// members are those of an object, in its order. Of two with the same name the later
// one counts.
func members(object []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var out []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: name.(string)} // an object has only such names
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		if at := slices.IndexFunc(out, func(o member) bool { return o.name == m.name }); at >= 0 {
			out[at] = m
			continue
		}
		out = append(out, m)
	}
	return out, nil
}

// object is what the model sees of an object.
func (i Instance) object(fields []member, u Uncertain) []byte {
	seen := slices.DeleteFunc(slices.Clone(fields), func(m member) bool {
		switch {
		case m.name == i.Key && i.Key != "":
			return !u.KeyKept
		case len(i.Included) > 0:
			return !slices.Contains(i.Included, m.name)
		}
		return slices.Contains(i.Excluded, m.name)
	})
	var out bytes.Buffer
	out.WriteByte('{')
	writeMembers(&out, seen, false)
	out.WriteByte('}')
	return out.Bytes()
}

func writeMembers(out *bytes.Buffer, fields []member, more bool) {
	for n, m := range fields {
		if n > 0 || more {
			out.WriteString(", ")
		}
		name, _ := json.Marshal(m.name) // a text can be written
		out.Write(name)
		out.WriteString(": ")
		out.Write(m.value)
	}
}

// list are the included values of an object, in their order.
func (i Instance) list(fields []member) ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('[')
	for n, name := range i.Included {
		at := slices.IndexFunc(fields, func(m member) bool { return m.name == name })
		if at < 0 {
			return nil, fmt.Errorf("the line has no included field %q", name)
		}
		if n > 0 {
			out.WriteString(", ")
		}
		out.Write(fields[at].value)
	}
	out.WriteByte(']')
	return out.Bytes(), nil
}

// result is a line of a result file.
func (r row) result(prediction json.RawMessage) []byte {
	var out bytes.Buffer
	if r.key != nil {
		out.WriteString(`{"key": `)
		out.Write(r.key)
	} else {
		out.WriteString(`{"instance": `)
		out.Write(r.instance)
	}
	writeMembers(&out, r.extra, true)
	out.WriteString(`, "prediction": `)
	if bytes.ContainsAny(prediction, "\r\n") {
		var compact bytes.Buffer
		_ = json.Compact(&compact, prediction) // it has been decoded
		prediction = compact.Bytes()
	}
	out.Write(prediction)
	out.WriteString("}\n")
	return out.Bytes()
}
