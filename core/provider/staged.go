package provider

import (
	"encoding/json"

	"github.com/crossbatch/crossbatch/core/job"
)

// Staging is what a place needs in object storage before it starts anything: the
// model package, the scorer's mapping, and input that it cannot read as it lies.
type Staging struct {
	Place    string     // URI prefix that the provider block names; ends in a slash
	InPlace  []Form     // input that is read where it lies
	Write    job.Format // all other is staged like that: jsonl or csv
	Identity bool       // staged records carry the field that says where they come from
	Sealed   bool       // JSON that passes through is written anew: what our scorer reads and answers is text in it
	Piece    int64      // bytes of a staged object, at most; 0: staging's own default
	Uniform  bool       // what is read in place is of one form and in one bucket; other input is staged

	// Uncounted says that nobody who reads input in place tells how many records it has:
	// it is read once more here.
	Uncounted bool
}

// Form is a form of input.
type Form struct {
	Scheme      string // of its URIs
	Format      job.Format
	Header      bool   // CSV objects begin with one
	Compression string // as core/compress names it
}

// Staged is where what an attempt needs lies. All of it but Entries is known
// before anything is staged.
type Staged struct {
	Place      string          // Staging.Place
	Model      string          // URI of the model package's folder, ends in a slash; empty: the model is none of ours
	Mapping    json.RawMessage // scorer.json
	MappingURI string          // of the same, as an object
	Input      string          // URI of the folder of staged pieces, ends in a slash; empty: input is read in place
	Format     job.Format      // of records as they arrive

	// Entries are the objects that the attempt covers, in the order of shards and
	// rows. The first attempt's translation does not depend on them: it names
	// Input, whose objects are counted only by staging. Nil before that.
	Entries []Entry
}

// Entry is one object that an attempt reads: the rows of a shard from First on.
type Entry struct {
	URI     string `json:"uri"`
	Shard   int    `json:"shard"`
	First   int64  `json:"first"`
	Records int64  `json:"records"` // 0: not known, as of a whole shard
	Last    bool   `json:"last"`    // the shard ends with it

	// Rows are those of its records where they do not follow one another: ranges, the
	// last row included.
	Rows [][2]int64 `json:"rows,omitempty"`
}

// End is the row behind the entry's last record, of which Records are known.
func (e Entry) End() int64 {
	if n := len(e.Rows); n > 0 {
		return e.Rows[n-1][1] + 1
	}
	return e.First + e.Records
}
