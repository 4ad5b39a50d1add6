// Package draft proposes a job file for a model and a look at its data. What it
// guesses it says, so that the reader can mend it; it reads and writes nothing.
package draft

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/engine"
)

// Draft is a proposed job file. Notes are what a person should look at.
type Draft struct {
	Text  []byte
	Notes []string
}

// Params name the parts of the job file. Paths stand in it as they are given.
type Params struct {
	Name, Model, Input string
	Graph              *model.Graph
	Peek               *engine.Peek
}

// New proposes a job file.
func New(p Params) Draft {
	g := &guess{p: p, used: map[string]bool{}}
	g.key()
	f := hclwrite.NewEmptyFile()
	body := f.Body()

	m := body.AppendNewBlock("model", []string{p.Name}).Body()
	m.SetAttributeValue("artifact", cty.StringVal(p.Model))
	body.AppendNewline()

	j := body.AppendNewBlock("job", []string{p.Name}).Body()
	j.SetAttributeRaw("model", hclwrite.TokensForIdentifier("model."+p.Name))
	j.AppendNewline()
	in := j.AppendNewBlock("input", nil).Body()
	in.SetAttributeValue("source", cty.ListVal([]cty.Value{cty.StringVal(p.Input)}))
	if g.keyField != "" {
		in.SetAttributeValue("key", cty.StringVal(g.keyField))
	}
	for _, v := range p.Graph.Inputs {
		g.tensor(in, v)
	}
	j.AppendNewline()
	out := j.AppendNewBlock("output", nil).Body()
	out.SetAttributeValue("destination", cty.StringVal("out/"+p.Name+"/"))
	return Draft{Text: hclwrite.Format(f.Bytes()), Notes: g.notes}
}

// guess collects what the data suggests.
type guess struct {
	p        Params
	keyField string
	used     map[string]bool
	notes    []string
}

// key takes the first field that is named like one, else the first column when
// no two records of several have one value there.
func (g *guess) key() {
	for _, f := range g.p.Peek.Fields {
		n := strings.ToLower(f)
		if n == "id" || n == "key" || n == "uuid" || strings.HasSuffix(n, "_id") || strings.HasSuffix(n, "id") && f != n {
			g.keyField = f
			g.used[f] = true
			return
		}
	}
	if f, ok := g.distinct(); ok {
		g.keyField, g.used[f] = f, true
		g.notes = append(g.notes, fmt.Sprintf("%q is taken for the key, as its first values all differ; set input.key to change that", f))
		return
	}
	g.notes = append(g.notes, "no field looks like a key: records will be named \"<shard>:<row>\"; set input.key to change that")
}

// distinct is the first column when it could name records: whole numbers or
// text, all of them different. A column of fractions is a measurement.
func (g *guess) distinct() (field string, ok bool) {
	if len(g.p.Peek.Fields) == 0 || len(g.p.Peek.Rows) < 3 {
		return "", false
	}
	field = g.p.Peek.Fields[0]
	for _, v := range g.p.Graph.Inputs {
		if v.Name == field {
			return "", false
		}
	}
	seen := map[string]bool{}
	for _, row := range g.p.Peek.Rows {
		v := row[0]
		text := string(v.Raw)
		whole := v.Kind == record.Number || v.Kind == record.Cell
		if whole && strings.ContainsAny(text, ".eE") && !g.isText(field) || v.Kind != record.String && !whole || text == "" || seen[text] {
			return "", false
		}
		seen[text] = true
	}
	return field, true
}

// tensor writes the block that feeds one input, unless a field has its name.
func (g *guess) tensor(in *hclwrite.Body, v model.Value) {
	for _, f := range g.p.Peek.Fields {
		if f == v.Name {
			g.used[f] = true
			return
		}
	}
	fields := g.candidates(v)
	in.AppendNewline()
	b := in.AppendNewBlock("tensor", []string{v.Name}).Body()
	if len(fields) == 0 {
		b.SetAttributeValue("field", cty.StringVal(v.Name))
		g.notes = append(g.notes, fmt.Sprintf("no field fits model input %q (%s): name one in its tensor block", v.Name, v.Type()))
		return
	}
	if len(fields) == 1 && g.holds(fields[0], record.Array) {
		b.SetAttributeValue("field", cty.StringVal(fields[0]))
		return
	}
	if n := width(v); n > 0 && n != len(fields) {
		g.notes = append(g.notes, fmt.Sprintf("model input %q takes %d values, %d fields could feed it: leave the right ones in its tensor block, in the model's order", v.Name, n, len(fields)))
	} else if len(fields) > 1 {
		g.notes = append(g.notes, fmt.Sprintf("the fields of model input %q stand in the data's order: compare with the order that the model was trained on", v.Name))
	}
	list := make([]cty.Value, len(fields))
	for i, f := range fields {
		list[i] = cty.StringVal(f)
		g.used[f] = true
	}
	b.SetAttributeValue("fields", cty.ListVal(list))
}

// candidates are the unused fields that could feed an input: one list, or all
// scalars of its type.
func (g *guess) candidates(v model.Value) []string {
	text := v.Elem == model.String
	var scalars []string
	for _, f := range g.p.Peek.Fields {
		if g.used[f] {
			continue
		}
		if g.holds(f, record.Array) {
			if width(v) != 1 {
				return []string{f}
			}
			continue
		}
		if text == g.isText(f) {
			scalars = append(scalars, f)
		}
	}
	if n := width(v); n > 0 && text && len(scalars) > n {
		scalars = scalars[:n]
	}
	return scalars
}

// width is how many values a record gives to an input; 0: the model does not say.
func width(v model.Value) int {
	n := int64(1)
	for i, d := range v.Shape {
		if i > 0 {
			n *= max(d.Size, 0)
		}
	}
	return int(n)
}

// holds says whether the first record has a value of that kind.
func (g *guess) holds(field string, kind record.Kind) bool {
	for i, f := range g.p.Peek.Fields {
		if f == field && len(g.p.Peek.Rows) > 0 {
			return g.p.Peek.Rows[0][i].Kind == kind
		}
	}
	return false
}

// isText says whether most records hold text that is no number.
func (g *guess) isText(field string) bool {
	texts, seen := 0, 0
	for i, f := range g.p.Peek.Fields {
		if f != field {
			continue
		}
		for _, row := range g.p.Peek.Rows {
			switch v := row[i]; v.Kind {
			case record.Missing, record.Null:
			case record.String:
				seen++
				texts++
			case record.Cell:
				seen++
				if n, fail := record.ParseValue(v.Raw); fail != nil || n.Kind != record.Number {
					texts++
				}
			default:
				seen++
			}
		}
	}
	return 2*texts > seen
}

// Name makes a block label of a file's name.
func Name(file string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(file) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	if s := strings.Trim(b.String(), "_"); s != "" {
		return s
	}
	return "score"
}

// Input is the description of the data that New looks at.
func Input(source string) job.Input {
	return job.Input{Source: []string{source}, Empty: "error", CSV: job.Dialect{Header: true, Delimiter: ","}}
}
