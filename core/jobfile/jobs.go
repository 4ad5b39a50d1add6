package jobfile

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// jobBlockDecl is one job block; it stands for any number of jobs.
type jobBlockDecl struct {
	name  string
	rng   hcl.Range
	body  *body
	set   *instances // nil until something asks for them
	ok    bool       // of set
	value cty.Value  // what job.NAME is in output blocks
}

// resolved is one job and where its paths stand, for checks among jobs.
type resolved struct {
	job         job.Job
	decl        *jobBlockDecl
	destination spot
	source      spot
	dependsOn   spot
}

func (l *loader) declareJob(b *body) {
	name, ok := l.label(b, 0, "job")
	if !ok {
		return
	}
	if first := l.jobs[name]; first != nil {
		l.twice(b.at, fmt.Sprintf("job %q", name), first.rng)
		return
	}
	l.jobs[name] = &jobBlockDecl{name: name, rng: b.at, body: b, value: cty.DynamicVal}
	l.order.jobs = append(l.order.jobs, name)
}

// fewJobs is how many blocks are not worth another goroutine.
const fewJobs = 64

// resolveJobs resolves every job, several blocks at a time: by now all that
// jobs refer to is known, so that they share nothing that changes.
func (l *loader) resolveJobs() {
	for _, name := range l.order.jobs {
		l.jobInstances(l.jobs[name])
	}
	all := make([][]*resolved, len(l.order.jobs))
	forks := make([]*loader, min(runtime.GOMAXPROCS(0), len(all)/fewJobs+1))
	var next atomic.Int64
	var workers sync.WaitGroup
	for w := range forks {
		forks[w] = l.fork()
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
				all[i] = forks[w].resolveJob(l.jobs[l.order.jobs[i]])
			}
		})
	}
	workers.Wait()
	for _, f := range forks {
		l.join(f)
	}
	for _, some := range all {
		for _, r := range some {
			r.destination.l, r.source.l, r.dependsOn.l = l, l, l
			l.resolved = append(l.resolved, r)
		}
	}
}

// fork is a loader that reads what l knows, and keeps what it finds to itself.
func (l *loader) fork() *loader {
	f := *l
	f.log, f.later, f.poisoned = log{}, later{}, false
	f.single = map[string]cty.Value{}
	return &f
}

// join adds what a fork has found.
func (l *loader) join(f *loader) {
	l.log.join(&f.log)
	l.poisoned = l.poisoned || f.poisoned
	for subject, found := range f.found {
		if l.found == nil {
			l.found = map[string][]*hcl.Diagnostic{}
		}
		l.found[subject] = append(l.found[subject], found...)
	}
}

// resolveJob resolves every instance of a job block.
func (l *loader) resolveJob(d *jobBlockDecl) []*resolved {
	set, ok := l.jobInstances(d)
	if !ok || len(set.list) == 0 {
		// There is nothing to run, but faults inside are shown all the same;
		// that each.key is not known is none.
		before := l.poisoned
		l.resolveInstance(d, set.unknown)
		l.poisoned = before
		if ok {
			d.value = set.collect(nil)
		}
		return nil
	}
	seen := make([]cty.Value, len(set.list))
	all := make([]*resolved, len(set.list))
	for i, in := range set.list {
		all[i] = l.resolveInstance(d, in)
		seen[i] = all[i].reference()
	}
	d.value = set.collect(seen)
	return all
}

// reference is what an output block sees of a job.
func (r *resolved) reference() cty.Value {
	path := cty.StringVal(r.job.Output.Destination)
	switch {
	case r.job.Output.Destination == "":
		path = cty.UnknownVal(cty.String)
	case r.destination.secret:
		path = path.Mark(sensitive)
	}
	return cty.ObjectVal(map[string]cty.Value{"output": cty.ObjectVal(map[string]cty.Value{"destination": path})})
}

func (l *loader) resolveInstance(d *jobBlockDecl, in instance) *resolved {
	sc := declared()
	sc.each, sc.count = in.each, in.count
	b := d.body.within(sc)
	b.l = l
	r := &resolved{decl: d}
	defer l.about("job." + d.name + in.suffix)()
	r.job = job.Job{Project: l.project, Address: "job." + d.name + in.suffix}
	r.job.Model = l.jobModel(b)
	r.job.Input, r.source = l.input(b.one("input"))
	r.job.Output, r.destination = l.result(b.one("output"))
	r.job.Batching = batching(b.one("batching"))
	r.job.Compute = compute(b.one("compute"))
	r.job.Limits = limits(b.one("limits"))
	r.job.Placement = l.placement(b)
	r.job.Env = environment(b)
	r.job.Labels, _, _ = b.textMap("labels")
	r.job.DependsOn, r.dependsOn = l.dependsOn(b)
	r.job.Overrides = l.overrides(b)
	l.checkOverrides(r)
	l.checkRegistration(r)
	return r
}

// environment reads env. A name that no shell could set is a mistake.
func environment(b *body) map[string]string {
	env, s, p := b.textMap("env")
	if p != given {
		return nil
	}
	for name, value := range env {
		bad := name == "" || strings.ContainsAny(name, "= \t\r\n\x00") || name[0] >= '0' && name[0] <= '9'
		switch {
		case bad:
			s.fail(fmt.Sprintf("%s can not name an environment variable.", s.quote(name)), "")
		case strings.ContainsRune(value, 0):
			s.fail(fmt.Sprintf("The value of %s holds a NUL character.", s.quote(name)), "")
		}
	}
	return env
}
