package jobfile

import (
	"encoding/json"
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

// offerProviders lists the places to run. A job file without a provider block
// has one implicit provider, this machine.
func (l *loader) offerProviders() {
	if len(l.order.providers) == 0 {
		// It is not declared, so nothing can refer to it: a provider block that
		// is added later takes its place without breaking a reference.
		l.offered = []Provider{{Kind: job.ImplicitKind, Alias: job.ImplicitAlias, Device: "auto"}}
	}
	for _, ref := range l.order.providers {
		l.offered = append(l.offered, l.providers[ref].Provider)
	}
}

// resolveProviders reads the fields of the providers that some job may run on.
// The others are for another day, and another day's variables.
func (l *loader) resolveProviders() {
	reached := map[job.ProviderRef]bool{}
	for _, r := range l.resolved {
		for _, ref := range r.job.Placement.Providers {
			reached[ref] = true
		}
	}
	for i := range l.offered {
		p := &l.offered[i]
		declared := l.providers[p.Ref()]
		if declared == nil || !reached[p.Ref()] && p.Ref().String() != l.opts.Provider {
			continue
		}
		l.resolveProvider(p, declared.body)
	}
}

// resolveProvider checks a provider block and keeps what it says. What a value
// means to a service is for the provider to check.
func (l *loader) resolveProvider(p *Provider, block *body) {
	b := block.within(declared())
	defer l.about("provider." + p.Ref().String())()
	b.checkRequired()
	if p.Kind == job.ImplicitKind {
		p.Device = device(b)
	}
	config := map[string]json.RawMessage{}
	for _, f := range b.spec.Fields {
		if text, ok := b.configured(f, p.Kind); ok {
			config[f.Name] = text
		}
	}
	if text, err := json.Marshal(config); err == nil && p.Kind != job.ImplicitKind {
		p.Config = text
	}
}

// configured is the value of a field of a provider block as JSON.
func (b *body) configured(f Field, kind string) (json.RawMessage, bool) {
	var value any
	switch f.Type {
	case String:
		text, s, p := b.text(f.Name)
		if p != given {
			return nil, false
		}
		if f.Name == "staging" {
			text = stagingPlace(s, text, kind)
		} else if text == "" {
			s.fail(s.path+" is empty.", "")
		}
		value = text
	case Bool:
		yes, _, p := b.boolean(f.Name)
		if p != given {
			return nil, false
		}
		value = yes
	case Strings:
		list, s, p := b.texts(f.Name)
		if p != given {
			return nil, false
		}
		s.names(list, true)
		value = list
	case StringMap:
		m, _, p := b.textMap(f.Name)
		if p != given {
			return nil, false
		}
		value = m
	case Duration:
		d := b.duration(f.Name)
		if d == 0 {
			return nil, false
		}
		value = d.String()
	default:
		return nil, false
	}
	text, err := json.Marshal(value)
	return text, err == nil
}

// stagingPlace checks the prefix that a cloud's staged files lie under: it is in
// that cloud's own object store.
func stagingPlace(s spot, text, kind string) string {
	stores := map[string]string{kindSageMaker: "s3", kindVertex: "gs", kindAzureML: "azblob", kindOCI: "oci"}
	if uri, ok := scheme(text); !ok || uri != stores[kind] {
		s.fail(fmt.Sprintf("%s is no place that %s can read.", s.quote(text), kind), fmt.Sprintf("Write %s://BUCKET/PREFIX.", stores[kind]))
		return ""
	}
	folder, _ := s.folderPlace(text)
	return folder
}

func device(b *body) string {
	text, s, _ := b.text("device")
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		s.fail(fmt.Sprintf("%s names no device.", s.quote(text)), "Write auto, cpu, cuda, cuda:0, ...")
	}
	return text
}
