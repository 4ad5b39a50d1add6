package mapping

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// FormatVersion is the version of scorer.json. Readers refuse others.
const FormatVersion = 1

// Name is what the object of a mapping is called.
const Name = "scorer.json"

// The members that staging adds to records. No field of a job may begin with
// them.
const (
	// IdentityField holds "<shard>:<row>". Vertex calls it the key field.
	IdentityField = "_cb"
	// RecordField holds the text of a sealed record: a string.
	RecordField = "_cb_record"
	// ErrorField holds {"code":...,"message":...}: the record could not be read
	// where it lay, and this is why. Beside it stand the fields of the key that
	// could be read.
	ErrorField = "_cb_error"
	// PathField holds the fields that the path of the record's shard tells: strings
	// or null, whatever the record's own format, and before its own fields.
	PathField = "_cb_path"
)

// ErrFormat says that a scorer.json is not one that this version reads. A scorer
// that meets it ends its job as invalid.
var ErrFormat = errors.New("not a scorer.json of this version")

// ErrReserved says that a job reads a field that staging keeps for itself.
var ErrReserved = errors.New("the field's name is reserved")

// Mapping is scorer.json: everything that a scorer needs besides the model.
type Mapping struct {
	FormatVersion int `json:"format_version"`

	// Model is the digest of the model package: hex SHA-256.
	Model string `json:"model"`

	// Format is how records arrive at the scorer: jsonl or csv; parquet only where
	// the scorer reads the input itself.
	Format job.Format `json:"format"`

	// Origin is how records were written where they come from. With csv, the
	// strings of JSON records are cells: text that is parsed for numeric tensors.
	Origin job.Format `json:"origin"`

	// Staged says that staging wrote the records, so that ErrorField and PathField
	// mean what they say.
	Staged bool `json:"staged,omitempty"`

	// Sealed says that each record is the text in RecordField of the one that
	// arrives, and that its line is answered as text, too: the service reads the JSON
	// that it carries and writes it anew, and digits would not survive that.
	Sealed bool `json:"sealed,omitempty"`

	CSV     *job.Dialect `json:"csv,omitempty"`     // of records that arrive as CSV
	Columns []string     `json:"columns,omitempty"` // of CSV; none: the header of each object says

	// Types are those of fields whose source is typed, as parquet.File.Type and
	// Elem name them. Text alone would tell a float from a double no more.
	Types map[string]string `json:"types,omitempty"`

	Key     []string        `json:"key,omitempty"` // none: "<shard>:<row>"
	Tensors []job.Tensor    `json:"tensors,omitempty"`
	Keep    []job.Rename    `json:"keep,omitempty"`
	Select  []job.Selection `json:"select,omitempty"`

	// Output is how a scorer writes that writes whole shards itself.
	Output      job.Format `json:"output"`
	Compression string     `json:"compression,omitempty"`

	Records     int   `json:"records,omitempty"`     // a call of the model; 0: the scorer's default
	Concurrency int   `json:"concurrency,omitempty"` // calls at a time; 0: the scorer's default
	Limit       int64 `json:"limit,omitempty"`       // a preview that the scorer itself cuts
}

// Of is the mapping of a job whose records lie as they are described: format and
// origin are equal, and nothing is staged. model is the digest of its package.
func Of(j job.Job, model string, format job.Format) Mapping {
	m := Mapping{
		FormatVersion: FormatVersion, Model: model, Format: format, Origin: format,
		Key: j.Input.Key, Tensors: j.Input.Tensors, Keep: j.Output.Keep, Select: j.Output.Select,
		Output: j.Output.Format, Records: j.Batching.Records, Concurrency: j.Batching.Concurrency, Limit: j.Input.Limit,
	}
	if j.Output.Compression != job.CompressionNone {
		m.Compression = j.Output.Compression
	}
	if format == job.CSV {
		m.CSV = &job.Dialect{Header: j.Input.CSV.Header, Delimiter: j.Input.CSV.Delimiter}
	}
	return m
}

// Job is the part of a job that a scorer reads.
func (m Mapping) Job() job.Job {
	j := job.Job{
		Input:    job.Input{Format: m.Format, Key: m.Key, Tensors: m.Tensors, Limit: m.Limit, CSV: job.Dialect{Header: true, Delimiter: ","}},
		Output:   job.Output{Format: m.Output, Compression: m.Compression, Keep: m.Keep, Select: m.Select},
		Batching: job.Batching{Records: m.Records, Concurrency: m.Concurrency},
	}
	if m.CSV != nil {
		j.Input.CSV = *m.CSV
	}
	if j.Output.Compression == "" {
		j.Output.Compression = job.CompressionNone
	}
	return j
}

