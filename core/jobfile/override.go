package jobfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
)

// overrides reads the override blocks of a job: those of kinds first, since
// those of one provider win.
func (l *loader) overrides(block *body) []job.Override {
	var out []job.Override
	first := map[string]*body{}
	for _, b := range block.all(overrideName) {
		name := b.labels[0]
		b.path = fmt.Sprintf("override[%q].", name)
		if f := first[name]; f != nil {
			l.twice(b.at, fmt.Sprintf("override %q", name), f.at)
			continue
		}
		first[name] = b
		l.checkOverridden(b, name)
		done := l.about(l.subject + "/" + name)
		out = append(out, override(b, name))
		done()
	}
	slices.SortStableFunc(out, func(a, b job.Override) int {
		return cmp.Or(cmp.Compare(strings.Count(a.Provider, "."), strings.Count(b.Provider, ".")), cmp.Compare(a.Provider, b.Provider))
	})
	return out
}

// checkOverridden checks KIND or KIND.ALIAS.
func (l *loader) checkOverridden(b *body, name string) {
	kind, alias, one := strings.Cut(name, ".")
	ref := job.ProviderRef{Kind: kind, Alias: alias}
	switch {
	case !isKind(kind):
		l.add(problem(b.ranges[0], "Unknown provider", fmt.Sprintf("%q is no kind of provider.", kind),
			didYouMean(kind, kinds(), func(n string) string { return n })))
	case one && l.providers[ref] == nil:
		var all []string
		for r := range l.providers {
			all = append(all, r.String())
		}
		l.add(problem(b.ranges[0], "Unknown provider", fmt.Sprintf("There is no provider %q %q.", kind, alias),
			didYouMean(name, all, func(n string) string { return n })))
	}
}

func override(b *body, name string) job.Override {
	o := job.Override{Provider: name, Batching: batching(b.one("batching"))}
	c := b.one("compute")
	o.Compute.Instances, _, _ = c.integer("instances", 1)
	o.Compute.CPUs, _, _ = c.integer("cpus", 1)
	o.Compute.Memory = c.size("memory")
	o.Compute.Machine = c.filled("machine")
	if spot, _, p := c.boolean("spot"); p == given {
		o.Compute.Spot = &spot
	}
	if c.has("gpu") {
		gpu := c.one("gpu")
		o.Compute.GPU = &job.GPU{Type: gpu.filled("type")}
		o.Compute.GPU.Count, _, _ = gpu.integer("count", 1)
	}
	o.Env = environment(b)
	o.Labels, _, _ = b.textMap("labels")
	return o
}

// checkOverrides checks what only the merged job shows: a gpu block of an
// override may leave its type to the job.
func (l *loader) checkOverrides(r *resolved) {
	for _, o := range r.job.Overrides {
		kind, alias, _ := strings.Cut(o.Provider, ".")
		merged := r.job.On(job.ProviderRef{Kind: kind, Alias: alias})
		if gpu := merged.Compute.GPU; gpu != nil && gpu.Type == "" && (r.job.Compute.GPU == nil || r.job.Compute.GPU.Type != "") {
			l.add(problem(r.decl.rng, "Missing type", fmt.Sprintf("override[%q].compute.gpu.type is required, since the job has no gpu.", o.Provider), ""))
		}
	}
}
