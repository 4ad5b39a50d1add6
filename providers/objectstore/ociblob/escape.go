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

// escape writes the runes that it is told to as __0xHEX__. Where __0x stands already,
// its first character is escaped, whatever follows: an escaped rune behind it might
// complete it. So no two strings become the same.
func escape(s string, special func(s string, i int) bool) string {
	var b strings.Builder
	for i, r := range s {
		if special(s, i) || strings.HasPrefix(s[i:], "__0x") {
			fmt.Fprintf(&b, "__0x%x__", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
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
		return string(rune(n))
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
		out[escape(k, func(s string, i int) bool { return !plain(s[i]) })] = url.PathEscape(v)
	}
	return out
}

// plain bytes stand in a header's name as they are.
func plain(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		return true
	}
	return false
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
