package jobfile

import (
	"fmt"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/zclconf/go-cty/cty"
)

// model is one model block; it stands for any number of models.
type model struct {
	lazy
	name string
	body *body
	set  *instances // nil until they are known, and after an error
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

// model is the value of a model block that exists: one model, or a collection
// of them.
func (l *loader) model(name string) cty.Value {
	m := l.models[name]
	return l.force("model."+name, &m.lazy, func() cty.Value { return l.resolveModel(m) })
}

func (l *loader) resolveModel(m *model) cty.Value {
	set, ok := l.instances(m.body, "model")
	if !ok || len(set.list) == 0 {
		before := l.poisoned
		l.modelInstance(m, set.unknown)
		l.poisoned = before
		if !ok {
			l.poisoned = true
			return cty.DynamicVal
		}
		m.set = &set
		return set.collect(nil)
	}
	m.set = &set
	all := make([]cty.Value, len(set.list))
	for i, in := range set.list {
		all[i] = l.modelInstance(m, in)
	}
	return set.collect(all)
}

// modelInstance resolves one model. What is wrong with it is reported, and
// makes it unknown.
func (l *loader) modelInstance(m *model, in instance) cty.Value {
	sc := declared()
	sc.each, sc.count = in.each, in.count
	b := m.body.within(sc)
	out := job.Model{Name: m.name + in.suffix}
	defer l.about("model." + out.Name)()
	artifact, s, p := b.text("artifact")
	registered, rs, rp := b.textMap("registered")
	forms := 0
	for _, there := range []bool{p != absent, rp != absent, b.has("container")} {
		if there {
			forms++
		}
	}
	secret := s.secret || rs.secret
	good := p != broken && rp != broken && forms == 1
	switch {
	case forms == 0:
		l.add(problem(b.at, "Missing artifact", "A model is given by artifact, container or registered.", "For an ONNX file write artifact = PATH."))
	case forms > 1:
		l.add(problem(b.at, "Several models in one", "A model is given by one of artifact, container and registered.", "Make a model block of each."))
	case p == given:
		out.Artifact, good = s.place(artifact)
	case rp == given:
		out.Registered, good = registered, checkRegistered(registered, rs)
	case b.has("container"):
		out.Container, secret, good = l.container(b.one("container"))
	}
	if !good {
		l.poisoned = true
		return cty.DynamicVal
	}
	l.known[out.Name] = out
	v := modelValue(out)
	if secret {
		return v.Mark(sensitive)
	}
	return v
}

// container reads a model in the user's own image. Its digest is part of the
// fingerprint, so a tag alone, which can move, is no name for it.
func (l *loader) container(b *body) (c *job.Container, secret, good bool) {
	c = &job.Container{}
	image, s, p := b.text("image")
	artifact, as, ap := b.text("artifact")
	content, _, cp := b.text("content_type")
	c.Image, c.ContentType = image, content
	good = p == given && ap != broken && cp != broken
	if p == given && !pinned(image) {
		s.fail(fmt.Sprintf("%s does not name an image by its digest.", s.quote(image)), "Write NAME@sha256:DIGEST: a tag can move to another image.")
		good = false
	}
	if ap == given {
		var ok bool
		c.Artifact, ok = as.place(artifact)
		good = good && ok
	}
	return c, s.secret || as.secret, good
}

// pinned says whether an image is named by a digest.
func pinned(image string) bool {
	name, digest, ok := strings.Cut(image, "@sha256:")
	return ok && name != "" && digest != "" && strings.Trim(digest, "0123456789abcdef") == "" && !strings.ContainsAny(name, " \t\r\n@")
}

// checkRegistered checks the kinds of a registered model, and the form that
// Azure ML's deployments need.
func checkRegistered(names map[string]string, s spot) bool {
	good := len(names) > 0
	if !good {
		s.fail(s.path+" is empty.", "Write registered = { KIND = NAME }.")
	}
	for _, kind := range sortedKeys(names) {
		name := names[kind]
		switch {
		case kind == kindLocal:
			s.fail("A model can not be registered on local: nothing keeps models there.", "Use artifact.")
		case !isKind(kind):
			s.fail(fmt.Sprintf("%s is no kind of provider.", s.quote(kind)), didYouMean(kind, kinds(), func(n string) string { return n }))
		case name == "":
			s.fail(fmt.Sprintf("The model on %s has no name.", kind), "")
		case kind == kindAzureML && !isDeployment(name):
			s.fail(fmt.Sprintf("%s is not ENDPOINT/DEPLOYMENT.", s.quote(name)), "On azureml a registered model is a deployment of a batch endpoint.")
		default:
			continue
		}
		good = false
	}
	return good
}

func isDeployment(name string) bool {
	endpoint, deployment, ok := strings.Cut(name, "/")
	return ok && endpoint != "" && deployment != "" && !strings.Contains(deployment, "/")
}

// modelValue is what a reference to a model gives. Every model has the same
// type, so that a conditional can choose between two of different forms.
func modelValue(m job.Model) cty.Value {
	containerType := cty.Object(map[string]cty.Type{"image": cty.String, "artifact": cty.String, "content_type": cty.String})
	attrs := map[string]cty.Value{
		"name": cty.StringVal(m.Name), "artifact": textOrNull(m.Artifact),
		"container": cty.NullVal(containerType), "registered": cty.NullVal(cty.Map(cty.String)),
	}
	if c := m.Container; c != nil {
		attrs["container"] = cty.ObjectVal(map[string]cty.Value{
			"image": cty.StringVal(c.Image), "artifact": textOrNull(c.Artifact), "content_type": cty.StringVal(c.ContentType),
		})
	}
	if len(m.Registered) > 0 {
		names := map[string]cty.Value{}
		for kind, name := range m.Registered {
			names[kind] = cty.StringVal(name)
		}
		attrs["registered"] = cty.MapVal(names)
	}
	return cty.ObjectVal(attrs)
}

func textOrNull(s string) cty.Value {
	if s == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(s)
}

// jobModel reads a job's reference to a model.
func (l *loader) jobModel(b *body) job.Model {
	v, s, p := b.raw("model")
	if p != given {
		return job.Model{}
	}
	if v.Type().IsObjectType() && v.Type().HasAttribute("name") && v.Type().HasAttribute("registered") {
		if name := v.GetAttr("name"); name.Type() == cty.String && !name.IsNull() {
			if m, ok := l.known[name.AsString()]; ok {
				return m
			}
		}
	}
	hint := s.write("model.NAME")
	if r, ok := b.refersTo("model", rootModel); ok && (v.Type().IsObjectType() || v.Type().IsTupleType()) {
		hint = fmt.Sprintf("model.%s stands for several models: write model.%[1]s[KEY].", r)
	}
	s.fail("model takes a reference to a model block.", hint)
	return job.Model{}
}

// refersTo is the name of the first thing of a kind that a field refers to.
func (b *body) refersTo(field, root string) (string, bool) {
	for _, t := range b.attrs[field].Expr.Variables() {
		if name, ok := (reference{t}).name(1); ok && t.RootName() == root {
			return name, true
		}
	}
	return "", false
}
