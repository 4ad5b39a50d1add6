package predict

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestStat(t *testing.T) {
	for message, want := range map[string]string{
		"plain":        `('plain', 3)`,
		`it's`:         `("it's", 3)`,
		`it's "so"`:    `('it\'s "so"', 3)`,
		"a\\b\n\t\r":   `('a\\b\n\t\r', 3)`,
		"\x01\u0085é日": `('\x01\x85é日', 3)`,
		"\xff":         "('\uFFFD', 3)",
	} {
		if got := stat(message, 3); got != want+"\n" {
			t.Errorf("%q is written %s, want %s", message, got, want)
		}
	}
}

func TestExpand(t *testing.T) {
	values := map[string]string{"A": "1", "B": "$(A)"}
	for text, want := range map[string]string{
		"": "", "$(A)": "1", "x$(A)y$(B)": "x1y$(A)", "$$(A)": "$(A)", "$$$(A)": "$1", "$(NONE)": "$(NONE)", "$": "$", "$A": "$A", "$(A": "$(A", "a$$": "a$", "$()": "$()",
	} {
		if got := expand(text, values); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestPattern(t *testing.T) {
	for key, want := range map[string][]string{
		"in/*":      {"in/a", "in/"},
		"in/**":     {"in/a", "in/a/b", "in/"},
		"*/b":       {"a/b"},
		"in/?(.)*]": {"in/?(.)]", "in/?(.)x]"},
	} {
		form := pattern(key)
		var got []string
		for _, name := range []string{"in/a", "in/a/b", "in/", "a/b", "in/?(.)]", "in/?(.)x]"} {
			if form.MatchString(name) && (strings.Contains(key, "?") || !strings.Contains(name, "?")) {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s matches %q, want %q", key, got, want)
		}
	}
}

// FuzzInstance holds that any line becomes an instance and a result that are JSON, or
// is refused.
func FuzzInstance(f *testing.F) {
	for _, line := range []string{`{"k": 1, "a": [2], "b": "x"}`, `[1]`, `"x"`, ` {"k":{}} `, `{`, `{"a":1,"a":2,"k":3}`, "{\"k\":\"\xff\"}", `null`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, i := range []Instance{{}, {Key: "k"}, {Type: Object}, {Type: Array, Included: []string{"a", "b"}}, {Excluded: []string{"a"}}, {Included: []string{"b"}, Key: "k"}} {
			r, err := i.read([]byte(line), Uncertain{})
			if err != nil {
				continue
			}
			if !json.Valid(r.instance) {
				t.Fatalf("%+v makes %q of %q", i, r.instance, line)
			}
			out := r.result(json.RawMessage("[\n1]"))
			if !json.Valid(out) || i.Key != "" != (r.key != nil) {
				t.Fatalf("%+v makes the result %q of %q", i, out, line)
			}
		}
	})
}
