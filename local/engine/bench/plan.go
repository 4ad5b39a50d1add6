package main

import (
	"fmt"
	"strings"
)

// network is a model of the benchmark. models/<name>.onnx is in the program,
// and so is models/free-<name>.onnx, which has the same inputs and outputs and
// does next to nothing.
type network struct {
	name    string
	base    string  // models/<base>.csv.gz: the rows to sample from
	tensor  string  // its input
	shape   []int64 // of a record
	outputs []string
}

func (n network) width() int {
	w := 1
	for _, d := range n.shape {
		w *= int(d)
	}
	return w
}

// shapeText is the shape as peers take it.
func (n network) shapeText() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(n.shape), " ", ","), "[]")
}

func networks() []network {
	return []network{
		{"mlp", "breast_cancer", "features", []int64{30}, []string{"probability"}},
		{"trees", "breast_cancer", "features", []int64{30}, []string{"label", "probabilities"}},
		{"cnn", "digits", "image", []int64{1, 8, 8}, []string{"probabilities"}},
	}
}

func networkNamed(name string) (network, error) {
	for _, n := range networks() {
		if n.name == name {
			return n, nil
		}
	}
	return network{}, fmt.Errorf("no model %q", name)
}

// format is a kind of input file.
type format string

const (
	jsonl6  format = "jsonl6"  // numbers with 6 significant digits
	jsonl17 format = "jsonl17" // as float64 prints in full
	csv6    format = "csv"
	parquet format = "parquet"
)

// extension is the end of the file's name; crossbatch tells formats by it.
func (f format) extension() string {
	switch f {
	case jsonl6, jsonl17:
		return ".jsonl"
	}
	return "." + string(f)
}

// wide says that each value is a column of its own.
func (f format) wide() bool { return f == csv6 || f == parquet }

// goals are what is hoped for; 0: nothing in particular.
type goals struct {
	node, plain, cores float64
}

// scenario is a row of the plan: one model on one file.
type scenario struct {
	network
	format format
	goals  goals
}

func (s scenario) String() string { return s.name + " " + string(s.format) }

// tensorFlag is how score is told which fields feed the model; "" where it finds
// them by itself.
func (s scenario) tensorFlag() string {
	switch {
	case s.format.wide():
		return s.tensor + "=" + strings.Join(columns(s.width()), ",")
	case s.tensor != featuresField:
		return s.tensor + "=" + featuresField
	}
	return ""
}

// featuresField holds the numbers of a JSON record.
const featuresField = "features"

// columns are the names of n columns.
func columns(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("f%d", i)
	}
	return names
}

// Goals that hold for every scenario.
const (
	goalCeiling = 0.85      // of what reading, scoring and writing allow one after another
	goalMemory  = 150 << 20 // bytes, besides the model
)

func scenarios() []scenario {
	n := networks()
	mlp, trees, cnn := n[0], n[1], n[2]
	return []scenario{
		{mlp, jsonl6, goals{node: 8, plain: 15, cores: 1.8}},
		{mlp, jsonl17, goals{node: 5}},
		{mlp, csv6, goals{}},
		{mlp, parquet, goals{}},
		{trees, jsonl6, goals{node: 3.5}},
		{trees, parquet, goals{}},
		{cnn, jsonl6, goals{}},
	}
}

// subject is what is measured on a scenario.
type subject string

const (
	rawORT  subject = "a1"
	free    subject = "a2"
	product subject = "b"
	oneCore subject = "b1"
	node    subject = "c"
	plainGo subject = "d"
)

func (s subject) title() string {
	return map[subject]string{
		rawORT:  "ONNX Runtime alone, all cores",
		free:    "reading and writing alone",
		product: "**crossbatch**",
		oneCore: "crossbatch, one core",
		node:    "Node, onnxruntime-node",
		plainGo: "Go, standard library",
	}[s]
}

// subjects are what a scenario is measured on, in the order of the table.
func (s scenario) subjects() []subject {
	list := []subject{rawORT, free, product}
	if s.goals.cores > 0 {
		list = append(list, oneCore)
	}
	if s.format != parquet { // the peers read text
		list = append(list, node, plainGo)
	}
	return list
}
