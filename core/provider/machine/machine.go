// Package machine chooses the machine of a job among those that a service has.
//
// It must not know any service: which machines there are, and which is taken where a
// job asks for nothing, the provider says.
package machine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// Offer is what a service has.
type Offer struct {
	Service string // as messages name it
	Usual   string // taken where a job asks for nothing; one of Types

	// Types are the machines, in any order. One that takes GPUs beside it stands
	// there once for each of them, and once without.
	Types []provider.Machine
}

// Unmet says which field of compute no machine satisfies. As an error it is
// provider.Unsupported.
type Unmet struct{ Field, Why string }

func (u *Unmet) Error() string { return u.Field + ": " + u.Why }

// Unwrap makes it match its code.
func (u *Unmet) Unwrap() error { return provider.Unsupported }

// Choose is the machine of a job: the one it names, or the smallest that has what it
// asks for, by processors, memory, GPUs and name. One with a GPU is taken only for
// who names it or asks for a GPU. Of one that is named, processors and memory are
// what they are; a GPU that is asked for it must have.
func (o Offer) Choose(c job.Compute) (provider.Machine, *Unmet) {
	name := c.Machine
	if name == "" && c.CPUs == 0 && c.Memory == 0 && c.GPU == nil {
		name = o.Usual
	}
	left := o.Types
	for _, need := range []struct {
		field string
		has   func(m provider.Machine) bool
		what  string // there is not
	}{
		{"compute.machine", func(m provider.Machine) bool { return name == "" || m.Name == name }, fmt.Sprintf("machine %q; %s is one", name, o.Usual)},
		{"compute.gpu", func(m provider.Machine) bool {
			if c.GPU == nil {
				return m.GPU == "" || name != ""
			}
			return m.GPU == c.GPU.Type && m.GPUs >= c.GPU.Count
		}, cmp.Or(c.Machine, "machine") + o.with(c.GPU)},
		{"compute.cpus", func(m provider.Machine) bool { return name != "" || m.CPUs >= c.CPUs }, fmt.Sprintf("machine with %d processors and all else that is asked for", c.CPUs)},
		{"compute.memory", func(m provider.Machine) bool { return name != "" || m.Memory >= c.Memory }, fmt.Sprintf("machine with %d bytes of memory and all else that is asked for", c.Memory)},
	} {
		var fit []provider.Machine
		for _, m := range left {
			if need.has(m) {
				fit = append(fit, m)
			}
		}
		if left = fit; len(left) == 0 {
			return provider.Machine{}, &Unmet{need.field, o.Service + " has no " + need.what}
		}
	}
	return slices.MinFunc(left, func(a, b provider.Machine) int {
		return cmp.Or(cmp.Compare(a.CPUs, b.CPUs), cmp.Compare(a.Memory, b.Memory), cmp.Compare(a.GPUs, b.GPUs), cmp.Compare(a.Name, b.Name))
	}), nil
}

// with is a GPU as a message asks for it, with the names of those that there are.
func (o Offer) with(g *job.GPU) string {
	if g == nil {
		return " without a GPU"
	}
	var names []string
	for _, m := range o.Types {
		if m.GPU != "" {
			names = append(names, m.GPU)
		}
	}
	slices.Sort(names)
	there := "there are none"
	if names = slices.Compact(names); len(names) > 0 {
		there = "there are " + strings.Join(names, ", ")
	}
	return fmt.Sprintf(" with %d x %s (of GPUs, %s)", g.Count, g.Type, there)
}
