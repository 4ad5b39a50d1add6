package storage

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// URI names an object of a store, or a folder of objects. Its text is
//
//	SCHEME://BUCKET/PATH?QUERY
//
// PATH is the key, percent-encoded: URI.String writes letters, digits and
// -._~/!$&'()+,;=:@ as they are and every other byte of the key's UTF-8 as %XX,
// so that ?, #, %, spaces and what globs are made of stand in a key without
// meaning anything. Reading, other bytes stand for themselves, so that people
// may write spaces and # as they are; a % is followed by two hex digits, and the
// key is UTF-8. Slashes are never encoded and never cleaned away: a//b, /a and
// a/ are keys of their own. A folder's key is empty or ends in a slash.
//
// QUERY says where a bucket is (region, endpoint, account). It is the text after
// the last ? if that is NAME=VALUE, or several of them with & in between. A value
// holds no *, ? or space, and a slash only if it begins with http:// or https://;
// any other ? belongs to the path, where it is a wildcard of a glob. A query is
// kept as it is written and holds no secrets.
//
// Elements are put behind a URI's path, and taken off, by Join and Split alone.
type URI struct {
	Scheme string // lower case
	Bucket string // of oci: BUCKET@NAMESPACE
	Key    string // decoded; with what String makes of it, the same text again
	Query  string // as written, without its question mark
}

// ErrURI says that a text is not the URI of an object. Match it with errors.Is.
var ErrURI = errors.New("not a URI of an object store")

var queryText = regexp.MustCompile(`^` + pairText + `(&` + pairText + `)*$`)

const pairText = `[A-Za-z_][A-Za-z0-9_-]*=(https?://[^*?&\s]*|[^*?&/\s]*)`

// CutQuery takes the query off a URI's text. The path comes back as written.
func CutQuery(text string) (path, query string) {
	if i := strings.LastIndexByte(text, '?'); i >= 0 && queryText.MatchString(text[i+1:]) {
		return text[:i], text[i+1:]
	}
	return text, ""
}

// ParseURI reads a URI of an object store, whatever its scheme. Errors match
// ErrURI and echo nothing that may be a password.
func ParseURI(text string) (URI, error) {
	u, raw, err := cutURI(text)
	if err != nil {
		return URI{}, err
	}
	u.Key, err = unescape(raw)
	if err != nil {
		return URI{}, fmt.Errorf("%w: %s: %w", ErrURI, text, err)
	}
	return u, nil
}

// WithoutQuery is a URI for whoever opens it elsewhere: where the store is, it knows
// by itself. Errors match ErrURI.
func WithoutQuery(uri string) (string, error) {
	u, err := ParseURI(uri)
	if err != nil {
		return "", err
	}
	u.Query = ""
	return u.String(), nil
}

// cutURI takes a URI apart and leaves its path as written.
func cutURI(text string) (u URI, raw string, err error) {
	before, query := CutQuery(text)
	scheme, rest, ok := strings.Cut(before, "://")
	if !ok || scheme == "" {
		return URI{}, "", fmt.Errorf("%w: it does not begin with a scheme such as s3://", ErrURI)
	}
	u = URI{Scheme: strings.ToLower(scheme), Query: query}
	u.Bucket, raw, _ = strings.Cut(rest, "/")
	name, host, at := strings.Cut(u.Bucket, "@")
	switch {
	case at && (strings.Contains(name, ":") || u.Scheme != "oci"):
		return URI{}, "", fmt.Errorf("%w: a %s:// URI holds a user name or password; take it out, credentials come from the environment", ErrURI, u.Scheme)
	case name == "" || at && host == "" || strings.ContainsAny(u.Bucket, "?#%\\ "+wildcards):
		return URI{}, "", fmt.Errorf("%w: a %s:// URI names no bucket", ErrURI, u.Scheme)
	}
	return u, raw, nil
}

// String is the URI's text.
func (u URI) String() string {
	text := u.Scheme + "://" + u.Bucket + "/" + escape(u.Key)
	if u.Query != "" {
		text += "?" + u.Query
	}
	return text
}

