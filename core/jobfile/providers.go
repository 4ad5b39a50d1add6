package jobfile

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/zclconf/go-cty/cty"
)

// provider is one provider block.
type provider struct {
	Provider
	body  *body
	value cty.Value
}

// providerType makes the type of a reference to a provider: opaque, so that it
// can be chosen and listed, but neither taken apart nor forged.
func providerType() cty.Type {
	text := func(v any) string {
		if r, ok := v.(*job.ProviderRef); ok {
			return r.String()
		}
		return ""
	}
	return cty.CapsuleWithOps("provider", reflect.TypeFor[job.ProviderRef](), &cty.CapsuleOps{
		GoString:  func(v any) string { return "provider." + text(v) },
		RawEquals: func(a, b any) bool { return text(a) == text(b) },
		HashKey:   text,
	})
}

func (l *loader) declareProvider(b *body) {
	alias, ok := l.label(b, 1, "provider")
	if !ok {
		return
	}
	ref := job.ProviderRef{Kind: b.labels[0], Alias: alias}
	if first := l.providers[ref]; first != nil {
		l.twice(b.at, fmt.Sprintf("provider %q %q", ref.Kind, ref.Alias), first.Range)
		return
	}
	l.providers[ref] = &provider{
		Provider: Provider{Kind: ref.Kind, Alias: alias, Range: b.at}, body: b, value: cty.CapsuleVal(l.provider, &ref),
	}
	l.order.providers = append(l.order.providers, ref)
}

// providerKind is the object of the aliases of one kind.
func (l *loader) providerKind(kind string) cty.Value {
	out := map[string]cty.Value{}
	for ref, p := range l.providers {
		if ref.Kind == kind {
			out[ref.Alias] = p.value
		}
	}
	return cty.ObjectVal(out)
}

// resolveProviders reads the fields of local providers. A job file without a
// provider block has one implicit provider, this machine.
func (l *loader) resolveProviders() {
	if len(l.order.providers) == 0 {
		// It is not declared, so nothing can refer to it: a provider block that
		// is added later takes its place without breaking a reference.
		l.offered = []Provider{{Kind: job.ImplicitKind, Alias: job.ImplicitAlias, Device: "auto"}}
	}
	for _, ref := range l.order.providers {
		p := l.providers[ref]
		if ref.Kind == job.ImplicitKind {
			p.Device = device(p.body.within(declared()))
		}
		l.offered = append(l.offered, p.Provider)
	}
}

func device(b *body) string {
	text, s, _ := b.text("device")
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		s.fail(fmt.Sprintf("%s names no device.", s.quote(text)), "Write auto, cpu, cuda, cuda:0, ...")
	}
	return text
}
