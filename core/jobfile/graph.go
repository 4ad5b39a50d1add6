package jobfile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// jobType makes the type of a job that is read or waited for: opaque, since all
// that is known of it before it has run is which one is meant.
func jobType() cty.Type {
	text := func(v any) string {
		if address, ok := v.(*string); ok {
			return *address
		}
		return ""
	}
	return cty.CapsuleWithOps("job", reflect.TypeFor[string](), &cty.CapsuleOps{
		GoString:  text,
		RawEquals: func(a, b any) bool { return text(a) == text(b) },
		HashKey:   text,
	})
}

// jobInstances are the jobs of a block, computed once.
func (l *loader) jobInstances(d *jobBlockDecl) (instances, bool) {
	if d.set == nil {
		set, ok := l.instances(d.body, "job")
		d.set, d.ok = &set, ok
	}
	return *d.set, d.ok
}

// jobRef is a job block as what is read or waited for: one job, or a collection
// of them.
func (l *loader) jobRef(d *jobBlockDecl) cty.Value {
	set, ok := l.jobInstances(d)
	if !ok {
		return cty.DynamicVal
	}
	all := make([]cty.Value, len(set.list))
	for i, in := range set.list {
		address := "job." + d.name + in.suffix
		all[i] = cty.CapsuleVal(l.job, &address)
	}
	return set.collect(all)
}

// jobAddress is the job that an opaque value stands for.
func (l *loader) jobAddress(v cty.Value) (string, bool) {
	if v.Type() != l.job || v.IsNull() {
		return "", false
	}
	address, ok := v.EncapsulatedValue().(*string)
	if !ok {
		return "", false
	}
	return *address, true
}

// severalHint says what to write where a block of several jobs stands for one.
func (s spot) severalHint(v cty.Value) string {
	if t := v.Type(); t.IsObjectType() || t.IsMapType() {
		return `Name one of its jobs, job.NAME["KEY"], or write values(job.NAME) for all of them.`
	}
	return s.write("job.NAME")
}

// dependsOn reads the jobs that must succeed first. A block of several jobs
// stands for all of them.
func (l *loader) dependsOn(b *body) ([]string, spot) {
	v, s, p := b.within(b.sc.reading()).raw("depends_on")
	if p != given {
		return nil, s
	}
	if !v.Type().IsListType() && !v.Type().IsTupleType() {
		s.fail(s.path+" takes a list of jobs, not "+article(v.Type())+".", "Write [job.NAME].")
		return nil, s
	}
	var out []string
	var add func(v cty.Value, deep bool)
	add = func(v cty.Value, deep bool) {
		address, ok := l.jobAddress(v)
		several := v.Type().IsObjectType() || v.Type().IsTupleType()
		switch {
		case ok && !slices.Contains(out, address):
			out = append(out, address)
		case ok:
			s.fail(fmt.Sprintf("%s names %s twice.", s.path, address), "")
		case several && !v.IsNull() && deep:
			for it := v.ElementIterator(); it.Next(); {
				_, e := it.Element()
				add(e, false)
			}
		default:
			s.fail(s.path+" takes references to jobs.", s.write("job.NAME"))
		}
	}
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		add(e, true)
	}
	return out, s
}

// connect tells jobs that read others where those publish.
func (l *loader) connect() {
	at := map[string]string{}
	for _, r := range l.resolved {
		at[r.job.Address] = r.job.Output.Destination
	}
	for _, r := range l.resolved {
		for i := range r.job.Input.From {
			from := &r.job.Input.From[i]
			from.Destination = at[from.Job]
		}
	}
}

// checkGraph reports jobs that wait for themselves, each ring once.
func (l *loader) checkGraph() {
	byAddress := map[string]*resolved{}
	for _, r := range l.resolved {
		byAddress[r.job.Address] = r
	}
	const unseen, open, done = 0, 1, 2
	state := map[string]int{}
	var path []string
	var visit func(address string)
	visit = func(address string) {
		r := byAddress[address]
		if r == nil || state[address] == done {
			return
		}
		if state[address] == open {
			ring := append(slices.Clone(path[slices.Index(path, address):]), address)
			l.add(problem(r.needs(ring[1]).rng, "Circular jobs", fmt.Sprintf("%s waits for itself: %s.", address, strings.Join(ring, " -> ")),
				"Jobs run in an order, so one of them must not need the next."))
			return
		}
		state[address] = open
		path = append(path, address)
		for _, next := range r.job.Needs() {
			visit(next)
		}
		path = path[:len(path)-1]
		state[address] = done
	}
	for _, r := range l.resolved {
		visit(r.job.Address)
	}
}

// needs is where a job says that it needs another one.
func (r *resolved) needs(address string) spot {
	for _, from := range r.job.Input.From {
		if from.Job == address {
			return r.source
		}
	}
	return r.dependsOn
}

// checkRegistration reports a registered model on a provider where it is not
// registered.
func (l *loader) checkRegistration(r *resolved) {
	names := r.job.Model.Registered
	if len(names) == 0 {
		return
	}
	for _, ref := range r.job.Placement.Providers {
		if names[ref.Kind] == "" {
			l.add(problem(r.decl.rng, "No such model there", fmt.Sprintf("%s may run on provider.%s, and model.%s is not registered on %s.",
				r.job.Address, ref, r.job.Model.Name, ref.Kind), "It is registered on "+listed(sortedKeys(names))+"."))
		}
	}
}