// Join names what lies under a folder: uri is its URI or path, with or without
// the slash at its end, elem a key relative to it, not encoded. A query stays at
// the end. Paths and file URIs stay what they are. A uri that cannot be read is
// joined as text, for whoever opens it to refuse.
func Join(uri, elem string) string {
	if local, ok := LocalPath(uri); ok {
		joined := filepath.Join(local, filepath.FromSlash(elem))
		if strings.HasSuffix(elem, "/") || elem == "" {
			joined = strings.TrimSuffix(joined, string(filepath.Separator)) + string(filepath.Separator)
		}
		if strings.Contains(uri, "://") {
			return FileURI(joined)
		}
		return joined
	}
	before, query := CutQuery(uri)
	text := before
	if !strings.HasSuffix(before, "/") {
		text += "/"
	}
	if elem != "" {
		text += escape(elem)
	}
	if query != "" {
		text += "?" + query
	}
	return text
}

// Split takes the last element off: folder ends in a slash and keeps the query,
// name is decoded. The name of a folder's URI is empty. Join(Split(uri)) names
// the same object. A file's folder is a file URI.
func Split(uri string) (folder, name string) {
	if local, ok := LocalPath(uri); ok {
		if strings.HasSuffix(filepath.ToSlash(local), "/") {
			return FileURI(local), ""
		}
		return FileURI(strings.TrimSuffix(filepath.Dir(local), string(filepath.Separator)) + string(filepath.Separator)), filepath.Base(local)
	}
	before, query := CutQuery(uri)
	i := strings.LastIndexByte(before, '/') + 1
	if scheme := strings.Index(before, "://"); scheme >= 0 && i <= scheme+len("://") { // no path
		i = len(before)
		before += "/"
		i++
	}
	folder, raw := before[:i], before[i:]
	if query != "" {
		folder += "?" + query
	}
	name, err := unescape(raw)
	if err != nil {
		name = raw
	}
	return folder, name
}

// glob reads a source that may be a glob: base is the folder that holds all it
// can match, as a URI; pattern is relative to it and decoded, with what was
// encoded quoted; magic says whether it is a pattern at all. Without magic,
// pattern is a key.
func glob(text string) (base, pattern string, magic bool, err error) {
	u, raw, err := cutURI(text)
	if err != nil {
		return "", "", false, err
	}
	at := strings.IndexAny(raw, wildcards)
	if at < 0 {
		if u.Key, err = unescape(raw); err != nil {
			return "", "", false, fmt.Errorf("%w: %s: %w", ErrURI, text, err)
		}
		folder, name := path.Split(u.Key)
		u.Key = folder
		return u.String(), name, false, nil
	}
	cut := strings.LastIndexByte(raw[:at], '/') + 1
	if u.Key, err = unescape(raw[:cut]); err != nil {
		return "", "", false, fmt.Errorf("%w: %s: %w", ErrURI, text, err)
	}
	var out strings.Builder
	for rest := raw[cut:]; rest != ""; {
		n := 1
		if rest[0] == '%' {
			n = min(3, len(rest))
		}
		c, err := unescapeBytes(rest[:n])
		if err != nil {
			return "", "", false, fmt.Errorf("%w: %s: %w", ErrURI, text, err)
		}
		if quoted := n > 1 || c == `\`; quoted && strings.ContainsAny(c, wildcards+`\`) {
			out.WriteByte('\\')
		}
		out.WriteString(c)
		rest = rest[n:]
	}
	if !utf8.ValidString(out.String()) {
		return "", "", false, fmt.Errorf("%w: %s: %w", ErrURI, text, errNotUTF8)
	}
	return u.String(), out.String(), true, nil
}

// wildcards are what a glob is told by.
const wildcards = "*?[]{}"

var errNotUTF8 = errors.New("the key is not UTF-8")

func escape(key string) string {
	const hexes = "0123456789ABCDEF"
	var out strings.Builder
	out.Grow(len(key))
	for i := range len(key) {
		c := key[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/!$&'()+,;=:@", c) >= 0 {
			out.WriteByte(c)
			continue
		}
		out.Write([]byte{'%', hexes[c>>4], hexes[c&15]})
	}
	return out.String()
}

func unescape(text string) (string, error) {
	key, err := unescapeBytes(text)
	if err == nil && !utf8.ValidString(key) {
		return "", errNotUTF8
	}
	return key, err
}

func unescapeBytes(text string) (string, error) {
	if strings.IndexByte(text, '%') < 0 {
		return text, nil
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			out.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) || !isHex(text[i+1]) || !isHex(text[i+2]) {
			return "", errors.New("a % is not followed by two hex digits; write %25 for the character itself")
		}
		out.WriteByte(unhex(text[i+1])<<4 | unhex(text[i+2]))
		i += 2
	}
	return out.String(), nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
