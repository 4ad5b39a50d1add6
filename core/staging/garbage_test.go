package staging_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

const day = 24 * time.Hour

func TestRetire(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	live := staging.Run{ID: "aaaaaaaaaaaaaaaaaaaa", Live: true, Model: "m1", Input: "i1"}
	over := staging.Run{ID: "bbbbbbbbbbbbbbbbbbbb", Ended: ago(8 * day), Model: "m2", Input: "i2"}
	recent := staging.Run{ID: "cccccccccccccccccccc", Ended: ago(day), Model: "m3"}
	kept := staging.Run{ID: "dddddddddddddddddddd", Ended: ago(20 * day), Retention: 30 * day, Model: "m4", Input: "i4"}
	all := []staging.Run{live, over, recent, kept}
	old := ago(9 * day)
	for name, c := range map[string]struct {
		group staging.Group
		runs  []staging.Run
		want  string // empty: it goes
	}{
		"a live run's folder":               {staging.Group{Kind: staging.RunGroup, Name: live.ID, Modified: old}, all, "run aaaaaaaa is not over"},
		"an old run's folder":               {staging.Group{Kind: staging.RunGroup, Name: over.ID, Modified: old}, all, ""},
		"an old run's young folder":         {staging.Group{Kind: staging.RunGroup, Name: over.ID, Modified: ago(time.Hour)}, all, "used within 7d"},
		"a run that ended yesterday":        {staging.Group{Kind: staging.RunGroup, Name: recent.ID, Modified: old}, all, "used within 7d"},
		"a run that is retained":            {staging.Group{Kind: staging.RunGroup, Name: kept.ID, Modified: ago(20 * day)}, all, "used within 30d"},
		"a run of another ledger":           {staging.Group{Kind: staging.RunGroup, Name: "eeeeeeeeeeeeeeeeeeee", Modified: ago(99 * day)}, all, "no run of this ledger"},
		"a live run's model":                {staging.Group{Kind: staging.ModelGroup, Name: "m1", Modified: old}, all, "run aaaaaaaa is not over"},
		"an old run's model":                {staging.Group{Kind: staging.ModelGroup, Name: "m2", Modified: old}, all, ""},
		"a model that nobody knows":         {staging.Group{Kind: staging.ModelGroup, Name: "m9", Modified: old}, all, ""},
		"a young model that nobody knows":   {staging.Group{Kind: staging.ModelGroup, Name: "m9", Modified: ago(6 * day)}, all, "used within 7d"},
		"a model that is retained":          {staging.Group{Kind: staging.ModelGroup, Name: "m4", Modified: old}, all, "used within 30d"},
		"a live run's input":                {staging.Group{Kind: staging.InputGroup, Name: "x", Of: "i1", Modified: old}, all, "run aaaaaaaa is not over"},
		"an old run's input":                {staging.Group{Kind: staging.InputGroup, Name: "x", Of: "i2", Modified: old}, all, ""},
		"half an input, beside a live run":  {staging.Group{Kind: staging.InputGroup, Name: "x", Modified: old}, all, "run aaaaaaaa is not over"},
		"half an input, and nobody lives":   {staging.Group{Kind: staging.InputGroup, Name: "x", Modified: old}, []staging.Run{over, kept}, ""},
		"a live run's mapping":              {staging.Group{Kind: staging.MappingGroup, Name: "x", Of: "m1", Modified: old}, all, "run aaaaaaaa is not over"},
		"an old run's mapping":              {staging.Group{Kind: staging.MappingGroup, Name: "x", Of: "m2", Modified: old}, all, ""},
		"a mapping that does not say whose": {staging.Group{Kind: staging.MappingGroup, Name: "x", Modified: old}, all, "run aaaaaaaa is not over"},
		"exactly as old":                    {staging.Group{Kind: staging.ModelGroup, Name: "m9", Modified: ago(7 * day)}, all, ""},
		"of tomorrow":                       {staging.Group{Kind: staging.ModelGroup, Name: "m9", Modified: ago(-day)}, all, "used within 7d"},
	} {
		v := staging.Retire([]staging.Group{c.group}, c.runs, 7*day, now)[0]
		if v.Goes != (c.want == "") || !v.Goes && v.Reason != c.want || v.Reason == "" {
			t.Errorf("%s: %t, %s", name, v.Goes, v.Reason)
		}
	}
	forever := staging.Run{ID: over.ID, Ended: ago(9999 * day), Retention: math.MaxInt64}
	if v := staging.Retire([]staging.Group{{Kind: staging.RunGroup, Name: over.ID}}, []staging.Run{forever}, 0, now)[0]; v.Goes {
		t.Errorf("%+v", v)
	}
}

// Whatever lies there: what a live run uses stays, and each group is judged once.
func TestRetireKeepsWhatLives(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	names := []string{"a", "b", "c", ""}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string) string { return rapid.SampledFrom(names).Draw(t, what) }
		when := func() time.Time {
			return now.Add(-time.Duration(rapid.Int64Range(-10, 20*24).Draw(t, "hours")) * time.Hour)
		}
		var runs []staging.Run
		for range rapid.IntRange(0, 4).Draw(t, "runs") {
			runs = append(runs, staging.Run{ID: draw("id"), Live: rapid.Bool().Draw(t, "live"), Model: draw("model"), Input: draw("input"), Ended: when()})
		}
		var groups []staging.Group
		for range rapid.IntRange(0, 6).Draw(t, "groups") {
			kind := rapid.SampledFrom([]staging.Kind{staging.ModelGroup, staging.MappingGroup, staging.InputGroup, staging.RunGroup}).Draw(t, "kind")
			groups = append(groups, staging.Group{Kind: kind, Name: draw("name"), Of: draw("of"), Modified: when()})
		}
		older := time.Duration(rapid.IntRange(0, 400).Draw(t, "older")) * time.Hour
		verdicts := staging.Retire(groups, runs, older, now)
		if len(verdicts) != len(groups) {
			t.Fatalf("%d groups, %d verdicts", len(groups), len(verdicts))
		}
		for _, v := range verdicts {
			for _, r := range runs {
				whose := map[staging.Kind]bool{
					staging.RunGroup: r.ID == v.Name, staging.ModelGroup: r.Model == v.Name,
					staging.MappingGroup: v.Of == "" || r.Model == v.Of, staging.InputGroup: v.Of == "" || r.Input == v.Of,
				}
				if r.Live && whose[v.Kind] && v.Goes {
					t.Fatalf("%+v goes, and %+v lives", v, r)
				}
			}
			if v.Goes && now.Sub(v.Modified) < older {
				t.Fatalf("%+v goes too early", v)
			}
		}
	})
}

