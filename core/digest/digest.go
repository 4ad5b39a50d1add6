// Package digest tells whether bytes are the ones that were meant: those of an
// input that a run began with, and those of a result that was published.
//
// It is XXH3 of 128 bits, and no cryptographic digest. The data of a run is read
// by crossbatch at the speed of memory; SHA-256 of it takes as long as all of
// parsing, scoring and writing together. A digest of data has to notice chance
// (a changed file, a lost block), not somebody who makes two files of one digest:
// who may write a run's input or its results needs no such file. What names
// things across trust, models and fingerprints, stays SHA-256.
//
// It must not know where bytes lie.
package digest

import (
	"encoding/hex"
	"strings"

	"github.com/zeebo/xxh3"
)

const (
	prefix = "xxh3:"
	size   = 16 // bytes
)

// Hash digests what is written to it. Write never fails.
type Hash struct{ h xxh3.Hasher }

// New is the digest of nothing yet.
func New() *Hash { return &Hash{} }

// Write adds bytes.
func (h *Hash) Write(b []byte) (int, error) { return h.h.Write(b) }

// String is the digest of what was written so far: "xxh3:" and 32 hex digits,
// those that `xxhsum -H2` prints. More may be written afterwards.
func (h *Hash) String() string {
	sum := h.h.Sum128().Bytes()
	return prefix + hex.EncodeToString(sum[:])
}

// Of is the digest of b.
func Of(b []byte) string {
	sum := xxh3.Hash128(b).Bytes()
	return prefix + hex.EncodeToString(sum[:])
}

// Valid says whether text is a digest of this package.
func Valid(text string) bool {
	hexes, ok := strings.CutPrefix(text, prefix)
	b, err := hex.DecodeString(hexes)
	return ok && err == nil && len(b) == size
}