// Fields are the fields of a record that the mapping names, each once: of the key,
// kept ones, then those of tensors. Model inputs without a tensor block are not
// among them: they are fed by the fields of their own names.
func (m Mapping) Fields() []string {
	var out []string
	add := func(names ...string) {
		for _, n := range names {
			if n != "" && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	add(m.Key...)
	for _, k := range m.Keep {
		add(k.Field)
	}
	for _, t := range m.Tensors {
		add(t.Field)
		add(t.Fields...)
	}
	return out
}

// Encode writes canonical JSON: equal mappings give equal bytes.
func (m Mapping) Encode() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return provider.Canonical(m)
}

// Digest names the mapping: hex SHA-256 of Encode.
func (m Mapping) Digest() (string, error) {
	b, err := m.Encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Decode reads what Encode wrote. Another version, a member that this version does
// not know and anything that does not go together is ErrFormat: a scorer that
// overlooked a member would answer something else than was asked.
func Decode(b []byte) (Mapping, error) {
	var head struct {
		FormatVersion int `json:"format_version"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return Mapping{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if head.FormatVersion != FormatVersion {
		return Mapping{}, fmt.Errorf("%w: format_version is %d, this crossbatch reads %d", ErrFormat, head.FormatVersion, FormatVersion)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var m Mapping
	if err := d.Decode(&m); err != nil {
		return Mapping{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Mapping{}, fmt.Errorf("%w: more text behind it", ErrFormat)
	}
	if err := m.check(); err != nil {
		return Mapping{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return m, nil
}

func (m Mapping) check() error {
	formats := []job.Format{job.JSONL, job.CSV, job.Parquet}
	switch {
	case m.FormatVersion != FormatVersion:
		return fmt.Errorf("format_version is %d", m.FormatVersion)
	case !isSHA256(m.Model):
		return fmt.Errorf("model %q is no SHA-256 of 64 hex digits", m.Model)
	case !slices.Contains(formats, m.Format):
		return fmt.Errorf("no record arrives as %q", m.Format)
	case !slices.Contains(formats, m.Origin):
		return fmt.Errorf("no record comes from %q", m.Origin)
	case !slices.Contains(formats, m.Output):
		return fmt.Errorf("no result is written as %q", m.Output)
	case !m.Staged && (m.Format != m.Origin || m.Sealed):
		return errors.New("records that are not staged are neither converted nor sealed")
	case m.Staged && m.Format == job.Parquet:
		return errors.New("staged records are jsonl or csv")
	case m.Sealed && m.Format != job.JSONL:
		return fmt.Errorf("%s has no place for %s", m.Format, RecordField)
	case (m.Format == job.CSV) != (m.CSV != nil):
		return errors.New("csv says how records are written that arrive as csv, and belongs to no others")
	case m.CSV != nil && len(m.CSV.Delimiter) != 1:
		return fmt.Errorf("the delimiter %q is not one byte", m.CSV.Delimiter)
	case m.Format == job.CSV && m.Staged && (len(m.Columns) == 0 || *m.CSV != job.Dialect{Delimiter: ","}):
		return errors.New("staged csv has no header and commas between its cells, so columns must name its fields")
	case m.Format != job.CSV && len(m.Columns) > 0:
		return errors.New("columns belong to records that arrive as csv")
	case m.Records < 0 || m.Concurrency < 0 || m.Limit < 0:
		return errors.New("records, concurrency and limit cannot be negative")
	}
	for _, t := range m.Types {
		if !slices.Contains(types, t) {
			return fmt.Errorf("there is no type %q", t)
		}
	}
	return CheckFields(append(m.Fields(), m.Columns...)...)
}

// CheckFields refuses names that staging keeps for itself: ErrReserved.
func CheckFields(names ...string) error {
	for _, n := range names {
		first, _, _ := strings.Cut(n, ".")
		if Reserved(first) {
			return fmt.Errorf("%w: %q (%s, %s, %s and %s are added to staged records)", ErrReserved, n, IdentityField, RecordField, ErrorField, PathField)
		}
	}
	return nil
}

// Reserved says whether a member of this name is staging's own.
func Reserved(name string) bool {
	return name == IdentityField || name == RecordField || name == ErrorField || name == PathField
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && strings.ToLower(s) == s
}
