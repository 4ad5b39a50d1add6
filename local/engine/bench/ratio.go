package main

import (
	"os"
	"slices"
)

// ratio is a figure that is held against a goal.
type ratio struct {
	Scenario string  `json:"scenario"`
	What     string  `json:"what"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`           // x, or MiB
	Goal     float64 `json:"goal,omitempty"` // 0: none
	Most     bool    `json:"most,omitempty"` // the goal is a limit, not the least
}

// met says that the goal is reached.
func (r ratio) met() bool {
	if r.Most {
		return r.Value < r.Goal
	}
	return r.Value >= r.Goal
}

// ratios holds the results against each other.
func (b *bench) ratios(done []scenario, results []result) []ratio {
	var list []ratio
	for _, s := range done {
		model := b.modelSize(s)
		var own []result
		for _, r := range results {
			if r.Scenario == s.String() {
				own = append(own, r)
			}
		}
		list = append(append(list, s.ratios(own)...), memory(own, model)...)
	}
	for _, r := range results {
		if r.large {
			list = append(list, memory([]result{r}, b.modelSize(scenarios()[0]))...)
		}
	}
	return list
}

func (b *bench) modelSize(s scenario) int64 {
	info, err := os.Stat(b.models[s.name])
	if err != nil {
		return 0
	}
	return info.Size()
}

// memory holds what crossbatch took against the limit.
func memory(results []result, model int64) []ratio {
	var list []ratio
	for _, r := range results {
		if r.Subject == product && r.Median.Memory > 0 {
			list = append(list, ratio{
				Scenario: r.Scenario, What: "peak memory, model apart", Unit: "MiB",
				Value: mebibytes(r.Median.Memory - model), Goal: mebibytes(goalMemory), Most: true,
			})
		}
	}
	return list
}

// ratios of one scenario's results. What was not measured has none.
func (s scenario) ratios(results []result) []ratio {
	speed := map[subject]float64{}
	for _, r := range results {
		speed[r.Subject] = r.Median.speed()
	}
	var list []ratio
	add := func(what string, value, than, goal float64) {
		if value > 0 && than > 0 {
			list = append(list, ratio{Scenario: s.String(), What: what, Value: value / than, Unit: "x", Goal: goal})
		}
	}
	add("b / c, Node", speed[product], speed[node], s.goals.node)
	add("b / d, plain Go", speed[product], speed[plainGo], s.goals.plain)
	add("b / ceiling of a1 and a2", speed[product], ceiling(speed[rawORT], speed[free]), goalCeiling)
	add("b / b1, all cores to one", speed[product], speed[oneCore], s.goals.cores)
	return list
}

// ceiling is how fast two steps are one after the other, which share the cores.
func ceiling(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return 1 / (1/a + 1/b)
}

func (s sample) speed() float64 { return float64(s.Rows) / s.Seconds }

// median takes the middle of each figure by itself.
func median(samples []sample) sample {
	middle := func(of func(sample) float64) float64 {
		var v []float64
		for _, s := range samples {
			v = append(v, of(s))
		}
		slices.Sort(v)
		if n := len(v); n%2 == 0 {
			return (v[n/2-1] + v[n/2]) / 2
		}
		return v[len(v)/2]
	}
	return sample{
		Rows:    int64(middle(func(s sample) float64 { return float64(s.Rows) })),
		Seconds: middle(func(s sample) float64 { return s.Seconds }),
		CPU:     middle(func(s sample) float64 { return s.CPU }),
		Memory:  int64(middle(func(s sample) float64 { return float64(s.Memory) })),
	}
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
