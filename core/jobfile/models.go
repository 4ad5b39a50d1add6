package jobfile

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
)

// model is one model block.
type model struct {
	lazy
	name string
	body *body
}

func (l *loader) declareModel(b *body) {
	name, ok := l.label(b, 0, "model")
	if !ok {
		return
	}
	if first := l.models[name]; first != nil {
		l.twice(b.at, fmt.Sprintf("model %q", name), first.rng)
		return
	}
	l.models[name] = &model{name: name, body: b, lazy: lazy{rng: b.at}}
	l.order.models = append(l.order.models, name)
}

// model is the value of a model that exists: its name and artifact.
func (l *loader) model(name string) cty.Value {
	m := l.models[name]
	return l.force("model."+name, &m.lazy, func() cty.Value { return l.resolveModel(m) })
}

func (l *loader) resolveModel(m *model) cty.Value {
	artifact, s, p := m.body.within(declared()).text("artifact")
	if p == absent {
		if m.body.refused {
			l.poisoned = true
			return cty.DynamicVal
		}
		m.body.missing("artifact")
	}
	if p != given {
		return cty.DynamicVal
	}
	path, ok := s.localPath(artifact)
	if !ok {
		return cty.DynamicVal
	}
	v := cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(m.name), "artifact": cty.StringVal(path)})
	if s.secret {
		return v.Mark(sensitive)
	}
	return v
}
