package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// Key is the folder of a run in its ledger:
// runs/<slug>-<8 hex of project and address>-<8 hex of destination>/<16 hex of fingerprint>-<generation>
type Key string

const (
	runsFolder         = "runs/"
	idsFolder          = "ids/"
	destinationsFolder = "destinations/"
	inputsFolder       = "inputs/"
	rowsFolder         = "rows/"
	markName           = "ledger.json"
	lockKind           = "lock"
)

const maxSeq = 999_999 // six digits

// KeyOf names the run of a job at a fingerprint and a generation.
func KeyOf(id job.Identity, fingerprint string, generation int) Key {
	return Key(fmt.Sprintf("%s%.16s-%d", jobFolder(id), fingerprint, generation))
}

func jobFolder(id job.Identity) string {
	return fmt.Sprintf("%s%s-%.8s-%.8s/", runsFolder, provider.Slug(id.Address), digest(id.Project, id.Address), digest(id.Destination))
}

// claimsFolder holds the claims of a destination.
func claimsFolder(destination string) string {
	return fmt.Sprintf("%s%.16s/", destinationsFolder, digest(destination))
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d %s\n", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// eventKey is the object of an event. The one of kind "lock" decides who writes
// the event of a seq; it holds the event as well.
func (k Key) eventKey(seq int, kind Kind) string {
	return fmt.Sprintf("%s/%06d.%s", k, seq, kind)
}

// parsed is the key of an event's object taken apart.
type parsed struct {
	key  Key
	seq  int
	kind Kind
}

// parseKey takes the key of an event's object apart; false for anything else.
func parseKey(key string) (parsed, bool) {
	dir, name := path.Split(key)
	number, kind, ok := strings.Cut(name, ".")
	seq, err := strconv.Atoi(number)
	p := parsed{key: Key(strings.TrimSuffix(dir, "/")), seq: seq, kind: Kind(kind)}
	if !ok || err != nil || seq < 1 || strings.Count(string(p.key), "/") != 2 || !strings.HasPrefix(dir, runsFolder) {
		return parsed{}, false
	}
	if _, _, ok := p.key.tail(); !ok || kind == "" || seq > maxSeq || p.key.eventKey(seq, p.kind) != key {
		return parsed{}, false // another spelling of a number would be a second event of it
	}
	return p, true
}

// tail is the start of the fingerprint and the generation that a run's key ends in.
func (k Key) tail() (fingerprint string, generation int, ok bool) {
	fingerprint, number, ok := strings.Cut(path.Base(string(k)), "-")
	generation, err := strconv.Atoi(number)
	return fingerprint, generation, ok && err == nil && generation >= 0
}
