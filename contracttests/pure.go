package contracttests

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// pure: what a backend says without calling its service.
var pure = []Invariant{
	{"translate_is_deterministic", translateDeterministic},
	{"translate_aliases_nothing", translateAliases},
	{"requests_are_well_formed", requestsWellFormed},
	{"draft_is_what_is_sent", draftIsSent},
	{"findings_are_total", findingsTotal},
	{findingsHold, findingsAreTrue},
}

const findingsHold = "findings_hold"

// full is a spec with something in every field.
func (p *place) full() provider.Spec {
	s, _ := plain("full", 1, 2, 3)
	d := p.desired(s)
	j := &d.Job
	j.Batching = job.Batching{Records: 7, Concurrency: 2}
	j.Compute = job.Compute{Instances: 1, CPUs: 2, Memory: job.GiB}
	j.Limits = job.Limits{Timeout: time.Hour, FailedRecords: &job.Tolerance{Count: 3}, Retries: 1}
	j.Env, j.Labels = map[string]string{"A": "1", "B": "2"}, map[string]string{"team": "growth", "tier": "x"}
	spec := p.spec(d)
	spec.Budget = time.Hour
	return spec
}

// altered is the full spec with changes, and with what follows of them.
func (p *place) altered(changes ...func(*provider.Spec)) provider.Spec {
	p.t.Helper()
	spec := p.full()
	for _, change := range changes {
		change(&spec)
	}
	return p.lay(spec)
}

// draftIsSent: what is shown of a run before it begins, without the service's facts,
// is what is sent when it does.
func draftIsSent(t T, h Harness) {
	p := newPlace(t, h)
	s, _ := plain("drafted", 6, 2, 1, 3)
	d := p.desired(s)
	draft, err := broker.NewDraft(p.backend(), p.openLedger().ID(), d, false)
	p.must(err)
	var mu sync.Mutex
	sent := map[string]provider.Request{}
	m := &tamper{before: func(c call) error {
		if c.Op == "send" {
			mu.Lock()
			defer mu.Unlock()
			sent[c.Request.ID] = c.Request
		}
		return nil
	}}
	b := p.broker(m)
	r := p.submit(b, d)
	if draft.Run != r.ID {
		t.Errorf("the draft is of run %s, begun is %s", draft.Run, r.ID)
	}
	for _, q := range draft.Translation.Requests {
		got, ok := sent[q.ID]
		if strings.Contains(string(q.Body), `"$ref"`) || strings.HasPrefix(q.Target, "${") { // known late
			got.Body, got.Target = q.Body, q.Target
		}
		if !ok && q.Role == provider.Start || ok && !reflect.DeepEqual(got, q) {
			t.Errorf("shown was\n%+v\nsent was\n%+v", q, got)
		}
	}
	p.ended(p.finish(b, r.Key), broker.Succeeded)
}

func (p *place) translate(be provider.Backend, s provider.Spec) string {
	p.t.Helper()
	t, err := be.Translate(s)
	if err != nil {
		p.t.Fatalf("translate: %v", err)
	}
	text, err := json.Marshal(t)
	p.must(err)
	return string(text)
}

func translateDeterministic(t T, h Harness) {
	p := newPlace(t, h)
	spec := p.full()
	want := p.translate(p.backend(), spec)
	for range 20 { // maps go round in another order each time
		if got := p.translate(p.backend(), spec); got != want {
			t.Fatalf("one spec has two translations:\n%s\n%s", want, got)
		}
	}
}

func translateAliases(t T, h Harness) {
	p := newPlace(t, h)
	spec, be := p.full(), p.backend()
	want := p.translate(be, spec)
	got, err := be.Translate(spec)
	p.must(err)
	// The caller may do with the answer, and afterwards with the spec, as it likes.
	for i := range got.Requests {
		q := &got.Requests[i]
		for k := range q.Header {
			q.Header[k] = "spoilt"
		}
		for k := range q.Body {
			q.Body[k] = 'x'
		}
	}
	if again := p.translate(be, spec); again != want {
		t.Errorf("spoiling a translation changes the next one")
	}
	kept, err := be.Translate(spec)
	p.must(err)
	spec.Job.Env["A"], spec.Job.Labels["team"] = "spoilt", "spoilt"
	spec.Job.Input.Source[0], spec.Input.Shards[0].URI, spec.Input.Take[0] = "spoilt", "spoilt", 1
	if l := spec.Staged; l != nil {
		for k := range l.Mapping {
			l.Mapping[k] = 'x'
		}
		for k := range l.Entries {
			l.Entries[k] = provider.Entry{URI: "spoilt"}
		}
	}
	text, err := json.Marshal(kept)
	p.must(err)
	if string(text) != want {
		t.Errorf("spoiling the spec changes a translation that was made before")
	}
}

