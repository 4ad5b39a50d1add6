package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/plan"
)

// A saved plan has, to the letter, the requests that a service hears when it is
// applied. It is applied once.
func TestPlannedIsSent(t *testing.T) {
	for kind, c := range services() {
		t.Run(kind, func(t *testing.T) {
			s, h := c.newPlane(t, kind)
			s.crossbatch(0, "plan", "two.crossbatch.hcl", "--out", "p.plan")
			if made := h.all(); len(made) > 0 {
				t.Fatalf("plan made %v", made)
			}
			body, err := os.ReadFile(filepath.Join(s.dir, "p.plan"))
			if err != nil {
				t.Fatal(err)
			}
			saved, err := plan.ParseSaved(body)
			if err != nil {
				t.Fatal(err)
			}
			var want []sent
			for _, i := range saved.Items {
				want = append(want, asked(t, want, i.Translation.Requests)...)
			}
			if len(want) != c.requests {
				t.Fatalf("planned are %d requests, want %d: %v", len(want), c.requests, want)
			}
			s.crossbatch(0, "apply", "p.plan", "--detach", "--parallelism", "1")
			if diff := cmp.Diff(want, h.all()); diff != "" {
				t.Errorf("(-planned +understood)\n%s", diff)
			}
			if said := s.crossbatch(1, "apply", "p.plan", "--detach"); strings.Count(said, "was begun since") != 3 {
				t.Errorf("applied again: %s", said)
			}
			if said := s.crossbatch(0, "apply", "two.crossbatch.hcl", "--detach"); !strings.Contains(said, "3 to attach") {
				t.Errorf("the job files applied: %s", said)
			}
			if made := h.all(); len(made) != len(want) {
				t.Errorf("made are %v", made)
			}
		})
	}
}
