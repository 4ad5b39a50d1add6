package staging

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
)

// FormatVersion is the version of what this package writes. Readers refuse others.
const FormatVersion = 1

// DefaultPieceBytes is how large a piece may be where nobody says.
const DefaultPieceBytes = 64 << 20

// ErrRecipe says that a recipe does not go together, or not with its input.
var ErrRecipe = errors.New("input cannot be staged like that")

// Recipe says what is staged of an input and how it is written.
type Recipe struct {
	Format  job.Format   `json:"format"`            // of the shards; .gz and .zst behind a name are understood
	CSV     *job.Dialect `json:"csv,omitempty"`     // of CSV
	Columns []string     `json:"columns,omitempty"` // of CSV: those of all shards, see Columns

	// Write is jsonl, or csv: a row without header for each record, and commas
	// between its cells.
	Write job.Format `json:"write"`

	// Identity puts mapping.IdentityField into every record. JSONL only.
	Identity bool `json:"identity,omitempty"`

	// Sealed writes a record as text, as mapping.RecordField: for services that write
	// JSON anew on its way. JSONL only.
	Sealed bool `json:"sealed,omitempty"`

	// Partitions puts the fields that the path of a shard tells into its records, as
	// mapping.PathField: see Partitions. JSONL only.
	Partitions bool `json:"partitions,omitempty"`

	// Fields are those that are written, in this order; none: all of them. JSONL
	// that stays JSONL is copied and has none.
	Fields []string `json:"fields,omitempty"`

	// Key is the fields by which a record is still named that cannot be read.
	Key []string `json:"key,omitempty"`

	Take  []int  `json:"take,omitempty"`  // shards, ascending; none: all
	Rows  []Rows `json:"rows,omitempty"`  // only these rows, by ascending shards; none: all
	Limit int64  `json:"limit,omitempty"` // only the first records over all shards, those that are not taken included; 0: all

	// PieceBytes is how large a piece may be, unless one record alone is larger.
	PieceBytes int64 `json:"piece_bytes"`
}

// Rows are rows of one shard.
type Rows struct {
	Shard  int        `json:"shard"`
	Ranges [][2]int64 `json:"ranges"` // ascending, the last row included
}

// Plan is input that is to be staged: what a provider may name before it is.
type Plan struct {
	Recipe Recipe
	Shards job.Shards // all of the run
	Digest string     // hex SHA-256 over manifest digest, recipe, piece size and format version
}

// NewPlan checks a recipe against its input and names what comes of them. It reads
// nothing. Errors wrap ErrRecipe.
func NewPlan(r Recipe, shards job.Shards) (Plan, error) {
	if r.PieceBytes == 0 {
		r.PieceBytes = DefaultPieceBytes
	}
	if err := r.check(); err != nil {
		return Plan{}, fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	for _, i := range r.Take {
		if i >= len(shards) {
			return Plan{}, fmt.Errorf("%w: there is no shard %d in %d", ErrRecipe, i, len(shards))
		}
	}
	for _, rows := range r.Rows {
		if rows.Shard >= len(shards) {
			return Plan{}, fmt.Errorf("%w: there is no shard %d in %d", ErrRecipe, rows.Shard, len(shards))
		}
	}
	digest, err := r.digest(shards.Digest())
	return Plan{Recipe: r, Shards: shards, Digest: digest}, err
}

func (r Recipe) digest(input string) (string, error) {
	body, err := provider.Canonical(struct {
		FormatVersion int    `json:"format_version"`
		Input         string `json:"input"`
		Recipe        Recipe `json:"recipe"`
	}{FormatVersion, input, r})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]), nil
}

// Prefix is the key prefix of the plan's objects below the staging place.
func (p Plan) Prefix() string { return inputsFolder + p.Digest + "/" }

// Records is the key prefix below which the pieces lie, and nothing else.
func (p Plan) Records() string { return p.Prefix() + recordsFolder }

// Bytes is how much of the input is read.
func (p Plan) Bytes() int64 {
	var n int64
	for _, i := range p.taken() {
		n += p.Shards[i].Size
	}
	return n
}

