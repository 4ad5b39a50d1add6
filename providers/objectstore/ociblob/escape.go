package ociblob

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// escaped is a rune that was escaped: __0x, its number in hexadecimal digits as escape
// writes it, __.
var escaped = regexp.MustCompile(`__0x(0|[1-9a-f][0-9a-f]{0,5})__`)

// escape writes the runes that it is told to as __0xHEX__, and what looks like one
// already with its first character escaped: no two strings become the same.
func escape(s string, special func(s string, i int) bool) string {
	var b strings.Builder
	for i, r := range s {
		if special(s, i) || r == '_' && looksEscaped(s[i:]) {
			fmt.Fprintf(&b, "__0x%x__", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func looksEscaped(s string) bool {
	at := escaped.FindStringIndex(s)
	return at != nil && at[0] == 0
}

// unescape undoes escape.
func unescape(s string) string {
	if !strings.Contains(s, "__0x") {
		return s
	}
	return escaped.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[4:len(e)-2], 16, 32)
		if err != nil {
			return e
		}
		return string(rune(n)) //nolint:gosec // six digits
	})
}

func escapeKey(key string) string {
	return escape(key, func(s string, i int) bool {
		switch s[i] {
		case 0, '\n', '\r':
			return true
		case '/':
			return strings.HasSuffix(s[:i], "..")
		}
		return false
	})
}

func escapeMetadata(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := map[string]string{}
	for k, v := range in {
		key := escape(k, func(s string, i int) bool {
			c := s[i]
			return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
		})
		out[key] = url.PathEscape(v)
	}
	return out
}

func unescapeMetadata(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := map[string]string{}
	for k, v := range in {
		if plain, err := url.PathUnescape(v); err == nil {
			v = plain // another's value may hold a bare '%'
		}
		out[unescape(k)] = v
	}
	return out
}
