package contracttests

import (
	"errors"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// published is what stands at a destination.
type published struct {
	manifest *record.Manifest
	bodies   map[string]string // by name of the object
}

// read reads a result and checks that it is whole: all that the manifest names
// is there as it says, nothing else is, and the counts add up.
func (p *place) read(destination string) published {
	p.t.Helper()
	out, ok := p.peek(destination)
	if !ok {
		p.t.Fatalf("nothing is published at %s", destination)
	}
	m := out.manifest
	var total record.Counts
	named := []string{record.ManifestName}
	for i, s := range m.Shards {
		total.Add(s.Counts)
		if !s.Balanced() {
			p.t.Errorf("shard %d: %d records in are not %d ok + %d failed + %d skipped", i, s.In, s.OK, s.Failed, s.Skipped)
		}
		named = append(named, p.holds(out, s.Part))
		if s.FailedPart != nil {
			named = append(named, p.holds(out, *s.FailedPart))
		}
	}
	if total != m.Totals {
		p.t.Errorf("the shards add up to %+v, the totals say %+v", total, m.Totals)
	}
	for name := range out.bodies {
		if !slices.Contains(named, name) {
			p.t.Errorf("%s stands at the destination, and the manifest does not name it", name)
		}
	}
	return out
}

func (p *place) holds(out published, f record.File) string {
	p.t.Helper()
	body, ok := out.bodies[f.Name]
	switch {
	case !ok:
		p.t.Errorf("the manifest names %s, which is not there", f.Name)
	case int64(len(body)) != f.Size || digest.Of([]byte(body)) != f.Digest:
		p.t.Errorf("%s is not what the manifest says", f.Name)
	}
	return f.Name
}

// peek reads what stands at a destination; false when no result does.
func (p *place) peek(destination string) (published, bool) {
	p.t.Helper()
	b, prefix, err := p.open(p.ctx, destination)
	p.must(err)
	defer func() { _ = b.Close() }()
	out := published{bodies: map[string]string{}}
	for o, err := range b.Objects(p.ctx, prefix) {
		p.must(err)
		body, err := b.Read(p.ctx, o.Key)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		p.must(err)
		out.bodies[strings.TrimPrefix(o.Key, prefix)] = string(body)
	}
	body, ok := out.bodies[record.ManifestName]
	if !ok {
		return out, false
	}
	out.manifest, err = record.ParseManifest([]byte(body))
	p.must(err)
	return out, true
}

// empty checks that a destination holds nothing.
func (p *place) empty(destination string) {
	p.t.Helper()
	out, _ := p.peek(destination)
	for name := range out.bodies {
		p.t.Errorf("%s holds %s, though the run published nothing", destination, name)
	}
}

// part is the body of a shard's predictions.
func (out published) part(shard int) string { return out.bodies[out.manifest.Shards[shard].Part.Name] }

// failed is the body of a shard's failures; empty when it has none.
func (out published) failed(shard int) string {
	if f := out.manifest.Shards[shard].FailedPart; f != nil {
		return out.bodies[f.Name]
	}
	return ""
}

// equal checks the published predictions, shard by shard.
func (p *place) equal(out published, want []string) {
	p.t.Helper()
	if len(out.manifest.Shards) != len(want) {
		p.t.Fatalf("%d shards are published, want %d", len(out.manifest.Shards), len(want))
	}
	for i := range want {
		p.same(i, "predictions", out.part(i), want[i])
	}
}

// same compares texts line by line, and tells of the first difference.
func (p *place) same(shard int, what, got, want string) {
	p.t.Helper()
	if got == want {
		return
	}
	gs, ws := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(gs), len(ws)) {
		var g, w string
		if i < len(gs) {
			g = gs[i]
		}
		if i < len(ws) {
			w = ws[i]
		}
		if g != w || i >= len(gs) || i >= len(ws) {
			p.t.Errorf("shard %d, %s, line %d of %d (want %d):\n got %s\nwant %s", shard, what, i+1, len(gs), len(ws), g, w)
			return
		}
	}
}
