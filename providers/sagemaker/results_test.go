package sagemaker

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

func matcherOf(t testing.TB, input string, uris ...string) *matcher {
	t.Helper()
	s := &provider.Staged{Input: input}
	for i, uri := range uris {
		s.Entries = append(s.Entries, provider.Entry{URI: uri, Shard: i})
	}
	m, err := newMatcher(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOutputsFindTheirInputs(t *testing.T) {
	for name, c := range map[string]struct {
		input string
		uris  []string
		out   string
		want  int // below zero: a conflict
	}{
		"the whole key":               {"", []string{"s3://b/in/a.csv", "s3://b/in/b.csv"}, "in/b.csv", 1},
		"as the API's example":        {"", []string{"s3://b/p/x/a.csv", "s3://b/p/x/b.csv"}, "p/b.csv", 1},
		"the name alone":              {"", []string{"s3://b/p/a.csv", "s3://b/p/b.csv"}, "a.csv", 0},
		"below the staged folder":     {"s3://b/s/records/", []string{"s3://b/s/records/0-0.jsonl", "s3://b/s/records/0-1.jsonl"}, "0-1.jsonl", 1},
		"beside the staged folder":    {"s3://b/s/records/", []string{"s3://b/s/records/0-0.jsonl", "s3://b/s/records/0-1.jsonl"}, "records/0-1.jsonl", 1},
		"without .gz":                 {"", []string{"s3://b/p/a.csv.gz", "s3://b/p/b.csv.gz"}, "p/b.csv", 1},
		"with .gz":                    {"", []string{"s3://b/p/a.csv.gz", "s3://b/p/b.csv.gz"}, "p/b.csv.gz", 1},
		"the longer of two":           {"", []string{"s3://b/x/a.csv", "s3://b/y/a.csv"}, "y/a.csv", 1},
		"one that is below another":   {"", []string{"s3://b/a.csv", "s3://b/y/a.csv"}, "a.csv", -1},
		"names that are encoded":      {"", []string{"s3://b/a%20b%2523.csv", "s3://b/a+b"}, "a b%23.csv", 0},
		"queries":                     {"s3://b/s/?region=x", []string{"s3://b/s/0.jsonl?region=x"}, "0.jsonl", 0},
		"either of two":               {"", []string{"s3://b/x/p/a.csv", "s3://b/y/p/a.csv"}, "p/a.csv", -1},
		"none":                        {"", []string{"s3://b/x/a.csv"}, "x/b.csv", -1},
		"a longer name":               {"", []string{"s3://b/x/a.csv"}, "x/aa.csv", -1},
		"an edge slash":               {"", []string{"s3://b//a.csv", "s3://b/c/a.csv"}, "c/a.csv", 1},
		"compressed and not, by name": {"", []string{"s3://b/p/a.csv.gz", "s3://b/p/a.csv"}, "p/a.csv", 1},
	} {
		got, err := matcherOf(t, c.input, c.uris...).match(c.out)
		if c.want < 0 && !errors.Is(err, provider.Conflict) || c.want >= 0 && (err != nil || got != c.want) {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}

func TestAnOutputTooMany(t *testing.T) {
	m := matcherOf(t, "", "s3://b/p/a.csv")
	if _, err := m.match("p/a.csv"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.match("a.csv"); !errors.Is(err, provider.Conflict) {
		t.Errorf("%v", err)
	}
}

// Whichever layout the service has, no output is given to another input.
func TestOutputsAreNeverGuessed(t *testing.T) {
	layouts := []func(key string) string{
		func(key string) string { return key },
		baseOf,
		func(key string) string { return strings.TrimPrefix(key, "s/") },
		func(key string) string { return "s/" + baseOf(key) },
	}
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`([abs]/){0,3}[ab]{1,2}`), 1, 8, func(s string) string { return s }).Draw(rt, "keys")
		var uris []string
		for _, k := range keys {
			uris = append(uris, storage.URI{Scheme: "s3", Bucket: "b", Key: k}.String())
		}
		for i, k := range keys {
			for n, layout := range layouts[:2] {
				if got, err := matcherOf(t, "", uris...).match(layout(k)); err == nil && got != i || n == 0 && err != nil && strings.Contains(k, "/") {
					rt.Fatalf("layout %d: %s of %q is given to %d: %v", n, layout(k), keys, got, err)
				}
			}
		}
		// The names of what is staged are unique, so none is in doubt.
		uris = nil
		for i := range keys {
			uris = append(uris, fmt.Sprintf("s3://b/s/%06d.jsonl", i))
		}
		for i := range keys {
			for n, layout := range layouts {
				if got, err := matcherOf(t, "s3://b/s/", uris...).match(layout(fmt.Sprintf("s/%06d.jsonl", i))); err != nil || got != i {
					rt.Fatalf("layout %d: staged piece %d: %d, %v", n, i, got, err)
				}
			}
		}
	})
}
