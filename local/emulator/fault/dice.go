package fault

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// Kind is what goes wrong with a call.
type Kind int

// The kinds of faults. None is the zero value.
const (
	None     Kind = iota
	Throttle      // refused, nothing was done: too many calls
	Error         // refused, nothing was done: an error of the service's own
	Capacity      // a job: it is made, and ends for want of machines
	Lost          // all was done, and no answer comes
)

// Call is what is known of a call.
type Call struct {
	Operation string // its name in the service's API
	Starts    bool   // it makes a job
}

// Fault is what happens to a call. The zero value is nothing.
type Fault struct {
	Kind  Kind
	Delay time.Duration // before anything else
	Late  time.Duration // a list is as it was so long ago
}

// Dice decide what happens to the calls of a service. The n-th call of an operation
// meets the same fate whenever the seed is the same, whatever other calls come in
// between. Safe for concurrent use; a nil *Dice lets everything be.
type Dice struct {
	spec Spec

	mu    sync.Mutex
	calls map[Call]uint64
}

// For makes the dice of a service of those specs that are meant for it; nil where
// there are none. Of two specs with the same fault the later one counts.
func For(service string, specs []Spec) *Dice {
	var all Spec
	found := false
	for _, s := range specs {
		if s.Service != "" && s.Service != service {
			continue
		}
		found = true
		all = all.with(s)
	}
	if !found {
		return nil
	}
	return &Dice{spec: all, calls: map[Call]uint64{}}
}

// with is s, and what o sets.
func (s Spec) with(o Spec) Spec {
	for _, x := range []struct{ to, from *float64 }{{&s.Throttle, &o.Throttle}, {&s.Error, &o.Error}, {&s.Lost, &o.Lost}, {&s.Capacity, &o.Capacity}} {
		if *x.from > 0 {
			*x.to = *x.from
		}
	}
	if o.Delay > 0 {
		s.Delay = o.Delay
	}
	if o.Late > 0 {
		s.Late = o.Late
	}
	if o.Seed > 0 {
		s.Seed = o.Seed
	}
	return s
}

// Before is what happens to a call before it is carried out, or instead of that. It
// counts the call.
func (d *Dice) Before(c Call) Fault {
	if d == nil {
		return Fault{}
	}
	d.mu.Lock()
	d.calls[c]++
	n := d.calls[c]
	d.mu.Unlock()
	f := Fault{Delay: d.spec.Delay, Late: d.spec.Late}
	roll := d.rolls(c, n)
	switch {
	case roll() < d.spec.Throttle:
		f.Kind = Throttle
	case roll() < d.spec.Error:
		f.Kind = Error
	case c.Starts && roll() < d.spec.Capacity:
		f.Kind = Capacity
	}
	return f
}

// After is what happens to the answer of a call that has been carried out.
func (d *Dice) After(c Call) Fault {
	if d == nil {
		return Fault{}
	}
	d.mu.Lock()
	n := d.calls[c]
	d.mu.Unlock()
	if d.rolls(Call{Operation: c.Operation + " answered"}, n)() < d.spec.Lost {
		return Fault{Kind: Lost}
	}
	return Fault{}
}

// rolls gives the numbers in [0, 1) of the n-th call.
func (d *Dice) rolls(c Call, n uint64) func() float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.Operation))                                               // it never fails
	return rand.New(rand.NewPCG(d.spec.Seed, h.Sum64()^n*0x9e3779b97f4a7c15)).Float64 //nolint:gosec // dice, no secret
}
