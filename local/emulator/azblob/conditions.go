package azblob

import (
	"net/http"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// etagOf is an etag of the store as the service writes one.
func etagOf(etag string) string { return `"0x` + strings.ToUpper(etag) + `"` }

// conditions are the four conditional headers.
// https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
type conditions struct {
	match, none  string
	since, until time.Time
}

func (x *exchange) conditions(stem string) (conditions, error) {
	h := x.r.Header
	c := conditions{match: h.Get(stem + "If-Match"), none: h.Get(stem + "If-None-Match")}
	for name, at := range map[string]*time.Time{stem + "If-Modified-Since": &c.since, stem + "If-Unmodified-Since": &c.until} {
		if given := h.Get(name); given != "" {
			var err error
			if *at, err = http.ParseTime(given); err != nil {
				return c, badHeader(strings.ToLower(name))
			}
		}
	}
	return c, nil
}

// holds says whether o, nil for none, meets them.
func (c conditions) holds(o *objects.Object) bool {
	if o == nil {
		return c.match == "" && c.until.IsZero()
	}
	at := o.Modified.Truncate(time.Second)
	return (c.match == "" || names(c.match, o)) && (c.none == "" || !names(c.none, o)) &&
		(c.since.IsZero() || at.After(c.since)) && (c.until.IsZero() || !at.After(c.until))
}

// names says whether an etag is the object's. SDKs leave quotes away at times.
func names(etag string, o *objects.Object) bool {
	return etag == "*" || strings.Trim(etag, `"`) == strings.Trim(etagOf(o.ETag), `"`)
}

// writable is the check of a write, which may find nothing.
func (c conditions) writable(o *objects.Object) error {
	switch {
	case c.holds(o):
		return nil
	case c.none == "*" && o != nil:
		return newFault(http.StatusConflict, "BlobAlreadyExists", "The specified blob already exists.")
	}
	return conditionNotMet()
}

// readable is the check of a read.
func (c conditions) readable(o *objects.Object) error {
	switch {
	case c.holds(o):
		return nil
	case (c.match == "" || names(c.match, o)) && (c.until.IsZero() || !o.Modified.Truncate(time.Second).After(c.until)):
		return newFault(http.StatusNotModified, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
	}
	return conditionNotMet()
}

// source is the check of a copy's source.
func (c conditions) source(o *objects.Object) error {
	if !c.holds(o) {
		return newFault(http.StatusPreconditionFailed, "SourceConditionNotMet", "The source condition specified using HTTP conditional header(s) is not met.")
	}
	return nil
}

// plain is the check of any other operation on a blob that is there.
func (c conditions) plain(o *objects.Object) error {
	if !c.holds(o) {
		return conditionNotMet()
	}
	return nil
}