// taken lists the shards that are staged.
func (p Plan) taken() []int {
	var out []int
	for i := range p.Shards {
		if (len(p.Recipe.Take) == 0 || slices.Contains(p.Recipe.Take, i)) && (len(p.Recipe.Rows) == 0 || p.Recipe.ranges(i) != nil) {
			out = append(out, i)
		}
	}
	return out
}

// ranges are the rows that are taken of a shard; nil: all, or none where the
// recipe names rows.
func (r Recipe) ranges(shard int) [][2]int64 {
	if i, ok := slices.BinarySearchFunc(r.Rows, shard, func(rows Rows, shard int) int { return rows.Shard - shard }); ok {
		return r.Rows[i].Ranges
	}
	return nil
}

// columns are the fields that are written; nil: JSONL is copied, or those of each
// Parquet file.
func (r Recipe) columns() []string {
	if len(r.Fields) > 0 {
		return r.Fields
	}
	return r.Columns
}

func (r Recipe) check() error {
	switch {
	case !slices.Contains([]job.Format{job.JSONL, job.CSV, job.Parquet}, r.Format):
		return fmt.Errorf("no input is read as %q", r.Format)
	case r.Write != job.JSONL && r.Write != job.CSV:
		return fmt.Errorf("records are staged as jsonl or csv, not %q", r.Write)
	case r.Identity && r.Write != job.JSONL:
		return fmt.Errorf("%s has no place for %s", r.Write, mapping.IdentityField)
	case r.Sealed && r.Write != job.JSONL:
		return fmt.Errorf("%s has no place for %s", r.Write, mapping.RecordField)
	case r.Partitions && r.Write != job.JSONL:
		return fmt.Errorf("%s has no place for the fields of partitions", r.Write)
	case (r.Format == job.CSV) != (r.CSV != nil):
		return errors.New("csv says how CSV is written, and belongs to no other format")
	case r.CSV != nil && len(r.CSV.Delimiter) != 1:
		return fmt.Errorf("the delimiter %q is not one byte", r.CSV.Delimiter)
	case r.Format != job.CSV && len(r.Columns) > 0:
		return errors.New("columns belong to CSV")
	case r.Format == job.JSONL && r.Write == job.JSONL && len(r.Fields) > 0:
		return errors.New("JSONL that stays JSONL is copied whole: fields cannot be chosen")
	case r.Write == job.CSV && r.Format != job.CSV && len(r.Fields) == 0:
		return errors.New("fields must say what the cells of a row are")
	case r.Limit < 0:
		return fmt.Errorf("a limit of %d records", r.Limit)
	case r.Limit > 0 && len(r.Rows) > 0:
		return errors.New("a limit and chosen rows do not go together")
	case r.PieceBytes <= 0:
		return fmt.Errorf("pieces of %d bytes", r.PieceBytes)
	case !ascending(r.Take):
		return errors.New("the taken shards are not in order")
	}
	if err := distinct(r.Fields); err != nil {
		return err
	}
	if len(r.Fields) == 0 && r.Format == job.CSV {
		if err := distinct(r.Columns); err != nil {
			return fmt.Errorf("%w: name the fields that are wanted", err)
		}
	}
	last := -1
	for _, rows := range r.Rows {
		if rows.Shard <= last {
			return errors.New("rows are not in the order of their shards")
		}
		last = rows.Shard
		if len(rows.Ranges) == 0 || !inOrder(rows.Ranges) {
			return fmt.Errorf("the rows of shard %d are not ranges in order", rows.Shard)
		}
	}
	return mapping.CheckFields(slices.Concat(r.columns(), r.Key)...)
}

func distinct(names []string) error {
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			return fmt.Errorf("two fields are named %q", n)
		}
		seen[n] = true
	}
	return nil
}

func ascending(numbers []int) bool {
	last := -1
	for _, n := range numbers {
		if n <= last {
			return false
		}
		last = n
	}
	return true
}

func inOrder(ranges [][2]int64) bool {
	last := int64(-1)
	for _, r := range ranges {
		if r[0] <= last || r[1] < r[0] {
			return false
		}
		last = r[1]
	}
	return true
}
