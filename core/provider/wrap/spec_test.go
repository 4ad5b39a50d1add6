package wrap_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/provider/wrap"
)

func TestParsePlan(t *testing.T) {
	for spec, want := range map[string]wrap.Plan{
		"":  {},
		" ": {},
		"send:lost:1,list:throttle:0.1,seed:7": {Seed: 7, Rules: []wrap.Rule{
			{Op: "send", Fault: wrap.LostReply, Call: 1},
			{Op: "list", Fault: wrap.Throttle, Chance: 0.1},
		}},
		" seed:18446744073709551615 , *:delay=1m30s:1.0 ": {Seed: 1<<64 - 1, Rules: []wrap.Rule{
			{Op: "*", Fault: wrap.Delay, Chance: 1, For: 90 * time.Second},
		}},
		"find:throttle=2s:3,start:capacity:2,ensure:unavailable:.5": {Rules: []wrap.Rule{
			{Op: "find", Fault: wrap.Throttle, Call: 3, For: 2 * time.Second},
			{Op: "start", Fault: wrap.NoCapacity, Call: 2},
			{Op: "ensure", Fault: wrap.Unavailable, Chance: 0.5},
		}},
	} {
		got, err := wrap.ParsePlan(spec)
		if err != nil {
			t.Errorf("%q: %v", spec, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", spec, diff)
		}
	}
}

func TestParsePlanSaysWhatIsWrong(t *testing.T) {
	for spec, want := range map[string]string{
		"send":                       `fault "send" is not OPERATION:FAULT:WHEN, such as send:lost:1`,
		"send:lost":                  `OPERATION:FAULT:WHEN`,
		"send:lost:1:2":              `OPERATION:FAULT:WHEN`,
		"send:lost:1,":               `fault "" is not`,
		"seed":                       `a seed is seed:NUMBER`,
		"seed:x":                     `a seed is seed:NUMBER`,
		"seed:-1":                    `a seed is seed:NUMBER`,
		"seed:1:2":                   `a seed is seed:NUMBER`,
		"seed:1,seed:1":              `given twice`,
		"sent:lost:1":                `fault "sent:lost:1": there is no operation "sent"; there are inspect send`,
		":lost:1":                    `no operation ""`,
		"send:loss:1":                `there is no fault "loss"; there are throttle unavailable lost delay capacity`,
		"find:capacity:1":            `capacity befalls starts only`,
		"ensure:capacity:1":          `capacity befalls starts only`,
		"send:lost=1s:1":             `lost takes no duration`,
		"send:delay:1":               `delay needs how long`,
		"send:delay=:1":              `"" is no duration above 0`,
		"send:delay=2:1":             `"2" is no duration above 0`,
		"send:delay=-2s:1":           `"-2s" is no duration above 0`,
		"send:lost:0":                `"0" is neither`,
		"send:lost:-1":               `"-1" is neither`,
		"send:lost:1.5":              `"1.5" is neither`,
		"send:lost:-0.5":             `"-0.5" is neither`,
		"send:lost:99999999999":      `is neither`,
		"send:lost:":                 `"" is neither`,
		"send:lost:NaN":              `"NaN" is neither`,
		"list:throttle:0.1,find:x:1": `fault "find:x:1"`,
	} {
		p, err := wrap.ParsePlan(spec)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", spec, err, want)
		}
		if diff := cmp.Diff(wrap.Plan{}, p); diff != "" {
			t.Errorf("%q gives a plan and an error", spec)
		}
	}
}

func FuzzParsePlan(f *testing.F) {
	for _, spec := range []string{
		"", "send:lost:1,list:throttle:0.1,seed:7", "*:delay=2s:1.0", "start:capacity:.5", "seed:", ",", "a:b:c", "find:throttle=1h:99",
	} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		p, err := wrap.ParsePlan(spec)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fault ") {
				t.Errorf("%q: %v names no fault", spec, err)
			}
			return
		}
		again, err := wrap.ParsePlan(p.String())
		if err != nil {
			t.Fatalf("%q is written %q: %v", spec, p, err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Errorf("%q is written %q (-parsed +again):\n%s", spec, p, diff)
		}
		for _, r := range p.Rules {
			if r.Call < 0 || r.Chance < 0 || r.Chance > 1 || r.For < 0 || r.Call > 0 && r.Chance > 0 {
				t.Errorf("%q gives %+v", spec, r)
			}
		}
	})
}