func requestsWellFormed(t T, h Harness) {
	p := newPlace(t, h)
	spec := p.full()
	translation, err := p.backend().Translate(spec)
	p.must(err)
	ids, parts, ensuring := map[string]bool{}, 0, true
	for _, q := range translation.Requests {
		switch {
		case q.ID == "" || ids[q.ID]:
			t.Errorf("request id %q is empty, or stands there twice", q.ID)
		case q.Role != provider.Ensure && q.Role != provider.Start:
			t.Errorf("%s has the role %q", q.ID, q.Role)
		case q.Role == provider.Ensure && !ensuring:
			t.Errorf("%s ensures after a start", q.ID)
		case q.Op == "":
			t.Errorf("%s names no operation", q.ID)
		}
		ids[q.ID] = true
		var v any
		if err := json.Unmarshal(q.Body, &v); err != nil {
			t.Errorf("the body of %s: %v", q.ID, err)
		} else if canonical, err := provider.Canonical(json.RawMessage(q.Body)); err != nil || string(canonical) != string(q.Body) {
			t.Errorf("the body of %s is no canonical JSON: %s", q.ID, q.Body)
		}
		if q.Role != provider.Start {
			continue
		}
		ensuring = false
		if q.Part != parts {
			t.Errorf("%s is part %d, want %d", q.ID, q.Part, parts)
		}
		parts++
		if want := provider.NativeName(spec.Job.Address, spec.Run, spec.Attempt, q.Part, q.Parts); q.Name != "" && q.Name != want {
			t.Errorf("%s is named %q, want %q", q.ID, q.Name, want)
		}
	}
	for _, q := range translation.Requests {
		if q.Role == provider.Start && q.Parts != parts {
			t.Errorf("%s is one of %d parts, there are %d", q.ID, q.Parts, parts)
		}
	}
	if parts == 0 {
		t.Errorf("the translation starts nothing")
	}
}

func findingsTotal(t T, h Harness) {
	p := newPlace(t, h)
	levels := []provider.Level{provider.Exact, provider.Emulated, provider.Watched, provider.Lost}
	var got []string
	for _, f := range p.backend().Check(p.full()) {
		got = append(got, f.Field)
		if !slices.Contains(levels, f.Level) {
			t.Errorf("%s has the level %q", f.Field, f.Level)
		}
		if f.Level == provider.Lost && f.Message == "" {
			t.Errorf("%s is lost, and nobody is told why", f.Field)
		}
	}
	if !slices.Equal(got, provider.Fields()) {
		t.Errorf("the findings are of\n%q, want one for each of\n%q", got, provider.Fields())
	}
}

