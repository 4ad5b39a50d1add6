package jobfile

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/storage"
)

// objectSchemes are the stores that the language knows.
func objectSchemes() []string { return []string{"s3", "gs", "azblob", "oci"} }

// scheme is what stands before :// in a URI.
func scheme(text string) (string, bool) {
	before, _, ok := strings.Cut(text, "://")
	if !ok || before == "" || strings.ContainsAny(before, `/\.*?[{`) {
		return "", false
	}
	return strings.ToLower(before), true
}

// place reads a path or an object URI of the job file. A path becomes absolute
// and clean, and a glob stays one; a URI stands as written.
func (s spot) place(text string) (string, bool) {
	switch uri, ok := scheme(text); {
	case text == "":
		s.fail(s.path+" is empty.", "")
	case strings.ContainsRune(text, 0):
		s.fail(s.path+" holds a NUL character.", "")
	case ok && slices.Contains(objectSchemes(), uri):
		return s.objectURI(text, uri)
	case ok:
		s.fail(fmt.Sprintf("%s is on no store that crossbatch knows.", s.quote(text)),
			"Write a path, or a URI of "+eitherOf(objectSchemes())+".")
	default:
		return s.l.under(text), true
	}
	return "", false
}

// objectURI checks a URI of a known store: it names a bucket, in lower case as
// the stores' own tools write their schemes.
func (s spot) objectURI(text, scheme string) (string, bool) {
	u := splitURI(text)
	switch {
	case u.scheme != scheme:
		s.fail(fmt.Sprintf("%s does not start with %s://.", s.quote(text), scheme), "Write the scheme in lower case.")
	case u.bucket == "" || hasGlob(u.bucket):
		s.fail(fmt.Sprintf("%s names no bucket.", s.quote(text)), fmt.Sprintf("Write %s://BUCKET/PREFIX.", scheme))
	default:
		return text, true
	}
	return "", false
}

// uri is an object URI in parts: SCHEME://BUCKET/KEY?QUERY.
type uri struct{ scheme, bucket, key, query string }

// splitURI takes a URI apart. A ? is a wildcard except where a query follows,
// which says where a bucket is; storage.URI has the rule.
func splitURI(text string) uri {
	var u uri
	text, u.query = storage.CutQuery(text)
	var rest string
	u.scheme, rest, _ = strings.Cut(text, "://")
	u.bucket, u.key, _ = strings.Cut(rest, "/")
	return u
}

// folderOf is a place as a folder: it ends in one slash, before the query.
func folderOf(place string) string {
	if _, ok := scheme(place); !ok {
		return strings.TrimRight(filepath.ToSlash(place), "/") + "/"
	}
	u := splitURI(place)
	out := u.scheme + "://" + strings.TrimRight(u.bucket+"/"+u.key, "/") + "/"
	if u.query != "" {
		out += "?" + u.query
	}
	return out
}

// ordered is a place in the form in which places are compared: what names
// the store stands first, and the path after it.
func ordered(place string) string {
	if _, ok := scheme(place); !ok {
		return place
	}
	u := splitURI(place)
	if u.query != "" {
		u.bucket += "?" + u.query
	}
	return u.scheme + "://" + u.bucket + "/" + u.key
}

// folderPlace is place for a folder.
func (s spot) folderPlace(text string) (string, bool) {
	p, ok := s.place(text)
	if !ok {
		return "", false
	}
	return folderOf(p), true
}

func hasGlob(path string) bool { return strings.ContainsAny(path, "*?[{") }
