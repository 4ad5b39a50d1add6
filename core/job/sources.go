package job

import "slices"

// JobRead says that an input reads the published result of a job.
type JobRead struct {
	Job         string `json:"job"`           // its address
	Destination string `json:"destination"`   // where it publishes
	Run         string `json:"run,omitempty"` // id of the run whose result is read; empty: whichever is in force
	After       int    `json:"after"`         // how many elements of Input.Source stand before it
}

// SourceItem is one source: a path or URI, or the result of a job. Exactly one of
// URI and Read.Job is set.
type SourceItem struct {
	URI  string
	Read JobRead
}

// Sources are Source and From in the order of the job file, which is the order
// of the shards.
func (in Input) Sources() []SourceItem {
	out := make([]SourceItem, 0, len(in.Source)+len(in.From))
	from := in.From
	for i := 0; i <= len(in.Source); i++ {
		for len(from) > 0 && from[0].After <= i {
			out = append(out, SourceItem{Read: from[0]})
			from = from[1:]
		}
		if i < len(in.Source) {
			out = append(out, SourceItem{URI: in.Source[i]})
		}
	}
	for _, f := range from {
		out = append(out, SourceItem{Read: f})
	}
	return out
}

// Reading is the input with the runs whose results it reads, by the addresses of
// their jobs; of others nothing changes.
func (in Input) Reading(runs map[string]string) Input {
	in.From = slices.Clone(in.From)
	for i, f := range in.From {
		if id, ok := runs[f.Job]; ok {
			in.From[i].Run = id
		}
	}
	return in
}

// Needs are the addresses of the jobs that must be over before this one starts:
// those that it reads and those of DependsOn, each once.
func (j Job) Needs() []string {
	var out []string
	seen := map[string]bool{}
	add := func(address string) {
		if !seen[address] {
			seen[address] = true
			out = append(out, address)
		}
	}
	for _, f := range j.Input.From {
		add(f.Job)
	}
	for _, address := range j.DependsOn {
		add(address)
	}
	return out
}