func TestSurveyAndRemove(t *testing.T) {
	const zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	for _, local := range []bool{false, true} {
		mem := newStore(t)
		place, dir := memPlace+"st/", filepath.Join(mem.dir, "st")
		if local {
			place = storage.FileURI(dir) + "/"
		}
		in := crashInput(t)
		p, err := crashPlan(in)
		if err != nil {
			t.Fatal(err)
		}
		s, err := staging.Stage(t.Context(), mem.open, place, p, staging.Options{})
		if err != nil {
			t.Fatal(err)
		}
		pkg := somePackage(t)
		if _, err := staging.Model(t.Context(), mem.open, place, pkg, staging.Options{}); err != nil {
			t.Fatal(err)
		}
		if _, err := staging.Mapping(t.Context(), mem.open, place, mapping.Of(job.Job{Output: job.Output{Format: job.JSONL}}, pkg.Digest, job.JSONL), staging.Options{}); err != nil {
			t.Fatal(err)
		}
		others := []string{
			"notes", "inputs/notes", "inputs/january/a", "models/" + zeros, "runs/mine/a", "runs/abc", "inputs/" + zeros[1:] + "/a", "other/" + zeros + "/a",
		}
		if local { // a folder cannot be an object as well
			others[3] = "models/" + strings.Repeat("1", 64)
		}
		for _, o := range append(others, "runs/0123456789abcdef0123/a1/out", "inputs/"+zeros+"/records/000000-000000.jsonl") {
			save(t, filepath.Join(dir, filepath.FromSlash(o)), []byte(o))
		}
		groups, err := staging.Survey(t.Context(), mem.open, place)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, g := range groups {
			if g.Objects == 0 || g.Bytes == 0 || g.Modified.IsZero() || g.Place != place || !strings.HasPrefix(g.URI, place) || !strings.HasSuffix(g.URI, g.Name+"/") {
				t.Errorf("%+v", g)
			}
			got[string(g.Kind)+" "+g.Name] = g.Of
			if g.Kind == staging.MappingGroup {
				delete(got, string(g.Kind)+" "+g.Name)
				got["mapping"] = g.Of
			}
		}
		want := map[string]string{
			"model " + pkg.Digest: "", "mapping": pkg.Digest, "input " + p.Digest: s.Input, "input " + zeros: "", "run 0123456789abcdef0123": "",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
		// Used since the survey: nothing of it goes.
		before := mem.objects(t, place)
		for _, g := range groups {
			g.Modified = g.Modified.Add(-time.Hour)
			if err := staging.Remove(t.Context(), mem.open, g); !errors.Is(err, staging.ErrUsed) {
				t.Errorf("%v", err)
			}
		}
		if d := cmp.Diff(before, mem.objects(t, place)); d != "" {
			t.Error(d)
		}
		if local {
			save(t, filepath.Join(dir, "inputs", p.Digest, "records", ".tmp-0123"), []byte("half"))
		}
		for range 2 {
			for _, g := range groups {
				if err := staging.Remove(t.Context(), mem.open, g); err != nil {
					t.Fatal(err)
				}
			}
		}
		left := mem.objects(t, place)
		for _, o := range others {
			if left[o] != o {
				t.Errorf("%s is gone", o)
			}
			delete(left, o)
		}
		if len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if _, err := os.Stat(filepath.Join(dir, "inputs", p.Digest)); local && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder of a removed input is there: %v", err)
		}
		if err := staging.Remove(t.Context(), mem.open, staging.Group{Kind: staging.RunGroup, Name: "../x", Place: place}); err == nil {
			t.Error("a name that leads elsewhere is removed")
		}
	}
}

// A staging bucket that somebody removed holds nothing, and is in nobody's way.
func TestNoBucketHoldsNothing(t *testing.T) {
	gone := func(context.Context, string) (*storage.Bucket, string, error) {
		return nil, "", &storage.Fault{Kind: storage.ErrNoBucket, Cause: errors.New("404")}
	}
	if groups, err := staging.Survey(t.Context(), gone, "s3://gone/"); err != nil || groups != nil {
		t.Errorf("%v %v", groups, err)
	}
	if err := staging.RemoveRun(t.Context(), gone, "s3://gone/", strings.Repeat("0", 20)); err != nil {
		t.Error(err)
	}
	denied := func(context.Context, string) (*storage.Bucket, string, error) {
		return nil, "", &storage.Fault{Kind: storage.ErrDenied, Cause: errors.New("403")}
	}
	if _, err := staging.Survey(t.Context(), denied, "s3://b/"); !errors.Is(err, storage.ErrDenied) {
		t.Error(err)
	}
	if err := staging.RemoveRun(t.Context(), denied, "s3://b/", strings.Repeat("0", 20)); !errors.Is(err, storage.ErrDenied) {
		t.Error(err)
	}
}
