package job

// JobRead says that an input reads the published result of a job.
type JobRead struct {
	Job   string `json:"job"`   // its address
	After int    `json:"after"` // how many elements of Input.Source stand before it
}

// SourceItem is one source: a path or URI, or a job. Exactly one is set.
type SourceItem struct {
	URI string
	Job string // address
}

// Sources are Source and From in the order of the job file, which is the order
// of the shards.
func (in Input) Sources() []SourceItem {
	out := make([]SourceItem, 0, len(in.Source)+len(in.From))
	from := in.From
	for i := 0; i <= len(in.Source); i++ {
		for len(from) > 0 && from[0].After <= i {
			out = append(out, SourceItem{Job: from[0].Job})
			from = from[1:]
		}
		if i < len(in.Source) {
			out = append(out, SourceItem{URI: in.Source[i]})
		}
	}
	for _, f := range from {
		out = append(out, SourceItem{Job: f.Job})
	}
	return out
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
