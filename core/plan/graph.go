package plan

import "github.com/crossbatch/crossbatch/core/broker"

// Graph says in which order the jobs of a plan are begun: those that are deferred
// after all that they need have ended well, the others at once. It only decides. It is
// not safe for concurrent use.
type Graph struct {
	items   []Item
	needs   [][]int // of a deferred job, those of the plan that it needs
	users   [][]int // the other way round
	missing []int   // how many of its needs have not ended well
	stages  []stage
	ends    []Ending
}

type stage int

const (
	waiting stage = iota
	given         // to be begun
	ended
)

// Ending is how a job ended: a run that is over, or why there is none.
type Ending struct {
	Run   string // its id
	State broker.State
	Err   error // it was not run
}

// NewGraph makes the Graph of a plan's jobs.
func NewGraph(items []Item) *Graph {
	g := &Graph{
		items: items, needs: make([][]int, len(items)), users: make([][]int, len(items)),
		missing: make([]int, len(items)), stages: make([]stage, len(items)), ends: make([]Ending, len(items)),
	}
	at := map[string]int{}
	for n, i := range items {
		at[i.Wanted.Job.Address] = n
	}
	for n, i := range items {
		if i.Action != Deferred {
			continue
		}
		g.needs[n] = inside(i.Wanted, at)
		g.missing[n] = len(g.needs[n])
		for _, m := range g.needs[n] {
			g.users[m] = append(g.users[m], n)
		}
	}
	return g
}

// Start are the jobs that wait for nothing, by their index.
func (g *Graph) Start() []int {
	var out []int
	for n, missing := range g.missing {
		if missing == 0 && g.stages[n] == waiting {
			g.stages[n] = given
			out = append(out, n)
		}
	}
	return out
}

// End takes how a job ended. It tells which jobs may begin now, and which will not be
// run, since they need one that did not end well; Err says why. Each is told once.
func (g *Graph) End(n int, e Ending) (ready, unmet []int) {
	if g.stages[n] == ended {
		return nil, nil
	}
	g.stages[n], g.ends[n] = ended, e
	for _, u := range g.users[n] {
		if g.stages[u] != waiting {
			continue
		}
		if err := serves(g.items[u].Wanted, g.items[n].Wanted.Job.Address, e); err != nil {
			more, others := g.End(u, Ending{Err: err})
			ready, unmet = append(ready, more...), append(append(unmet, u), others...)
			continue
		}
		if g.missing[u]--; g.missing[u] == 0 {
			g.stages[u] = given
			ready = append(ready, u)
		}
	}
	return ready, unmet
}

// Err says why a job was not run; nil where it was, or is still to be.
func (g *Graph) Err(n int) error { return g.ends[n].Err }

// Waiting says whether a job waits for others.
func (g *Graph) Waiting(n int) bool { return g.stages[n] == waiting }

// WaitsFor are the jobs that a job waits for and that have not ended.
func (g *Graph) WaitsFor(n int) []string {
	var out []string
	for _, m := range g.needs[n] {
		if g.stages[m] != ended {
			out = append(out, g.items[m].Wanted.Job.Address)
		}
	}
	return out
}

// Item is a job whose turn it is; if it was deferred, as a reader of the results of the
// runs that it waited for.
func (g *Graph) Item(n int) Item {
	runs := map[string]string{}
	for _, m := range g.needs[n] {
		runs[g.items[m].Wanted.Job.Address] = g.ends[m].Run
	}
	i := g.items[n]
	i.Wanted.Job.Input = i.Wanted.Job.Input.Reading(runs)
	i.Others = reading(i.Others, runs)
	return i
}
