package objectstore

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/crossbatch/crossbatch/core/storage"
)

// fault makes a storage.Fault.
func fault(kind error, cause error, hint string) *storage.Fault {
	return &storage.Fault{Kind: kind, Hint: hint, Cause: cause}
}

// unreached says whether an error is that of a connection which could not be made;
// nil when it is not. where is what a user can change.
func unreached(err error, where string) *storage.Fault {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return fault(storage.ErrUnreachable, err, "no host "+dns.Name+"; check "+where)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		at := ""
		if op.Addr != nil {
			at = op.Addr.String()
		}
		return fault(storage.ErrUnreachable, err, at+": "+op.Err.Error()+"; check "+where)
	}
	return nil
}

// refused is what a status means that says nothing about objects; nil for others.
func refused(status int, code string, err error) *storage.Fault {
	if code != "" {
		code = "; the service says " + code
	}
	switch status {
	case http.StatusUnauthorized:
		return fault(storage.ErrDenied, err, "the credentials are not accepted"+code)
	case http.StatusForbidden:
		return fault(storage.ErrDenied, err, "the credentials do not allow it"+code)
	}
	return nil
}

// bare is an entity tag without its quotes.
func bare(etag string) string { return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`) }

const etagPrefix = "etag:"

// etagVersion is a version told by an entity tag. Each of S3, Azure Blob and OCI
// puts it into listings, readers and attributes alike; version ids need a
// request for each object, and are there only where versioning is on.
func etagVersion(etag string) string {
	if etag = bare(etag); etag == "" {
		return ""
	}
	return etagPrefix + etag
}

// quoted is the entity tag of a version as HTTP writes it; false for another kind
// of version.
func quoted(version string) (string, bool) {
	etag, ok := strings.CutPrefix(version, etagPrefix)
	return `"` + etag + `"`, ok
}

const (
	mib = 1 << 20

	// writeMemory is what the parts of one write may take together.
	writeMemory = 64 * mib
)

// cut is a part size for a store that takes at most so many parts of at least
// that size, and how many of them travel at once.
func cut(size, least, parts int64) (part, parallel int) {
	bytes := least
	if size < 0 {
		bytes = max(bytes, 16*mib)
	} else if need := size/(parts-1) + 1; need > bytes {
		bytes = (need + mib - 1) / mib * mib
	}
	return int(bytes), int(min(5, max(1, writeMemory/bytes)))
}
