package ociblob

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestEscapedKeys(t *testing.T) {
	for in, want := range map[string]string{
		"a/b c":       "a/b c",
		"a\nb":        "a__0xa__b",
		"..":          "..",
		"../x":        "..__0x2f__x",
		"a../..b/c":   "a..__0x2f__..b/c",
		"__0x2f__":    "__0x5f___0x2f__",
		"__0xzz__":    "__0x5f___0xzz__",
		"__0xa\x00":   "__0x5f___0xa__0x0__", // not __0xa__ and 0x0__
		"___0xa__":    "___0x5f___0xa__",
		"\x00__0x0__": "__0x0____0x5f___0x0__",
	} {
		if got := escapeKey(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func checkEscape(t interface{ Fatalf(string, ...any) }, key string) {
	e := escapeKey(key)
	if got := unescape(e); got != key {
		t.Fatalf("%q becomes %q, and that %q", key, e, got)
	}
	if strings.ContainsAny(e, "\x00\n\r") || strings.Contains(e, "../") {
		t.Fatalf("%q becomes %q", key, e)
	}
}

// What can be undone is injective.
func TestEscapeIsUndone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"__0x", "_", "__", "0x", "2f__", "/", "..", "\n", "a__"}))).Draw(t, "pieces")
		checkEscape(t, strings.Join(pieces, ""))
	})
}

func FuzzEscape(f *testing.F) {
	for _, k := range oddKeys() {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if utf8.ValidString(key) { // blob refuses the others
			checkEscape(t, key)
		}
	})
}

func TestMetadataOfOthers(t *testing.T) {
	got := unescapeMetadata(map[string]string{"k": "100%", "l": "a%20b"})
	if got["k"] != "100%" || got["l"] != "a b" {
		t.Errorf("got %q", got)
	}
}
