package ociobjectstorage

import (
	"net/http"
	"strings"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// objectSummary is an entry of a listing: what was not asked for is left out.
type objectSummary struct {
	Name         string `json:"name"`
	Size         *int64 `json:"size,omitempty"`
	MD5          string `json:"md5,omitempty"`
	ETag         string `json:"etag,omitempty"`
	TimeCreated  string `json:"timeCreated,omitempty"`
	TimeModified string `json:"timeModified,omitempty"`
	StorageTier  string `json:"storageTier,omitempty"`
}

type listing struct {
	Objects       []objectSummary `json:"objects"`
	Prefixes      []string        `json:"prefixes,omitempty"`
	NextStartWith string          `json:"nextStartWith,omitempty"`
}

func (s *Server) listObjects(w http.ResponseWriter, r *request) error {
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	delimiter := r.query.Get("delimiter")
	if delimiter != "" && delimiter != "/" {
		return invalid("delimiter can only be '/'")
	}
	fields := map[string]bool{}
	for f := range strings.SplitSeq(strings.ToLower(r.query.Get("fields")), ",") {
		switch f = strings.TrimSpace(f); f {
		case "", "name", "size", "etag", "md5", "timecreated", "timemodified", "storagetier", "archivalstate":
			fields[f] = true
		default:
			return invalid("fields has %q", f)
		}
	}
	page, err := s.o.Objects.List(r.bucket, objects.ListOptions{
		Prefix: r.query.Get("prefix"), Delimiter: delimiter, Limit: limit,
		From: r.query.Get("start"), After: r.query.Get("startAfter"), Before: r.query.Get("end"),
	})
	if err != nil {
		return err
	}
	out := listing{Objects: []objectSummary{}, Prefixes: page.Prefixes, NextStartWith: page.Next}
	for _, o := range page.Objects {
		out.Objects = append(out.Objects, summary(o, fields))
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func summary(o objects.Object, fields map[string]bool) objectSummary {
	e := objectSummary{Name: o.Key}
	if fields["size"] {
		e.Size = &o.Size
	}
	if fields["md5"] {
		e.MD5 = digest(o)
	}
	if fields["etag"] {
		e.ETag = o.ETag
	}
	if fields["timecreated"] {
		e.TimeCreated = o.Created.Format(timeFormat)
	}
	if fields["timemodified"] {
		e.TimeModified = o.Modified.Format(timeFormat)
	}
	if fields["storagetier"] {
		e.StorageTier = o.Properties[tierKey]
	}
	return e
}
