package predict

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
)

// rewrite is JSON as Python's json module writes what it has read: the lines that
// the service writes look like that. Spaces, digits of fractions and escapes are not
// what they were; of members with one name the last one's value counts. What is no
// JSON stays as it is.
func rewrite(text []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out bytes.Buffer
	if err := rewriteValue(d, &out); err != nil {
		return text
	}
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // the decoder's own
		return text
	}
	return out.Bytes()
}

func rewriteValue(d *json.Decoder, out *bytes.Buffer) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '[' {
			return rewriteList(d, out)
		}
		return rewriteObject(d, out)
	case string:
		pythonString(out, v)
	case json.Number:
		out.WriteString(pythonNumber(v.String()))
	case bool:
		out.WriteString(strconv.FormatBool(v))
	default:
		out.WriteString("null")
	}
	return nil
}

func rewriteList(d *json.Decoder, out *bytes.Buffer) error {
	out.WriteByte('[')
	for n := 0; d.More(); n++ {
		if n > 0 {
			out.WriteString(", ")
		}
		if err := rewriteValue(d, out); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	_, err := d.Token()
	return err
}

func rewriteObject(d *json.Decoder, out *bytes.Buffer) error {
	var names []string
	values := map[string][]byte{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string) // an object has only such names
		var value bytes.Buffer
		if err := rewriteValue(d, &value); err != nil {
			return err
		}
		if _, twice := values[name]; !twice {
			names = append(names, name)
		}
		values[name] = value.Bytes()
	}
	out.WriteByte('{')
	for n, name := range names {
		if n > 0 {
			out.WriteString(", ")
		}
		pythonString(out, name)
		out.WriteString(": ")
		out.Write(values[name])
	}
	out.WriteByte('}')
	_, err := d.Token()
	return err
}

// pythonNumber is repr of what float or int make of a number.
func pythonNumber(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		if text == "-0" {
			return "0"
		}
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && f > 0:
		return "Infinity"
	case err != nil:
		return "-Infinity"
	}
	short := strconv.FormatFloat(f, 'e', -1, 64)
	_, exponent, _ := strings.Cut(short, "e")
	if n, _ := strconv.Atoi(exponent); f != 0 && (n < -4 || n >= 16) {
		return short
	}
	short = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(short, ".") {
		short += ".0"
	}
	return short
}

// pythonString writes a string in ASCII.
func pythonString(out *bytes.Buffer, text string) {
	const hex = "0123456789abcdef"
	unit := func(u uint16) {
		out.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			out.WriteByte(hex[u>>shift&15])
		}
	}
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\b':
			out.WriteString(`\b`)
		case r == '\f':
			out.WriteString(`\f`)
		case r >= ' ' && r < 0x7f:
			out.WriteRune(r)
		case r > 0xffff:
			a, b := utf16.EncodeRune(r)
			unit(uint16(a))
			unit(uint16(b))
		default:
			unit(uint16(r))
		}
	}
	out.WriteByte('"')
}
