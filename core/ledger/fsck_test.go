//go:build unix

package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
)

// edit replaces a text in all files that match a pattern, of which there must be one.
func edit(pattern, was, now string) error {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return fmt.Errorf("%s: %d files, %w", pattern, len(found), err)
	}
	for _, p := range found {
		body, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		changed := strings.ReplaceAll(string(body), was, now)
		if changed == string(body) {
			return fmt.Errorf("%s does not hold %s", p, was)
		}
		if err := os.WriteFile(p, []byte(changed), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// What is wrong within an event, in its lock and its copy alike.
func TestFsckReadsEvents(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(run, root, id string) error
		want  string
	}{
		"another run's event": {func(run, _, id string) error { return edit(run+"/000002.*", id, strings.Repeat("0", 20)) }, "belongs to run 00000000000000000000, the intent to"},
		"an event after the end": {func(run, _, _ string) error {
			for _, ext := range []string{"lock", "sent"} {
				body, err := os.ReadFile(run + "/000002." + ext)
				if err == nil {
					err = os.WriteFile(run+"/000004."+ext, []byte(strings.Replace(string(body), `"seq":2`, `"seq":4`, 1)), 0o644)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}, "sent follows cancelled, which ended the run"},
		"an event in another's place": {func(run, _, _ string) error { return edit(run+"/000002.*", `"seq":2`, `"seq":5`) }, "it holds event 5"},
		"a foreign file":              {func(run, _, _ string) error { return os.WriteFile(run+"/notes.txt", nil, 0o644) }, "notes.txt: is no event of a run"},
		"a number spelt otherwise":    {func(run, _, _ string) error { return os.WriteFile(run+"/2.sent", nil, 0o644) }, "2.sent: is no event of a run"},
		"no intent at the start":      {func(run, _, _ string) error { return edit(run+"/000001.*", `"kind":"intent"`, `"kind":"sent"`) }, "a run begins with sent"},
		"another generation":          {func(run, _, _ string) error { return edit(run+"/000001.*", `"generation":0`, `"generation":7`) }, "and generation 7"},
		"another fingerprint":         {func(run, _, _ string) error { return edit(run+"/000001.*", print16(1), print16(2)) }, "is of fingerprint 2222222222222222"},
		"another job":                 {func(run, _, _ string) error { return edit(run+"/000001.*", identity.Address, "job.y") }, "its job and input make"},
		"an id that leads elsewhere":  {func(_, root, _ string) error { return edit(root+"/ids/*", "runs/", "runs/z") }, "leads to runs/z"},
		"an input that is another":    {func(_, root, _ string) error { return edit(root+"/inputs/*", "a.jsonl", "b.jsonl") }, "another digest"},
		"a damaged claim":             {func(_, root, _ string) error { return edit(root+"/destinations/*/*", "{", "[") }, "destinations/"},
		"a damaged snapshot": {func(_, root, _ string) error {
			if err := os.Mkdir(root+"/snapshots", 0o755); err != nil {
				return err
			}
			return os.WriteFile(root+"/snapshots/000000001000.json", []byte("{}"), 0o644)
		}, "snapshots/: "},
		"a claim while a run lives": {func(run, root, _ string) error {
			claims, err := filepath.Glob(root + "/destinations/*/000001")
			if err != nil || len(claims) != 1 {
				return fmt.Errorf("%v, %w", claims, err)
			}
			body, err := os.ReadFile(claims[0])
			if err != nil {
				return err
			}
			return errors.Join(os.Remove(run+"/000003.lock"), os.Remove(run+"/000003.cancelled"),
				os.WriteFile(filepath.Join(filepath.Dir(claims[0]), "000002"), body, 0o644))
		}, "000001: its run is not over, and there is a later claim"},
		"a lock that is half there": {func(run, _, _ string) error { return os.Truncate(run+"/000002.lock", 10) }, "not of a form"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir)
			key, err := begin(t.Context(), l, print16(1), 0)
			if err == nil {
				err = ledgertest.Finish(t.Context(), l, key)
			}
			if err != nil {
				t.Fatal(err)
			}
			sound(t, l)
			if err := tt.spoil(filepath.Join(dir, filepath.FromSlash(string(key))), dir, job.RunID(l.ID(), identity, print16(1), 0)); err != nil {
				t.Fatal(err)
			}
			before := files(t, dir)
			problems, err := l.Fsck(t.Context())
			text := ""
			for _, p := range problems {
				text += p.Object + ": " + p.Message + "\n"
			}
			if err != nil || !strings.Contains(text, tt.want) {
				t.Errorf("%v; got\n%swant %s", err, text, tt.want)
			}
			if after := files(t, dir); len(after) != len(before) {
				t.Error("it wrote")
			}
		})
	}
}
