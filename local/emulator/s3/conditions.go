package s3

import (
	"net/http"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// writeCondition is what If-Match and If-None-Match demand of what stands at the
// key that is written.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func writeCondition(h http.Header, key string) (objects.Check, error) {
	match, none := h.Get("If-Match"), h.Get("If-None-Match")
	if none != "" && (none != "*" || match != "") {
		return nil, notImplemented("If-None-Match")
	}
	return func(o *objects.Object) error {
		switch {
		case none != "" && o != nil:
			return preconditionFailed()
		case match == "":
			return nil
		case o == nil:
			return noSuchKey(key)
		case !matches(match, o):
			return preconditionFailed()
		}
		return nil
	}, nil
}

// readCondition is what the four conditional headers demand of the object that is
// read, their names beginning with stem.
func readCondition(h http.Header, stem string, unmodified int) objects.Check {
	match, none := h.Get(stem+"If-Match"), h.Get(stem+"If-None-Match")
	since, _ := http.ParseTime(h.Get(stem + "If-Modified-Since"))
	until, _ := http.ParseTime(h.Get(stem + "If-Unmodified-Since"))
	refusal := func() error {
		if unmodified == http.StatusNotModified {
			return newFault(unmodified, "NotModified", "Not Modified")
		}
		return preconditionFailed()
	}
	return func(o *objects.Object) error {
		at := o.Modified.Truncate(time.Second)
		switch {
		case match != "" && !matches(match, o):
			return preconditionFailed()
		case match == "" && !until.IsZero() && at.After(until):
			return preconditionFailed()
		case none != "" && matches(none, o):
			return refusal()
		case none == "" && !since.IsZero() && !at.After(since):
			return refusal()
		}
		return nil
	}
}

// matches says whether a list of etags names the object's.
func matches(list string, o *objects.Object) bool {
	etag := strings.Trim(etagOf(o), `"`)
	for candidate := range strings.SplitSeq(list, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.Trim(candidate, `"`) == etag {
			return true
		}
	}
	return false
}
