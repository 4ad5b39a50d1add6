package jobfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/jobfile"
)

// walk visits every block of the schema with the blocks around it.
func walk(b jobfile.Block, around []jobfile.Block, visit func(b jobfile.Block, around []jobfile.Block)) {
	visit(b, around)
	inner := append(append([]jobfile.Block(nil), around...), b)
	for _, c := range append(append([]jobfile.Block(nil), b.Blocks...), b.Variants...) {
		walk(c, inner, visit)
	}
}

// TestSchemaIsTotal: everything has a state and a doc, and a default is one of
// the values.
func TestSchemaIsTotal(t *testing.T) {
	known := map[jobfile.State]bool{jobfile.Built: true, jobfile.NotYet: true, jobfile.DefaultOnly: true}
	walk(jobfile.Schema(), nil, func(b jobfile.Block, _ []jobfile.Block) {
		if b.Doc == "" || !known[b.State] {
			t.Errorf("block %s: doc %q, state %q", b.Name, b.Doc, b.State)
		}
		for _, f := range b.Fields {
			if f.Doc == "" || f.Type == "" || !known[f.State] {
				t.Errorf("%s.%s: doc %q, type %q, state %q", b.Name, f.Name, f.Doc, f.Type, f.State)
			}
			if f.State == jobfile.DefaultOnly && f.Default == "" {
				t.Errorf("%s.%s has no default to keep to", b.Name, f.Name)
			}
			if len(f.Values) > 0 && f.Default != "" && !has(f.Values, f.Default) {
				t.Errorf("%s.%s: the default %q is none of its values", b.Name, f.Name, f.Default)
			}
		}
	})
}

func has(values []jobfile.Value, text string) bool {
	for _, v := range values {
		if v.Text == text {
			return true
		}
	}
	return false
}

// TestNotYet writes every field and block that is not built, and expects it to
// be refused by name.
func TestNotYet(t *testing.T) {
	count := 0
	refused := func(line, name string, around []jobfile.Block) {
		count++
		src := line
		for i := len(around) - 1; i > 0; i-- {
			src = around[i].Name + labels(around[i]) + " {\n" + src + "\n}"
		}
		_, diags := jobfile.Parse(map[string][]byte{"a.crossbatch.hcl": []byte(src + "\n")}, "/x", jobfile.Options{})
		for _, p := range jobfile.Problems(diags) {
			if strings.Contains(p.Detail, "not yet") && strings.Contains(p.Detail, name) && p.Line > 0 {
				return
			}
		}
		t.Errorf("not refused:\n%s\n%v", src, diags)
	}
	walk(jobfile.Schema(), nil, func(b jobfile.Block, around []jobfile.Block) {
		if b.State == jobfile.NotYet && len(around) > 1 && around[len(around)-1].Variants == nil {
			refused(b.Name+labels(b)+" {\n}", b.Name, around)
		}
		if b.State == jobfile.NotYet || b.Name == "provider" {
			return // a provider kind that is not built is refused where a job is placed on it
		}
		inner := append(append([]jobfile.Block(nil), around...), b)
		for _, f := range b.Fields {
			switch f.State {
			case jobfile.NotYet:
				refused(f.Name+" = null", f.Name, inner)
			case jobfile.DefaultOnly:
				refused(fmt.Sprintf("%s = %s", f.Name, other(f)), f.Name, inner)
			}
			for _, v := range f.Values {
				if v.State == jobfile.NotYet && f.State == jobfile.Built {
					refused(fmt.Sprintf("%s = %q", f.Name, v.Text), f.Name, inner)
				}
			}
		}
	})
	if count < 15 {
		t.Errorf("only %d things are not built?", count)
	}
}

func labels(b jobfile.Block) string { return strings.Repeat(` "x"`, len(b.Labels)) }

// other is a value of a field that is not its default.
func other(f jobfile.Field) string {
	for _, v := range f.Values {
		if v.Text != f.Default {
			return fmt.Sprintf("%q", v.Text)
		}
	}
	if f.Type == jobfile.Bool {
		return "true"
	}
	return "7"
}
