package jobfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// loader resolves one set of job files.
type loader struct {
	log
	later
	opts   Options
	schema Block
	src    source
	dir    string // absolute folder of the job files
	files  map[string]*hcl.File
	bodies []named

	env       map[string]string
	functions map[string]function.Function
	plain     hcl.EvalContext      // of what refers to nothing
	single    map[string]cty.Value // by root and name
	provider  cty.Type             // the opaque type of provider.KIND.ALIAS
	job       cty.Type             // the opaque type of a job, where it is read or waited for

	variables map[string]*variable
	locals    map[string]*lazy
	models    map[string]*model
	known     map[string]job.Model // by Model.Name
	providers map[job.ProviderRef]*provider
	jobs      map[string]*jobBlockDecl
	outputs   map[string]*body

	order    order
	pending  []string // locals and models being resolved, for cycles
	poisoned bool     // an unknown value was met, so some error must be there
	settings *body
	project  string
	ledger   string
	offered  []Provider // the places to run, the implicit one included
	resolved []*resolved
}

// order keeps declarations as the files have them.
type order struct {
	variables, locals, models, jobs, outputs []string
	providers                                []job.ProviderRef
}

func newLoader(src source, opts Options) *loader {
	l := &loader{
		opts: opts, schema: Schema(), src: src, files: map[string]*hcl.File{}, env: map[string]string{},
		variables: map[string]*variable{}, locals: map[string]*lazy{}, models: map[string]*model{}, known: map[string]job.Model{},
		providers: map[job.ProviderRef]*provider{}, jobs: map[string]*jobBlockDecl{}, outputs: map[string]*body{}, single: map[string]cty.Value{},
	}
	for _, kv := range opts.Environ {
		if k, v, ok := strings.Cut(kv, "="); ok {
			l.env[k] = v
		}
	}
	l.provider, l.job = providerType(), jobType()
	l.functions = l.library()
	l.plain.Functions = l.functions
	return l
}

func (l *loader) failed() bool { return l.list.HasErrors() }

// resolve turns the parsed files into a Set.
func (l *loader) resolve(autos []string) (*Set, Diagnostics) {
	if l.failed() {
		// What a file with a syntax error defines is not known, and every
		// reference to it would be reported.
		return l.finish()
	}
	l.declare()
	l.setVariables(autos)
	l.resolveSettings()
	for _, name := range l.order.locals {
		l.local(name)
	}
	for _, name := range l.order.models {
		l.model(name)
	}
	l.offerProviders()
	l.resolveJobs()
	l.connect()
	l.resolveProviders()
	l.checkPlaces()
	l.checkGraph()
	outputs := l.resolveOutputs()
	if l.poisoned && !l.failed() {
		l.add(problem(hcl.Range{}, "A value is not known", "Some value of the job file can not be computed before the run.", ""))
	}
	set, diags := l.finish()
	if !diags.HasErrors() {
		l.fill(set, outputs)
	}
	return set, diags
}

func (l *loader) finish() (*Set, Diagnostics) {
	return &Set{Project: l.project, Folder: l.dir, Ledger: l.ledger, Files: l.files}, l.sorted()
}

func (l *loader) fill(set *Set, outputs []Output) {
	set.Outputs = outputs
	set.Jobs = make([]job.Job, 0, len(l.resolved))
	set.ranges = make(map[string]hcl.Range, len(l.resolved))
	for _, r := range l.resolved {
		set.Jobs = append(set.Jobs, r.job)
		set.ranges[r.job.Address] = r.decl.rng
	}
	set.Providers = l.offered
	set.later = l.found
}

// declare collects what the files define, and reports what is defined twice.
func (l *loader) declare() {
	for _, f := range l.bodies {
		top := l.open(f.body, l.schema, "", hcl.Range{Filename: f.file}, scope{})
		for _, b := range top.blocks {
			l.declareBlock(top.child(b))
		}
	}
	if len(l.order.jobs) == 0 && !l.failed() {
		names := make([]string, len(l.bodies))
		for i, f := range l.bodies {
			names[i] = f.file
		}
		l.add(problem(hcl.Range{}, "No job", fmt.Sprintf("There is no job block in %s.", listed(names)), "Write: job \"NAME\" { ... }"))
	}
}

func (l *loader) declareBlock(b *body) {
	switch b.spec.Name {
	case "crossbatch":
		if l.settings != nil {
			l.twice(b.at, "the crossbatch block", l.settings.at)
			return
		}
		l.settings = b
	case "variable":
		l.declareVariable(b)
	case "locals":
		l.declareLocals(b)
	case "provider":
		l.declareProvider(b)
	case "model":
		l.declareModel(b)
	case "job":
		l.declareJob(b)
	case "output":
		name, ok := l.label(b, 0, "output")
		if first := l.outputs[name]; ok && first != nil {
			l.twice(b.at, fmt.Sprintf("output %q", name), first.at)
		} else if ok {
			l.outputs[name] = b
			l.order.outputs = append(l.order.outputs, name)
		}
	}
}

// twice reports the second definition of a thing.
func (l *loader) twice(second hcl.Range, what string, first hcl.Range) {
	l.add(problem(second, "Defined twice", fmt.Sprintf("%s is defined at %s already.", upperFirst(what), place(first)), "Rename or remove one of them."))
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func keysOf[K comparable, V any](m map[K]V) []K { return slices.Collect(maps.Keys(m)) }