// alterations change one field of a spec each.
var alterations = map[string]func(s *provider.Spec){
	"model.artifact": func(s *provider.Spec) { s.Model.Artifact += "x"; s.Model.Digest = strings.Repeat("5a", 32) },
	"model.container": func(s *provider.Spec) {
		s.Job.Model.Artifact, s.Job.Model.Container = "", &job.Container{Image: "r/x@sha256:01", ContentType: job.ContentJSONL}
	},
	"model.registered": func(s *provider.Spec) {
		s.Job.Model.Artifact, s.Job.Model.Registered = "", map[string]string{s.Job.Placement.Providers[0].Kind: "churn-v3"}
	},
	"input.partitions": func(s *provider.Spec) { s.Job.Input.Partitions = job.PartitionsHive },
	"input.source": func(s *provider.Spec) {
		folder, name := storage.Split(s.Input.Shards[0].URI)
		s.Input.Shards[0].URI = storage.Join(folder, "x"+name)
	},
	"input.format":          func(s *provider.Spec) { s.Input.Format, s.Job.Input.Format = job.CSV, job.CSV },
	"input.key":             func(s *provider.Spec) { s.Job.Input.Key = []string{"name"} },
	"input.csv":             func(s *provider.Spec) { s.Job.Input.CSV.Delimiter = ";" }, // see given
	"input.tensor":          func(s *provider.Spec) { s.Job.Input.Tensors[0].Fields = []string{"c", "b", "a"} },
	"input.limit":           func(s *provider.Spec) { s.Job.Input.Limit = 1 },
	"output.format":         func(s *provider.Spec) { s.Job.Output.Format = job.CSV },
	"output.compression":    func(s *provider.Spec) { s.Job.Output.Compression = "gzip" },
	"output.keep":           func(s *provider.Spec) { s.Job.Output.Keep = nil },
	"output.select":         func(s *provider.Spec) { s.Job.Output.Select = []job.Selection{{Name: "z", Path: "y[1]"}} },
	"batching.records":      func(s *provider.Spec) { s.Job.Batching.Records++ },
	"batching.concurrency":  func(s *provider.Spec) { s.Job.Batching.Concurrency++ },
	"limits.timeout":        func(s *provider.Spec) { s.Job.Limits.Timeout *= 2; s.Budget *= 2 },
	"limits.failed_records": func(s *provider.Spec) { s.Job.Limits.FailedRecords = &job.Tolerance{Count: 4} },
	"batching.payload":      func(s *provider.Spec) { s.Job.Batching.Payload = job.MiB },
	"compute.instances":     func(s *provider.Spec) { s.Job.Compute.Instances++ },
	"compute.cpus":          func(s *provider.Spec) { s.Job.Compute.CPUs *= 8 },
	"compute.memory":        func(s *provider.Spec) { s.Job.Compute.Memory *= 64 },
	"compute.spot":          func(s *provider.Spec) { s.Job.Compute.Spot = true },
	"compute.machine":       func(s *provider.Spec) { s.Job.Compute.Machine = "large" },
	"compute.gpu":           func(s *provider.Spec) { s.Job.Compute.GPU = &job.GPU{Type: "nvidia-t4", Count: 1} },
	"env":                   func(s *provider.Spec) { s.Job.Env["A"] = "3" },
}

// given is what has to be set before an alteration means anything.
var given = map[string]func(s *provider.Spec){
	"input.csv": func(s *provider.Spec) { s.Input.Format, s.Job.Input.Format = job.CSV, job.CSV },
}

// handled are the fields that core honours alone, whatever the backend does with
// them; other invariants and core's own tests hold them.
var handled = map[string]string{
	"input.empty":        "judged when the input is listed",
	"input.staging":      "decides where the shards lie that the backend is given",
	"output.destination": "core/collect writes it",
	"output.existing":    "core/collect judges it",
	"limits.retries":     "died_is_retried",
	"limits.cost":        "judged before a run begins",
	"placement.failover": "the next attempt's backend",
	"labels":             "recorded in the ledger",
}

// sizing are the fields that size or name machines: a place without machines to
// choose from may emulate them without a trace.
var sizing = []string{"compute.instances", "compute.cpus", "compute.memory", "compute.spot", "compute.machine", "compute.gpu", "batching.payload", "env"}

// findingsAreTrue changes one field after the other: what is exact or emulated
// shows in the translation, what is lost does not. What is watched is the broker's.
func findingsAreTrue(t T, h Harness) {
	p := newPlace(t, h)
	be := p.backend()
	for _, f := range provider.Fields() {
		if _, ok := h.Except[findingsHold+"/"+f]; ok {
			continue
		}
		alter := alterations[f]
		if alter == nil {
			if handled[f] == "" {
				t.Errorf("%s: the suite neither changes it nor says why not", f)
			}
			continue
		}
		before := given[f]
		if before == nil {
			before = func(*provider.Spec) {}
		}
		unchanged, spec := p.altered(before), p.altered(before, alter)
		base := p.translate(be, unchanged)
		if reflect.DeepEqual(spec, unchanged) {
			t.Errorf("%s: the suite's change changes nothing", f)
		}
		var found provider.Finding
		for _, g := range be.Check(spec) {
			if g.Field == f {
				found = g
			}
		}
		translation, err := be.Translate(spec)
		if err != nil {
			if found.Level != provider.Lost {
				t.Errorf("%s is %s, and changing it cannot be translated: %v", f, found.Level, err)
			}
			continue
		}
		text, err := json.Marshal(translation)
		p.must(err)
		changed := string(text) != base
		switch {
		case found.Level == provider.Lost && changed:
			t.Errorf("%s is said to be lost, and changes what is sent", f)
		case (found.Level == provider.Exact || found.Level == provider.Emulated) && !changed && !slices.Contains(sizing, f):
			t.Errorf("%s is said to be %s, and changes nothing of what is sent", f, found.Level)
		}
	}
}
