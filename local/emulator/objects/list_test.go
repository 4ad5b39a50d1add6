package objects

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever the options, a listing is what one gets by looking at every key.
func TestListingsAreWhatTheyShouldBe(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "b", "/", "//", "-", "\xff", "\x00", "é", "ab"})
	word := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, "word"), "") })
	p := openPlace(t, "")
	rapid.Check(t, func(t *rapid.T) {
		if _, err := p.CreateBucket("l", nil); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.DropBucket("l"); err != nil {
				t.Fatal(err)
			}
		}()
		keys := slices.DeleteFunc(rapid.SliceOf(word).Draw(t, "keys"), func(k string) bool { return k == "" })
		for _, k := range keys {
			if _, err := p.Put("l", k, p.stage("x"), Attributes{}, nil); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(keys)
		keys = slices.Compact(keys)
		o := ListOptions{
			Prefix: word.Draw(t, "prefix"), Delimiter: rapid.SampledFrom([]string{"", "/", "//", "a"}).Draw(t, "delimiter"),
			After: word.Draw(t, "after"), Before: word.Draw(t, "before"), From: word.Draw(t, "from"),
		}
		var objects, prefixes []string
		for _, k := range keys {
			rest, ok := strings.CutPrefix(k, o.Prefix)
			if !ok || k < o.From || o.After != "" && k <= o.After || o.Before != "" && k >= o.Before {
				continue
			}
			if i := strings.Index(rest, o.Delimiter); o.Delimiter != "" && i >= 0 {
				prefixes = append(prefixes, o.Prefix+rest[:i+len(o.Delimiter)])
			} else {
				objects = append(objects, k)
			}
		}
		prefixes = slices.Compact(prefixes)
		o.Limit = rapid.IntRange(0, 4).Draw(t, "limit")
		var gotObjects, gotPrefixes []string
		for {
			page, err := p.List("l", o)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(page.Objects) + len(page.Prefixes); o.Limit > 0 && n > o.Limit || page.Next != "" && n == 0 {
				t.Fatalf("a page of %d, limit %d", n, o.Limit)
			}
			for _, e := range page.Objects {
				gotObjects = append(gotObjects, e.Key)
			}
			gotPrefixes = append(gotPrefixes, page.Prefixes...)
			if page.Next == "" {
				break
			}
			o.From = page.Next
		}
		if !slices.Equal(gotObjects, objects) || !slices.Equal(gotPrefixes, prefixes) {
			t.Fatalf("of %q, with %+v:\ngot  %q %q\nwant %q %q", keys, o, gotObjects, gotPrefixes, objects, prefixes)
		}
	})
}
