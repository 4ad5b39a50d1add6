package wrap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
)

// Fault is what goes wrong with a call.
type Fault string

// The faults.
const (
	Throttle    Fault = "throttle"    // refused before it is made: Throttled
	Unavailable Fault = "unavailable" // not made: Unavailable
	LostReply   Fault = "lost"        // made, but its answer is lost: Unavailable
	Delay       Fault = "delay"       // made later
	NoCapacity  Fault = "capacity"    // a start that is refused: NoCapacity; no other call
)

// ErrInjected is in every error that Faults made up.
var ErrInjected = errors.New("injected fault")

// Rule says which calls a fault befalls: the one with number Call, or else any
// with probability Chance. It counts the calls that it is about, from 1.
type Rule struct {
	Op     string // inspect, send, find, …; ensure and start: sends of that role; *: any
	Fault  Fault
	Call   int
	Chance float64
	For    time.Duration // of Delay: how long; of Throttle: RetryAfter
}

// Plan is a set of rules. Equal plans befall equal calls: the n-th call that a
// rule is about meets the same fate in every run.
type Plan struct {
	Rules []Rule
	Seed  uint64
	Clock clockwork.Clock // for Delay; nil: the real one
}

// Faults injects faults into the calls of a backend. Of several rules that
// befall one call, delays add up and the first other fault holds.
func Faults(b provider.Backend, p Plan) provider.Backend {
	clock := p.Clock
	if clock == nil {
		clock = clockwork.NewRealClock()
	}
	d := &dice{}
	for i, r := range p.Rules {
		d.rules = append(d.rules, &counted{Rule: r, random: rand.New(rand.NewPCG(p.Seed, uint64(i)))})
	}
	return &faulty{surrounded{Backend: b, around: func(ctx context.Context, c call, do func() error) error {
		fate, delay := d.roll(c)
		if err := wait(ctx, clock, delay); err != nil {
			return err // a caller that is gone hears that, no fault
		}
		return fate.befall(c, do)
	}}}
}

// faulty knows the codes of injected faults, whatever the backend makes of them.
type faulty struct{ surrounded }

func (f *faulty) Code(err error) provider.Code {
	if errors.Is(err, ErrInjected) {
		return provider.CodeOf(err)
	}
	return f.Backend.Code(err)
}

// counted is a rule with what it has seen so far.
type counted struct {
	Rule
	calls  int
	random *rand.Rand
}

// dice decide the fate of calls.
type dice struct {
	mu    sync.Mutex
	rules []*counted
}

// roll gives the fault that befalls a call, if any, and how long it is delayed.
func (d *dice) roll(c call) (fate Rule, delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.rules {
		if !r.about(c) || !r.hit() {
			continue
		}
		if r.Fault == Delay {
			delay += r.For
		} else if fate.Fault == "" {
			fate = r.Rule
		}
	}
	return fate, delay
}

// about says whether the rule is about a call.
func (r Rule) about(c call) bool {
	if r.Fault == NoCapacity && !c.start() {
		return false
	}
	return r.Op == anyOp || r.Op == c.op || c.op == opSend && r.Op == string(c.role)
}

// hit counts a call and says whether it is one that the rule is for.
func (r *counted) hit() bool {
	r.calls++
	if r.Call > 0 {
		return r.calls == r.Call
	}
	return r.random.Float64() < r.Chance
}

// befall makes the call as the fault has it; no fault makes it as it is.
func (r Rule) befall(c call, do func() error) error {
	injected := &provider.Error{Err: ErrInjected, RetryAfter: r.For}
	switch r.Fault {
	case Throttle:
		injected.Code, injected.Message = provider.Throttled, "too many requests"
	case Unavailable:
		injected.Code, injected.Message = provider.Unavailable, "the service cannot be reached"
	case NoCapacity:
		injected.Code, injected.Message = provider.NoCapacity, "no machine is free"
	case LostReply:
		_ = do() // whatever it answers, nobody hears it
		injected.Code, injected.Message = provider.Unavailable, "the connection broke before the answer came"
	default:
		return do()
	}
	injected.Message = fmt.Sprintf("%s (%s, %s)", injected.Message, ErrInjected, c.op)
	return injected
}
