package objects

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestUploads(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		u, err := p.CreateUpload(bucketName, "k", "", Attributes{ContentType: "a/b", Metadata: map[string]string{"m": "n"}}, IfNoneMatch("*"))
		if err != nil || u.ID == "" || u.Key != "k" || !u.Created.Equal(p.clock.Now()) {
			t.Fatalf("%+v, %v", u, err)
		}
		parts := map[string]Part{}
		for name, body := range map[string]string{"3": "three", "1": strings.Repeat("one", chunk), "2": "", "9": "left out"} {
			if parts[name], err = p.PutPart(bucketName, u.ID, name, p.stage(body)); err != nil {
				t.Fatal(err)
			}
		}
		before := parts["3"]
		if parts["3"], err = p.PutPart(bucketName, u.ID, "3", p.stage("THREE")); err != nil || parts["3"].ETag == before.ETag {
			t.Fatal(parts["3"], err)
		}
		p.wantFiles(4)
		p.absent("k")
		list, err := p.Parts(bucketName, u.ID)
		if err != nil || len(list) != 4 || list[0].Name != "1" || list[3].Name != "9" || list[2].Size != 5 {
			t.Errorf("%+v, %v", list, err)
		}
		for name, refs := range map[string][]PartRef{
			"no such part":     {{Name: "1"}, {Name: "4"}},
			"an old etag":      {{Name: "3", ETag: before.ETag}},
			"not committed":    {{Name: "1", Committed: true}},
			"refused by check": {{Name: "1"}},
		} {
			_, err := p.Commit(bucketName, u.ID, refs, nil, IfMatch("*"))
			if !errors.Is(err, ErrNoPart) && !errors.Is(err, ErrPrecondition) {
				t.Errorf("%s: %v", name, err)
			}
		}
		p.wantFiles(4)
		o, err := p.Commit(bucketName, u.ID, []PartRef{{Name: "3", ETag: parts["3"].ETag}, {Name: "2"}, {Name: "1"}}, nil, IfNoneMatch("*"))
		if err != nil || o.MD5 != nil || len(o.Parts) != 3 || o.Parts[0].Name != "3" || o.ContentType != "a/b" || o.Metadata["m"] != "n" {
			t.Errorf("%+v, %v", o, err)
		}
		p.wantFiles(3)
		p.reopen()
		want := "THREE" + strings.Repeat("one", chunk)
		if p.read("k") != want {
			t.Error("the object is not its parts in the order of the commit")
		}
		if _, err := p.Commit(bucketName, u.ID, nil, nil, nil); !errors.Is(err, ErrNoUpload) {
			t.Errorf("again: %v", err)
		}
		// What is there can be a part of what follows.
		if _, err := p.CreateUpload(bucketName, "k", "mine", Attributes{}, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := p.CreateUpload(bucketName, "j", "mine", Attributes{}, nil); !errors.Is(err, ErrUploadExists) {
			t.Errorf("an id twice: %v", err)
		}
		if _, err := p.PutPart(bucketName, "mine", "3", p.stage("new")); err != nil {
			t.Fatal(err)
		}
		o, err = p.Commit(bucketName, "mine", []PartRef{{Name: "3"}, {Name: "3", Committed: true}, {Name: "3"}}, &Attributes{ContentType: "c/d"}, IfMatch(o.ETag))
		if err != nil || p.read("k") != "newTHREEnew" || o.ContentType != "c/d" {
			t.Errorf("%q, %+v, %v", p.read("k"), o, err)
		}
		p.wantFiles(2)
		if err := p.Delete(bucketName, "k", nil); err != nil {
			t.Fatal(err)
		}
		p.wantFiles(0)
	})
}

func TestAbort(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		for _, id := range []string{"2", "1"} {
			if _, err := p.CreateUpload(bucketName, "k", id, Attributes{}, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := p.PutPart(bucketName, id, "1", p.stage("x")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.CreateUpload(bucketName, "a", "3", Attributes{}, nil); err != nil {
			t.Fatal(err)
		}
		list, err := p.Uploads(bucketName)
		if ids := []string{list[0].ID, list[1].ID, list[2].ID}; err != nil || !slices.Equal(ids, []string{"3", "1", "2"}) {
			t.Errorf("%q, %v", ids, err)
		}
		if u, err := p.GetUpload(bucketName, "1"); err != nil || u.Key != "k" {
			t.Errorf("%+v, %v", u, err)
		}
		if err := p.Abort(bucketName, "1"); err != nil {
			t.Fatal(err)
		}
		p.wantFiles(1)
		for name, err := range map[string]error{
			"Abort":     p.Abort(bucketName, "1"),
			"Parts":     second(p.Parts(bucketName, "1")),
			"GetUpload": second(p.GetUpload(bucketName, "1")),
			"PutPart":   second(p.PutPart(bucketName, "1", "1", p.stage("x"))),
		} {
			if !errors.Is(err, ErrNoUpload) {
				t.Errorf("%s: %v", name, err)
			}
		}
		p.wantFiles(1)
		if p.dir != "" { // uploads are forgotten, and what they had
			p.reopen()
			if list, err := p.Uploads(bucketName); err != nil || len(list) != 0 {
				t.Errorf("%+v, %v", list, err)
			}
			p.wantFiles(0)
		}
	})
}
