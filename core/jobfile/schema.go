package jobfile

import "github.com/hashicorp/hcl/v2"

// State says how far a block, a field or a value of a field is built. Whatever
// the state, it is parsed, checked and resolved; what can not be run yet is
// refused by name when a job is submitted.
type State string

// The states.
const (
	Built       State = "built"
	DefaultOnly State = "default_only" // only the default can be run so far
	NotYet      State = "not_yet"
)

// Type is the type of a field as documentation shows it.
type Type string

// The types of fields.
const (
	String         Type = "string"
	Number         Type = "number"
	Bool           Type = "bool"
	Duration       Type = "duration"
	Size           Type = "size"
	Any            Type = "any"
	TypeExpr       Type = "type"
	Strings        Type = "list(string)"
	StringMap      Type = "map(string)"
	StringOrList   Type = "string or list(string)"
	ListOrMap      Type = "list(string) or map(string)"
	NumberOrString Type = "number or string"
	Literal        Type = "string, number or bool"
	LiteralOrMap   Type = "string, number, bool or a map of these by field"
	MapOrSet       Type = "map or set(string)"
	ModelRef       Type = "model"
	ProviderRef    Type = "provider"
	ProviderRefs   Type = "list(provider)"
	JobRefs        Type = "list(job)"
	StringsOrJobs  Type = "list(string or job)"
)

// Value is one value of a field that takes a fixed set of them.
type Value struct {
	Text  string `json:"text"`
	State State  `json:"state"`
}

// Field is one argument of a block.
type Field struct {
	Name     string  `json:"name"`
	Type     Type    `json:"type"`
	Default  string  `json:"default,omitempty"` // as text; empty: unset
	Values   []Value `json:"values,omitempty"`  // empty: anything of the type
	Required bool    `json:"required,omitempty"`
	State    State   `json:"state"`
	Doc      string  `json:"doc"`
}

// Block is one block and what it may hold.
type Block struct {
	Name     string   `json:"name"`
	Labels   []string `json:"labels,omitempty"` // what each label stands for
	Many     bool     `json:"many,omitempty"`   // may stand more than once
	Required bool     `json:"required,omitempty"`
	Open     bool     `json:"open,omitempty"` // takes fields of any name
	State    State    `json:"state"`
	Doc      string   `json:"doc"`
	Fields   []Field  `json:"fields,omitempty"`
	Blocks   []Block  `json:"blocks,omitempty"`
	Variants []Block  `json:"variants,omitempty"` // by first label; their fields stand beside Fields

	unchecked bool            // what is required is checked where the block is used
	body      *hcl.BodySchema // made once, by prepared
}

// Schema returns the whole language as one table: the root block holds what
// may stand at the top of a job file.
func Schema() Block {
	return prepared(Block{
		Name: "", State: Built, Doc: "a job file",
		Blocks: []Block{
			crossbatchBlock(), variableBlock(),
			{Name: "locals", Many: true, Open: true, State: Built, Doc: "named values, used as local.NAME"},
			providerBlock(), modelBlock(), jobBlock(), outputBlock(),
		},
	})
}

// prepared has the schemas of all blocks in HCL's terms.
func prepared(b Block) Block {
	b.body = b.hcl()
	for i := range b.Blocks {
		b.Blocks[i] = prepared(b.Blocks[i])
	}
	return b
}

// hcl is the schema in HCL's terms. What is required is checked here, not by
// HCL, whose message can not name the path.
func (b Block) hcl() *hcl.BodySchema {
	s := &hcl.BodySchema{}
	for _, f := range b.Fields {
		s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: f.Name})
	}
	for _, c := range b.Blocks {
		s.Blocks = append(s.Blocks, hcl.BlockHeaderSchema{Type: c.Name, LabelNames: c.Labels})
	}
	return s
}

func (b Block) field(name string) (Field, bool) {
	for _, f := range b.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

func (b Block) block(name string) (Block, bool) {
	for _, c := range b.Blocks {
		if c.Name == name {
			return c, true
		}
	}
	return Block{}, false
}

func (b Block) variant(name string) (Block, bool) {
	for _, v := range b.Variants {
		if v.Name == name {
			v.Fields = append(append([]Field(nil), b.Fields...), v.Fields...)
			v.unchecked = b.unchecked
			v.body = v.hcl()
			return v, true
		}
	}
	return Block{}, false
}

// names lists the fields and blocks that may stand in b.
func (b Block) names() []string {
	var out []string
	for _, f := range b.Fields {
		out = append(out, f.Name)
	}
	for _, c := range b.Blocks {
		out = append(out, c.Name)
	}
	return out
}

// values builds a set of values that are all in one state.
func values(s State, texts ...string) []Value {
	out := make([]Value, len(texts))
	for i, t := range texts {
		out[i] = Value{Text: t, State: s}
	}
	return out
}

// paths lists the dotted names of every field below b, for fields that name fields.
func (b Block) paths(prefix string) []string {
	var out []string
	for _, f := range b.Fields {
		out = append(out, prefix+f.Name)
	}
	for _, c := range b.Blocks {
		if c.Name == overrideName {
			continue
		}
		out = append(out, prefix+c.Name)
		out = append(out, c.paths(prefix+c.Name+".")...)
	}
	return out
}
