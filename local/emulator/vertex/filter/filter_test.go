package filter

import (
	"fmt"
	"strings"
	"testing"
)

// text writes a filter as it was understood.
func text(n node) string {
	switch n := n.(type) {
	case nil:
		return ""
	case not:
		return "!" + text(n.node)
	case all:
		return "[" + join(n, " & ") + "]"
	case some:
		return "[" + join(n, " | ") + "]"
	case Comparison:
		if n.Quoted {
			return n.Field + n.Op + "'" + n.Value + "'"
		}
		return n.Field + n.Op + n.Value
	}
	return fmt.Sprintf("%T", n)
}

func join(nodes []node, by string) string {
	var out []string
	for _, n := range nodes {
		out = append(out, text(n))
	}
	return strings.Join(out, by)
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "  \n": "",
		`state="JOB_STATE_SUCCEEDED" AND display_name:"my_job_*"`: "[state='JOB_STATE_SUCCEEDED' & display_name:'my_job_*']",
		`NOT display_name="my_job"`:                               "!display_name='my_job'",
		`-a=b`:                                                    "!a=b",
		`NOT NOT -a=b`:                                            "!a=b",
		`create_time>"2021-05-18T00:00:00Z"`:                      "create_time>'2021-05-18T00:00:00Z'",
		`create_time >= 2021-05-18T00:00:00Z`:                     "create_time>=2021-05-18T00:00:00Z",
		`labels.keyA=valueA`:                                      "labels.keyA=valueA",
		`labels.key-b:*`:                                          "labels.key-b:*",
		`labels."key.c"=x`:                                        "labels.key.c=x",
		`a=1 AND b=2 OR c=3`:                                      "[a=1 & [b=2 | c=3]]",
		`a=1 b=2`:                                                 "[a=1 & b=2]",
		`(a=1 AND b=2) OR NOT (c!=3)`:                             "[[a=1 & b=2] | !c!=3]",
		`(r="x" OR r="y") AND "123"`:                              "[[r='x' | r='y'] & '123']",
		`word "two words"`:                                        "[word & 'two words']",
		`a="say \"hi\" \\"`:                                       `a='say "hi" \'`,
		`ANDROID=1 OR ORB=2`:                                      "[ANDROID=1 | ORB=2]",
		`a=~"x.*"`:                                                "a=~'x.*'",
	} {
		f, err := Parse(in)
		if err != nil || text(f.root) != want {
			t.Errorf("%s is %s %v, want %s", in, text(f.root), err, want)
		}
	}
	for in, want := range map[string]string{
		`a=`: "no value at byte 2", `=b`: "no text", `"a"=b`: "no field before =", `(a=b`: "no closing parenthesis", `a=b)`: "not opened", `a="b`: "not closed",
		`AND a=b`: "without a left side", `a=b OR`: "nothing where", `a=b AND OR c=d`: "without a left side", `NOT`: "nothing where", `a..b=c`: "no text",
		strings.Repeat("(", 60) + "a" + strings.Repeat(")", 60): "too many parentheses", strings.Repeat("a ", 20_000): "more than 20000",
	} {
		if f, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s is %s %v, want an error with %q", in, text(f.root), err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	holds := func(c Comparison) bool { return c.Value == "y" }
	for in, want := range map[string]bool{
		"": true, "a=y": true, "a=n": false, "NOT a=n": true, "a=y AND b=n": false, "a=n OR b=y": true, "a=n OR b=y AND c=n": false, "a=y AND (b=n OR NOT c=n)": true,
	} {
		f, err := Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Match(holds); got != want {
			t.Errorf("%s: %t", in, got)
		}
		var seen int
		_ = f.Check(func(Comparison) error { seen++; return nil })
		if want := strings.Count(in, "="); seen != want {
			t.Errorf("%s: %d comparisons were checked", in, seen)
		}
	}
}

// FuzzParse holds that any text is read or refused, and that what was read can be
// evaluated.
func FuzzParse(f *testing.F) {
	for _, in := range []string{"", `a="b" AND (c:* OR -d)`, `"x`, "((", "NOT", "a.\"b\".c!=d", "-", "a=b)"} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := Parse(in)
		if err != nil {
			if got.root != nil {
				t.Fatalf("%q is an error and %s", in, text(got.root))
			}
			return
		}
		seen := 0
		if err := got.Check(func(c Comparison) error {
			if seen++; c.Op != "" && c.Field == "" {
				t.Fatalf("%q has a comparison without a field", in)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if yes, no := got.Match(func(Comparison) bool { return true }), got.Match(func(Comparison) bool { return false }); seen == 0 && (!yes || !no) {
			t.Fatalf("%q has no comparison, and yet does not let everything through", in)
		}
	})
}
