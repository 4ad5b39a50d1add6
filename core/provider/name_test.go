package provider_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/provider"
)

var (
	slugForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	nameForm = regexp.MustCompile(`^cb(-[a-z0-9]+)+$`)
)

func TestSlug(t *testing.T) {
	for address, want := range map[string]string{
		`job.score`:                        "score",
		`job.score["eu-west"]`:             "score-eu-west",
		`job.score[0]`:                     "score-0",
		`job.My_Job["ÄÖ/ß"]`:               "my-job",
		`job.x["日本"]`:                      "x",
		`job.日本`:                           "job",
		``:                                 "job",
		`job.`:                             "job",
		`---`:                              "job",
		`score`:                            "score",
		`job.job.x`:                        "job-x",
		`job.a["` + "\x00\n\xff" + `"]`:    "a",
		`job.aaaaaaaaaaaaaaaaaaaaaaa["b"]`: "aaaaaaaaaaaaaaaaaaaaaaa", // the cut falls on a hyphen
		`job.abcdefghijklmnopqrstuvwxyz`:   "abcdefghijklmnopqrstuvwx",
		"job.\u212aelvin":                  "kelvin", // the sign of the unit, whose lower case is an ASCII letter
	} {
		if got := provider.Slug(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func runIDs() *rapid.Generator[string] { return rapid.StringMatching(`[0-9a-f]{20}`) }

// addresses are such as job files give, and anything else.
func addresses() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`job\.[A-Za-z_][A-Za-z0-9_-]{0,80}(\["[^"]{0,40}"\]|\[[0-9]{1,6}\])?`),
		rapid.String(),
	)
}

func TestNamesAreFitForAllServices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address, run := addresses().Draw(t, "address"), runIDs().Draw(t, "run")
		attempt := rapid.IntRange(1, 99_999).Draw(t, "attempt")
		parts := rapid.IntRange(1, 999_999).Draw(t, "parts")
		part := rapid.IntRange(0, parts-1).Draw(t, "part")
		slug := provider.Slug(address)
		if len(slug) > 24 || !slugForm.MatchString(slug) {
			t.Fatalf("slug %q", slug)
		}
		name := provider.NativeName(address, run, attempt, part, parts)
		if len(name) > 63 || !nameForm.MatchString(name) {
			t.Fatalf("name %q of %d bytes", name, len(name))
		}
		suffix := fmt.Sprintf("-a%d", attempt)
		if parts > 1 {
			suffix += fmt.Sprintf("-p%d", part)
		}
		if got, want := provider.AttemptName(name), provider.NativeName(address, run, attempt, 0, 1); got != want {
			t.Fatalf("the attempt of %q is %q, want %q", name, got, want)
		}
		if !strings.HasSuffix(name, run+suffix) {
			t.Fatalf("%q does not tell run %s and %s", name, run, suffix)
		}
	})
}

func TestNamesOfRunsDiffer(t *testing.T) {
	type what struct {
		run           string
		attempt, part int
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.IntRange(1, 30).Draw(t, "parts")
		draw := func(label string) (string, what) {
			w := what{runIDs().Draw(t, label), rapid.IntRange(1, 30).Draw(t, label), rapid.IntRange(0, parts-1).Draw(t, label)}
			return provider.NativeName(addresses().Draw(t, label), w.run, w.attempt, w.part, parts), w
		}
		one, a := draw("one")
		two, b := draw("two")
		if one == two && a != b {
			t.Fatalf("%v and %v are both %s", a, b, one)
		}
	})
}
