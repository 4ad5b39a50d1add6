package jsonpath

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestSelect(t *testing.T) {
	const text = `{"id": 7, "z": 1.50, "features": [10, 20, 30, 40], "a": {"b": {"c": [1, {"d": "x"}]}}, "odd name": true, "id": 8}`
	for _, c := range []struct{ path, want, inclusive string }{
		{"$", text, ""},
		{"$.id", "8", ""},
		{"$.z", "1.50", ""},
		{"$.features", "[10, 20, 30, 40]", ""},
		{"$.features[0]", "10", ""},
		{"$.features[-1]", "40", ""},
		{"$.features[0,-1]", "[10,40]", ""},
		{"$.features[1:]", "[20,30,40]", ""},
		{"$.features[:2]", "[10,20]", "[10,20,30]"},
		{"$.features[1:3]", "[20,30]", "[20,30,40]"},
		{"$.features[1:-1]", "[20,30]", "[20,30,40]"},
		{"$.features[-2:]", "[30,40]", ""},
		{"$.features[9:]", "[]", ""},
		{"$.features[:9]", "[10,20,30,40]", ""},
		{"$.features[3:1]", "[]", ""},
		{"$.features[:-9]", "[]", ""},
		{"$.features[0,2:]", "[10,30,40]", ""},
		{"$.features[*]", "[10,20,30,40]", ""},
		{"$.features.*", "[10,20,30,40]", ""},
		{"$.a.b.c[1].d", `"x"`, ""},
		{"$['a']['b'].c[0]", "1", ""},
		{"$['odd name']", "true", ""},
		{`$["odd name"]`, "true", ""},
		{"$['z', 'id']", `{"z":1.50,"id":8}`, ""},
		{"$.a.b.*", `[[1, {"d": "x"}]]`, ""},
		{"$.a.*.c", `[[1, {"d": "x"}]]`, ""},
	} {
		p, err := Parse(c.path)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		got, err := p.Select(json.RawMessage(text), false)
		if err != nil || string(got) != c.want {
			t.Errorf("%s gives %s %v, want %s", c.path, got, err, c.want)
		}
		if c.inclusive == "" {
			continue
		}
		if got, err := p.Select(json.RawMessage(text), true); err != nil || string(got) != c.inclusive {
			t.Errorf("%s, ends included, gives %s %v, want %s", c.path, got, err, c.inclusive)
		}
	}
	for _, path := range []string{"$.no", "$.id.no", "$.features[4]", "$.features[-5]", "$.features.no", "$[0]", "$['id','no']", "$.features[0,4]", "$.id[0]", "$.id.*"} {
		p, err := Parse(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got, err := p.Select(json.RawMessage(text), false); !errors.Is(err, ErrAbsent) {
			t.Errorf("%s gives %s %v, want ErrAbsent", path, got, err)
		}
	}
}

func TestSelectRow(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"$", "a,b,c,d"}, {"$[*]", "a,b,c,d"}, {"$.*", "a,b,c,d"}, {"$[1:]", "b,c,d"}, {"$[0,-1]", "a,d"}, {"$[2]", "c"}, {"$[0,2:]", "a,c,d"}, {"$[:-3]", "a"},
	} {
		p, err := Parse(c.path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.SelectRow([]string{"a", "b", "c", "d"}, false)
		if err != nil || strings.Join(got, ",") != c.want {
			t.Errorf("%s gives %q %v, want %s", c.path, got, err, c.want)
		}
	}
	p, err := Parse("$[4]")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.SelectRow([]string{"a", "b", "c", "d"}, false); !errors.Is(err, ErrAbsent) {
		t.Errorf("an index behind the end: %v", err)
	}
	for _, text := range []string{"$.a", "$['a','b']", "$[0][1]", "$.*.a"} {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if p.OfRows() {
			t.Errorf("%s is said to select from rows", text)
		}
		if got, err := p.SelectRow([]string{"a"}, false); err == nil {
			t.Errorf("%s gives %q of a row", text, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "a", ".a", "$a", "$.", "$..a", "$[", "$[]", "$[1", "$[1,]", "$['a'", "$['a", "$[a]", "$['a',1]", "$[1,'a']", "$[*,1]", "$[?(@.a)]", "$[(@.length-1)]",
		"$[0:1:2]", "$[--1]", "$[-]", "$[99999999999999999999]", "$['']", `$['\'']`, "$['a','b'].c", "$[0,1].c", "$[1:].c", "$.a b", "$ ",
	} {
		if p, err := Parse(text); err == nil {
			t.Errorf("%q is read as %+v", text, p)
		} else if !strings.Contains(err.Error(), "JSONPath") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzSelect holds that whatever is selected of a JSON text is one, and that a
// text which is none does no harm.
func FuzzSelect(f *testing.F) {
	for _, path := range []string{"$", "$.a", "$['a','b']", "$[0,-1]", "$[1:]", "$.*", "$[*].a[0]", "$[:-1]"} {
		f.Add(path, `{"a":[1,{"b":2}],"b":"<&>"}`, false)
		f.Add(path, `[[1,2.50,"x"],{"a":[null]}]`, true)
		f.Add(path, `{"a":`, false)
	}
	f.Fuzz(func(t *testing.T, path, text string, ends bool) {
		p, err := Parse(path)
		if err != nil {
			return
		}
		if !strings.HasPrefix(path, "$") {
			t.Fatalf("%q is read", path)
		}
		got, err := p.Select(json.RawMessage(text), Inclusive(ends))
		if err == nil && json.Valid([]byte(text)) && !json.Valid(got) {
			t.Fatalf("%s of %s is %s", path, text, got)
		}
		fields := strings.Split(text, ",")
		row, err := p.SelectRow(fields, Inclusive(ends))
		if err != nil {
			return
		}
		for _, field := range row {
			if !strings.Contains(text, field) {
				t.Fatalf("%s of row %q has %q", path, text, field)
			}
		}
	})
}
