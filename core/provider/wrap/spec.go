package wrap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
)

// anyOp is the operation of a rule that is about every call.
const anyOp = "*"

func operations() []string {
	return []string{
		opInspect, opSend, string(provider.Ensure), string(provider.Start), opFind, opDescribe,
		opList, opCancel, opResults, opLogs, opDelete, anyOp,
	}
}

func faults() []Fault { return []Fault{Throttle, Unavailable, LostReply, Delay, NoCapacity} }

// ParsePlan reads a plan of faults, as in
//
//	send:lost:1,list:throttle:0.1,describe:delay=2s:0.5,seed:7
//
// Items are OPERATION:FAULT:WHEN and at most one seed:NUMBER. WHEN is the
// number of a call, from 1, or with a decimal point the probability of each.
// Delay takes how long it is; throttle may take what it asks to wait.
func ParsePlan(text string) (Plan, error) {
	var p Plan
	if strings.TrimSpace(text) == "" {
		return p, nil
	}
	seeded := false
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		words := strings.Split(item, ":")
		if words[0] == "seed" {
			if seeded {
				return Plan{}, fmt.Errorf("fault %q: the seed is given twice", item)
			}
			seed, err := strconv.ParseUint(strings.Join(words[1:], ":"), 10, 64)
			if err != nil {
				return Plan{}, fmt.Errorf("fault %q: a seed is seed:NUMBER, a whole number from 0", item)
			}
			p.Seed, seeded = seed, true
			continue
		}
		if len(words) != 3 {
			return Plan{}, fmt.Errorf("fault %q is not OPERATION:FAULT:WHEN, such as send:lost:1", item)
		}
		r, err := parseRule(words[0], words[1], words[2])
		if err != nil {
			return Plan{}, fmt.Errorf("fault %q: %w", item, err)
		}
		p.Rules = append(p.Rules, r)
	}
	return p, nil
}

func parseRule(op, fault, when string) (Rule, error) {
	r := Rule{Op: op}
	if !slices.Contains(operations(), op) {
		return r, fmt.Errorf("there is no operation %q; there are %s", op, strings.Join(operations(), " "))
	}
	fault, long, given := strings.Cut(fault, "=")
	r.Fault = Fault(fault)
	if !slices.Contains(faults(), r.Fault) {
		return r, fmt.Errorf("there is no fault %q; there are %s", fault, list(faults()))
	}
	if r.Fault == NoCapacity && !slices.Contains([]string{anyOp, opSend, string(provider.Start)}, op) {
		return r, fmt.Errorf("%s befalls starts only", NoCapacity)
	}
	switch takes := r.Fault == Delay || r.Fault == Throttle; {
	case given && !takes:
		return r, fmt.Errorf("%s takes no duration", r.Fault)
	case !given && r.Fault == Delay:
		return r, fmt.Errorf("%s needs how long, as in delay=2s", Delay)
	case given:
		d, err := time.ParseDuration(long)
		if err != nil || d <= 0 {
			return r, fmt.Errorf("%q is no duration above 0, such as 500ms or 2s", long)
		}
		r.For = d
	}
	return r, r.parseWhen(when)
}

// parseWhen tells call numbers from probabilities by the decimal point, so that
// 1 is the first call and 1.0 every one.
func (r *Rule) parseWhen(when string) error {
	if n, err := strconv.ParseInt(when, 10, 32); err == nil && n > 0 {
		r.Call = int(n)
		return nil
	}
	if p, err := strconv.ParseFloat(when, 64); err == nil && strings.Contains(when, ".") && p >= 0 && p <= 1 {
		r.Chance = p
		return nil
	}
	return fmt.Errorf("%q is neither the number of a call, from 1, nor a probability from 0.0 to 1.0", when)
}

// String is the plan in the form that ParsePlan reads.
func (p Plan) String() string {
	var items []string
	for _, r := range p.Rules {
		items = append(items, r.String())
	}
	if p.Seed != 0 {
		items = append(items, "seed:"+strconv.FormatUint(p.Seed, 10))
	}
	return strings.Join(items, ",")
}

// String is the rule in the form that ParsePlan reads.
func (r Rule) String() string {
	fault := string(r.Fault)
	if r.For > 0 {
		fault += "=" + r.For.String()
	}
	when := strconv.Itoa(r.Call)
	if r.Call == 0 {
		when = strconv.FormatFloat(r.Chance, 'f', -1, 64)
		if !strings.Contains(when, ".") {
			when += ".0"
		}
	}
	return r.Op + ":" + fault + ":" + when
}

func list[T ~string](all []T) string {
	var words []string
	for _, v := range all {
		words = append(words, string(v))
	}
	return strings.Join(words, " ")
}
