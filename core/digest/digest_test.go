package digest_test

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/digest"
)

// The values are those that xxhsum 0.8 prints for -H2.
func TestKnown(t *testing.T) {
	for text, want := range map[string]string{
		"":    "xxh3:99aa06d3014798d86001c324468d497f",
		"abc": "xxh3:06b05ab6733a618578af5f94892f3950",
	} {
		if got := digest.Of([]byte(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestPiecesMakeTheWhole(t *testing.T) {
	text := make([]byte, 10_000)
	for i := range text {
		text[i] = byte(i * i >> 3)
	}
	want := digest.Of(text)
	for _, step := range []int{1, 7, 240, 1024, 9999} {
		h := digest.New()
		for at := 0; at < len(text); at += step {
			_, _ = h.Write(text[at:min(at+step, len(text))])
			_ = h.String() // asking does not disturb
		}
		if got := h.String(); got != want {
			t.Errorf("in steps of %d: %s, want %s", step, got, want)
		}
	}
}

func TestValid(t *testing.T) {
	for text, want := range map[string]bool{
		digest.Of(nil):                           true,
		"xxh3:":                                  false,
		"99aa06d3014798d86001c324468d497f":       false,
		"xxh3:99aa06d3014798d86001c324468d497":   false,
		"xxh3:99aa06d3014798d86001c324468d497g":  false,
		"xxh3:99aa06d3014798d86001c324468d497f0": false,
	} {
		if digest.Valid(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
