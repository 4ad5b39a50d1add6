package jobfile

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/zclconf/go-cty/cty"
)

// placement says where a job may run, from provider, placement, or the only
// provider there is.
func (l *loader) placement(b *body) job.Placement {
	block := b.one("placement")
	out := job.Placement{}
	out.Strategy, _, _ = block.text("strategy")
	out.Failover, _, _ = block.boolean("failover")
	out.Accept = accepted(block)
	v, s, p := b.raw("provider")
	switch {
	case p != absent && b.has("placement"):
		s.fail("A job has provider or placement, not both: provider is short for a placement with one provider.", "")
	case p == given:
		out.Providers = l.oneProvider(v, s)
	case p == absent && b.has("placement"):
		out.Providers = l.severalProviders(block)
	case p == absent:
		out.Providers = l.onlyProvider(b)
	}
	return out
}

// onlyProvider is the provider of a job that names none.
func (l *loader) onlyProvider(b *body) []job.ProviderRef {
	if len(l.offered) == 1 {
		return []job.ProviderRef{l.offered[0].Ref()}
	}
	names := make([]string, len(l.offered))
	for i, p := range l.offered {
		if p.Ref().String() == l.opts.Provider { // it is chosen later
			return []job.ProviderRef{p.Ref()}
		}
		names[i] = "provider." + p.Ref().String()
	}
	l.add(problem(b.at, "No provider chosen", fmt.Sprintf("The job names no provider, and there are %d: %s.", len(names), listed(names)),
		"Add to the job: provider = "+names[0]))
	return nil
}

func (l *loader) oneProvider(v cty.Value, s spot) []job.ProviderRef {
	ref, ok := l.providerRef(v)
	if !ok {
		s.fail(s.path+" takes a reference to a provider block.", s.write("provider.KIND.ALIAS"))
		return nil
	}
	return []job.ProviderRef{ref}
}

// providerRef is the provider that an opaque value stands for.
func (l *loader) providerRef(v cty.Value) (job.ProviderRef, bool) {
	if v.Type() != l.provider || v.IsNull() {
		return job.ProviderRef{}, false
	}
	ref, ok := v.EncapsulatedValue().(*job.ProviderRef)
	if !ok {
		return job.ProviderRef{}, false
	}
	return *ref, true
}

func (l *loader) severalProviders(b *body) []job.ProviderRef {
	v, s, p := b.raw("providers")
	if p != given {
		return nil
	}
	if !v.Type().IsListType() && !v.Type().IsTupleType() {
		s.fail(s.path+" takes a list of providers.", "Write [provider.KIND.ALIAS].")
		return nil
	}
	var out []job.ProviderRef
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		ref, ok := l.providerRef(e)
		switch {
		case !ok:
			s.fail(s.path+" takes references to provider blocks.", s.write("provider.KIND.ALIAS"))
		case slices.Contains(out, ref):
			s.fail(fmt.Sprintf("%s names provider.%s twice.", s.path, ref), "")
		default:
			out = append(out, ref)
		}
	}
	if v.LengthInt() == 0 {
		s.fail(s.path+" is empty.", "Name at least one provider.")
	}
	return out
}

// accepted reads the names of fields that may be lost.
func accepted(b *body) []string {
	list, s, p := b.texts("accept")
	if p != given {
		return nil
	}
	known := jobBlock().paths("")
	s.names(list, true)
	for _, name := range list {
		if name != "" && !slices.Contains(known, name) {
			s.fail(fmt.Sprintf("%s is no field of a job.", s.quote(name)), didYouMean(name, known, strconv.Quote))
		}
	}
	return list
}
