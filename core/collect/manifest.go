package collect

import (
	"maps"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/part"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// manifest accounts for the run. Its state is the caller's to set.
func (c *collector) manifest(shards []record.Shard) *record.Manifest {
	made := c.scored
	m := &record.Manifest{
		FormatVersion: record.ManifestVersion,
		Project:       c.Job.Project,
		Address:       c.Job.Address,
		Run:           c.Run,
		Fingerprint:   c.Fingerprint,
		Model:         c.Model,
		Provider:      c.Provider,
		Machine:       made.Machine,
		Engine:        made.Engine,
		Format:        string(c.Job.Output.Format),
		Compression:   named(c.Job.Output.Compression),
		Columns:       made.Columns,
		Started:       c.Started.UTC(),
		Finished:      c.Finished.UTC(),
		Shards:        shards,
	}
	if len(m.Columns) == 0 {
		m.Columns = c.columns(made).Table()
	}
	if c.Base != nil {
		m.Retried = c.Base.Manifest.Run
		m.Fills = maps.Clone(c.Base.Manifest.Fills)
	}
	for i, s := range shards {
		m.Totals.Add(s.Counts)
		fills := c.shards[i].fills
		if p := c.shards[i].part; p != nil && c.Base == nil {
			fills = p.Fills
		}
		for field, n := range fills {
			if m.Fills == nil {
				m.Fills = map[string]int64{}
			}
			m.Fills[field] += n
		}
	}
	return m
}

// made is what scored, as the first shard tells that was scored at all.
func (c *collector) made() provider.Made {
	for _, s := range c.shards {
		switch {
		case s.part != nil:
			return s.part.Made
		case len(s.lines) > 0:
			return s.lines[0].Made
		}
	}
	return c.Made
}

// layout is how the parts are written.
func (c *collector) layout(made provider.Made) part.Layout {
	o := c.Job.Output
	return part.Layout{Format: o.Format, Compression: o.Compression, Columns: *c.columns(made)}
}

// columns is what scorer lines of this run have in common.
func (c *collector) columns(made provider.Made) *record.Columns {
	cols := &record.Columns{Keys: len(c.Job.Input.Key), Outputs: made.Outputs}
	for _, k := range c.Job.Output.Keep {
		cols.Keep = append(cols.Keep, k.Name)
	}
	keys := max(1, cols.Keys)
	for i, column := range made.Columns {
		switch {
		case i < keys:
			cols.KeyTypes = append(cols.KeyTypes, column.Type)
		case i < keys+len(cols.Keep):
			cols.KeepTypes = append(cols.KeepTypes, column.Type)
		}
	}
	return cols
}

// named is a compression that readers have to know of.
func named(compression string) string {
	if compression == job.CompressionNone {
		return ""
	}
	return compression
}
