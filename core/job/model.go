package job

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Digest names a model that is no ONNX package by what the job file says of it:
// the digest of a container's image, or one over a registered model's names. It
// is empty for an artifact, whose files have to be read.
func (m Model) Digest() string {
	switch {
	case m.Container != nil:
		_, digest, _ := strings.Cut(m.Container.Image, "@")
		return digest
	case len(m.Registered) > 0:
		h := sha256.New()
		fmt.Fprintf(h, "crossbatch registered 1\n")
		for _, kind := range slices.Sorted(maps.Keys(m.Registered)) {
			fmt.Fprintf(h, "%s %d %s\n", kind, len(m.Registered[kind]), m.Registered[kind])
		}
		return "registered:" + hex.EncodeToString(h.Sum(nil))
	}
	return ""
}

// fingerprinted is the part of a container that its image's digest does not
// tell. The registry is none: the same image in another one answers the same.
func (m Model) fingerprinted() *Container {
	if m.Container == nil {
		return nil
	}
	c := *m.Container
	c.Image = ""
	return &c
}
