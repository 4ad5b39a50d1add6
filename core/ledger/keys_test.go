package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/job"
)

func TestKeysReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := job.Identity{
			Project: rapid.String().Draw(t, "project"), Address: rapid.String().Draw(t, "address"), Destination: rapid.String().Draw(t, "destination"),
		}
		fingerprint := rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "fingerprint")
		want := parsed{
			key:  KeyOf(id, fingerprint, rapid.IntRange(0, 1_000_000).Draw(t, "generation")),
			seq:  rapid.IntRange(1, maxSeq).Draw(t, "seq"),
			kind: rapid.SampledFrom([]Kind{Intent, Sent, Cancelled, CancelRequested, lockKind}).Draw(t, "kind"),
		}
		if got, ok := parseKey(want.key.eventKey(want.seq, want.kind)); !ok || got != want {
			t.Fatalf("%s reads %+v, %v", want.key.eventKey(want.seq, want.kind), got, ok)
		}
		if !strings.HasPrefix(string(want.key), jobFolder(id)) {
			t.Fatalf("%s is not in %s", want.key, jobFolder(id))
		}
		for _, element := range strings.Split(string(want.key), "/") {
			if len(element) == 0 || len(element) > 200 || element[0] == '.' || strings.Trim(element, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
				t.Fatalf("%q is no name of a folder", element)
			}
		}
	})
}

func TestOtherKeysAreNoEvents(t *testing.T) {
	run := string(KeyOf(job.Identity{Address: "job.x"}, strings.Repeat("a", 64), 0))
	for _, key := range []string{
		"", "/", run, run + "/", run + "/000001", run + "/x.sent", run + "/000000.sent", run + "/-00001.sent", run + "/deep/000001.sent",
		run + "/000001.", run + "/1.sent", run + "/+00001.sent", run + "/0000001.sent", run + "/1000000.sent",
		"ids/a/b-0/000001.sent", "runs/x/nodash/000001.sent", "runs/x/a--1/000001.sent", "runs/x/a-b/000001.sent", "runs/000001.sent",
	} {
		if p, ok := parseKey(key); ok {
			t.Errorf("%q is taken for %+v", key, p)
		}
	}
}

// The recipe is written out here as docs/ledger.md has it, to be held to it.
func TestKeysAreAsDocumented(t *testing.T) {
	id := job.Identity{Project: "shop é", Address: `job.score["eu"]`, Destination: "file:///out/eu/"}
	fingerprint := strings.Repeat("0123456789abcdef", 4)
	sum := func(parts ...string) string {
		text := ""
		for _, p := range parts {
			text += fmt.Sprint(len(p)) + " " + p + "\n"
		}
		s := sha256.Sum256([]byte(text))
		return hex.EncodeToString(s[:])
	}
	job8, dest := sum("shop é", `job.score["eu"]`)[:8], sum("file:///out/eu/")
	key := KeyOf(id, fingerprint, 12)
	if want := "-" + job8 + "-" + dest[:8] + "/0123456789abcdef-12"; !strings.HasSuffix(string(key), want) || !strings.HasPrefix(string(key), "runs/score-eu-") {
		t.Errorf("%s, want ...%s", key, want)
	}
	if got := key.eventKey(7, Sent); got != string(key)+"/000007.sent" {
		t.Error(got)
	}
	if got := claimsFolder(id.Destination); got != "destinations/"+dest[:16]+"/" {
		t.Error(got)
	}
	ledgerID := strings.Repeat("f", 32)
	if got := job.RunID(ledgerID, id, fingerprint, 12); got != sum("crossbatch run 1", ledgerID, id.Project, id.Address, id.Destination, fingerprint, "12")[:20] {
		t.Error(got)
	}
}
