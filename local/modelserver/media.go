package modelserver

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// bodyKind is how a request holds its records.
type bodyKind int

const (
	linesBody     bodyKind = iota // one after another: JSON Lines or CSV
	instancesBody                 // {"instances":[...]}
)

// The type of answers, and what else JSON Lines are called.
const linesType = "application/jsonlines"

var lineTypes = []string{linesType, "application/x-jsonlines", "application/x-ndjson", "application/json"}

// checkMedia refuses a request whose records are not written as the mapping says,
// and one that would not take the answer.
func checkMedia(h http.Header, kind bodyKind, format job.Format) error {
	takes := lineTypes
	switch {
	case kind == instancesBody:
		takes = []string{"application/json"}
	case format == job.CSV:
		takes = []string{"text/csv"}
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return refusef(http.StatusUnsupportedMediaType, provider.Invalid, "the body has the content encoding %q: send it as it is", e)
	}
	said := h.Get("Content-Type")
	typ, params, err := mime.ParseMediaType(said)
	if err != nil || !slices.Contains(takes, typ) {
		return refusef(http.StatusUnsupportedMediaType, provider.Invalid, "the content type is %q: this route and mapping take %s", said, strings.Join(takes, ", "))
	}
	if c, ok := params["charset"]; ok && !strings.EqualFold(c, "utf-8") && !strings.EqualFold(c, "us-ascii") {
		return refusef(http.StatusUnsupportedMediaType, provider.Invalid, "the charset is %q: records are UTF-8", c)
	}
	if kind == linesBody && !accepts(h.Values("Accept")) {
		return refusef(http.StatusNotAcceptable, provider.Invalid, "the request accepts %q: the answer is %s", strings.Join(h.Values("Accept"), ", "), linesType)
	}
	return nil
}

// accepts says whether JSON Lines are among what a client takes.
func accepts(values []string) bool {
	any := true
	for _, v := range values {
		for _, one := range strings.Split(v, ",") {
			typ, params, err := mime.ParseMediaType(strings.TrimSpace(one))
			if err != nil {
				continue
			}
			any = false
			if q := params["q"]; strings.Trim(q, "0.") == "" && q != "" {
				continue
			}
			if typ == "*/*" || typ == "application/*" || slices.Contains(lineTypes, typ) {
				return true
			}
		}
	}
	return any
}
