package record

import (
	"fmt"
	"strconv"
)

// Head is what a manifest says of the whole result: whose it is, and what it holds.
type Head struct {
	State       State
	Project     string
	Address     string
	Run         string
	Fingerprint string
	Totals      Counts
}

// Head is that of a manifest.
func (m *Manifest) Head() Head {
	return Head{m.State, m.Project, m.Address, m.Run, m.Fingerprint, m.Totals}
}

// ParseHead reads the head of a manifest, ten times as fast as ParseManifest reads all
// of it: a plan looks at thousands. Of the rest it checks that it is JSON.
func ParseHead(b []byte) (Head, error) {
	d := NewJSONDecoder([]string{
		"format_version", "state", "project", "address", "run", "fingerprint",
		"totals.in", "totals.ok", "totals.failed", "totals.skipped",
	})
	values := make([]Value, 10)
	if fail := d.Decode(b, values); fail != nil {
		return Head{}, fmt.Errorf("%w: %s", ErrManifest, fail.Message)
	}
	var err error
	whole := func(n int) (out int64) {
		v := values[n]
		if v.Kind == Missing || v.Kind == Null {
			return 0
		}
		out, perr := strconv.ParseInt(string(v.Raw), 10, 64)
		if perr != nil && err == nil {
			err = fmt.Errorf("%w: %q is no whole number", ErrManifest, v.Raw)
		}
		return out
	}
	text := func(n int) (out string) {
		v := values[n]
		if v.Kind == Missing || v.Kind == Null {
			return ""
		}
		if v.Kind == String {
			out, _ = Unquote(v.Raw)
		} else if err == nil {
			err = fmt.Errorf("%w: %q is no text", ErrManifest, v.Raw)
		}
		return out
	}
	version := whole(0)
	h := Head{State(text(1)), text(2), text(3), text(4), text(5), Counts{whole(6), whole(7), whole(8), whole(9)}}
	if err == nil {
		err = readable(version)
	}
	if err != nil {
		return Head{}, err
	}
	return h, nil
}
