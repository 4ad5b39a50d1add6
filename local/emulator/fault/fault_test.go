package fault

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Spec{
		"throttle=0.1": {Throttle: 0.1},
		"throttle=0.1,error=0.05,lost=0.02,delay=200ms,late=5s,capacity=1,seed=7": {
			Throttle: 0.1, Error: 0.05, Lost: 0.02, Delay: 200 * time.Millisecond, Late: 5 * time.Second, Capacity: 1, Seed: 7,
		},
		"sagemaker:lost=1e-3": {Service: "sagemaker", Lost: 0.001},
		"error=-0,delay=0s":   {},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                        `"" is not NAME=VALUE; names are throttle,`,
		"throttle":                `"throttle" is not NAME=VALUE`,
		"throttle=0.1,":           `"" is not NAME=VALUE`,
		"throtle=0.1":             `"throtle" is no fault; there are throttle,`,
		"error=2":                 `error: "2" is not a share of the calls: a number from 0 to 1`,
		"error=-0.1":              "error: ",
		"lost=NaN":                "lost: ",
		"lost=10%":                "lost: ",
		"capacity=":               "capacity: ",
		"delay=5":                 `delay: "5" is not a duration from 0s to 1h0m0s`,
		"late=-5s":                "late: ",
		"late=2h":                 "late: ",
		"seed=-1":                 "seed: ",
		"error=0.1,error=0.2":     "error stands there twice",
		"Sage maker:error=1":      `"Sage maker" is no name of a service`,
		":error=1":                `"" is no name of a service`,
		"sagemaker:":              `"" is not NAME=VALUE`,
		"sagemaker:vertex:lost=1": `"vertex:lost" is no fault`,
	} {
		if got, err := Parse(text); err == nil || got != (Spec{}) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q is %+v, %v, want %s", text, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("sagemaker:throttle=0.1,error=0.05,lost=0.02,delay=200ms,late=5s,capacity=0.1,seed=7")
	f.Add("error=1,delay=1h0m0s")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.String())
		if err != nil || again != s {
			t.Errorf("%q is %+v, written as %q that is %+v, %v", text, s, s, again, err)
		}
	})
}

// sequence is what n calls meet, each as its kind and that of its answer.
func sequence(d *Dice, c Call, n int) (out []Kind) {
	for range n {
		out = append(out, d.Before(c).Kind, d.After(c).Kind)
	}
	return out
}

func TestDice(t *testing.T) {
	create, list := Call{Operation: "Create", Starts: true}, Call{Operation: "List"}
	specs := []Spec{
		{Throttle: 0.2, Error: 0.1, Lost: 0.3, Capacity: 0.5, Delay: time.Second, Seed: 7},
		{Service: "other", Throttle: 1},
		{Service: "mine", Throttle: 0.1, Late: time.Minute},
	}
	const n = 2000
	first := sequence(For("mine", specs), create, n)
	d := For("mine", specs)
	var among []Kind // with other calls in between
	for range n {
		sequence(d, list, 1)
		among = append(among, sequence(d, create, 1)...)
	}
	specs[0].Seed = 8
	differs := false
	counts := map[Kind]int{}
	for i, k := range sequence(For("mine", specs), create, n) {
		differs = differs || k != first[i]
		if first[i] != among[i] {
			t.Fatalf("call %d of a seed is %v, then %v", i/2, first[i], among[i])
		}
		counts[k]++
	}
	if !differs {
		t.Error("another seed lets the same calls fail")
	}
	for k, want := range map[Kind]float64{Throttle: 0.1, Error: 0.9 * 0.1, Capacity: 0.9 * 0.9 * 0.5, Lost: 0.3} {
		if got := float64(counts[k]) / n; got < want*0.8 || got > want*1.2 {
			t.Errorf("kind %d came for a share of %.3f of the calls, want about %.3f", k, got, want)
		}
	}
	if f := d.Before(list); f.Delay != time.Second || f.Late != time.Minute {
		t.Errorf("a list meets %+v", f)
	}
	for range n {
		if f := d.Before(list); f.Kind == Capacity {
			t.Fatal("a list found no machines")
		}
	}
	if d := For("none", specs[1:]); d != nil || d.Before(create) != (Fault{}) || d.After(create) != (Fault{}) {
		t.Errorf("a service that no spec means meets %+v", d)
	}
}
