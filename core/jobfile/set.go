package jobfile

import (
	"encoding/json"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/hashicorp/hcl/v2"
)

// Set is what a set of job files says.
type Set struct {
	Project   string     `json:"project"`
	Folder    string     `json:"-"`                // absolute, of the job files
	Ledger    string     `json:"ledger,omitempty"` // folder, ends in a slash; empty: not given
	Jobs      []job.Job  `json:"jobs"`             // in file order, then instance order
	Providers []Provider `json:"providers"`        // in file order; the implicit local.default when there is none
	Outputs   []Output   `json:"outputs,omitempty"`

	// Files are the sources by the name that ranges carry, for Render. They
	// are there after an error too.
	Files map[string]*hcl.File `json:"-"`

	ranges map[string]hcl.Range
	later  map[string][]*hcl.Diagnostic // by subject
}

// JobRange is where the job of an address is defined.
func (s *Set) JobRange(address string) (hcl.Range, bool) {
	r, ok := s.ranges[address]
	return r, ok
}

// Provider is one provider block.
type Provider struct {
	Kind   string `json:"kind"`
	Alias  string `json:"alias"`
	Device string `json:"device,omitempty"` // local only

	// Config is the fields of a cloud's block by name, as a JSON object. It is
	// absent where no job of the files can run there: such a block is not checked.
	Config json.RawMessage `json:"config,omitempty"`

	// Range is the block's header; its Filename is empty for the implicit provider.
	Range hcl.Range `json:"-"`
}

// Ref names the provider as a job's placement does.
func (p Provider) Ref() job.ProviderRef { return job.ProviderRef{Kind: p.Kind, Alias: p.Alias} }

// Output is the value of one output block.
type Output struct {
	Name      string          `json:"name"`
	Value     json.RawMessage `json:"value"`
	Sensitive bool            `json:"sensitive,omitempty"` // the value must not be shown
}
